import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as v2

from lightning_imb.data.degrade import GREY, blur, darken, rotate


def images(n=6, height=16, width=16):
    """Smooth pictures, uint8 (N, 3, H, W)."""
    rough = torch.rand(n, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(rough, (height, width), mode="bilinear").mul(255).byte()


def within_circle(side, radius):
    at = torch.arange(side) - (side - 1) / 2
    return at[:, None] ** 2 + at[None] ** 2 <= radius**2


def nearly_equal(one, other):
    return (one.int() - other.int()).abs().max() <= 1


def test_rotation_is_that_of_torchvision_on_softened_images_and_grey_outside_the_circle():
    pictures, angles = images(6, 32, 32), torch.tensor([0.0, 10, 45, 77.5, 90, -30])
    turned = rotate(pictures, angles)
    inner, circle = within_circle(32, 13), within_circle(32, 15)
    soft = v2.gaussian_blur(pictures, [7, 7], [0.75, 0.75])
    for image, angle, result in zip(soft, angles.tolist(), turned, strict=True):
        expected = v2.rotate(image, angle, InterpolationMode.BILINEAR)
        assert (result[:, inner].int() - expected[:, inner].int()).abs().max() <= 3
        assert (result[:, ~circle] == GREY).all()
    assert (turned[:, :, circle] != GREY).float().mean() > 0.9


@pytest.mark.parametrize("side", [15, 16])
def test_quarter_turns_only_move_pixels(side):
    noise = torch.randint(0, 256, (2, 3, side, side), generator=torch.Generator().manual_seed(0)).byte()
    upright, turned = (rotate(noise, torch.full((2,), angle)) for angle in (0.0, 90.0))
    assert nearly_equal(turned, upright.rot90(1, (2, 3)))


def test_rotation_of_images_that_are_no_squares_keeps_shapes():
    disc = (within_circle(21, 5)[None, None] * 200).byte().expand(1, 1, 21, 21)[:, :, :, 4:17]
    assert nearly_equal(rotate(disc, torch.zeros(1)), rotate(disc, torch.tensor([180.0])))


def autocorrelations(pictures):
    """(N, 25): the mean product of each grey image with itself, shifted by up to 3 pixels into any direction."""
    levels = torch.nn.functional.pad(pictures[:, 0].float() - GREY, (3, 3, 0, 3))
    side = pictures.shape[2]
    here = levels[:, :side, 3 : 3 + side]
    lags = [(0, x) for x in range(4)] + [(y, x) for y in (1, 2, 3) for x in range(-3, 4)]
    moved = (levels[:, y : y + side, 3 + x : 3 + x + side] for y, x in lags)
    return torch.stack([(here * there).mean((1, 2)) for there in moved], dim=1)


def explained(pictures, targets):
    """R2, on the second half of the images, of ridge on what the first half tells of targets by autocorrelations."""
    inputs, half = autocorrelations(pictures), len(pictures) // 2
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 7)))
    return model.fit(inputs[:half], targets[:half]).score(inputs[half:], targets[half:])


@pytest.mark.parametrize(
    ("blurs", "told"),
    [((0, 0), False), ((1, 1), False), ((0, 1.5), True)],
    ids=["white noise", "soft", "lines"],
)
def test_the_softness_of_turned_images_does_not_tell_the_angle(blurs, told):
    generator = torch.Generator().manual_seed(0)
    angles = torch.rand(3000, generator=generator) * 90
    noise = (torch.randn(3000, 44, 44, generator=generator) * 50).numpy()
    noise = gaussian_filter(noise, (0, *blurs))[:, None, 6:-6, 6:-6]
    noise = torch.from_numpy(noise * 50 / noise.std() + GREY).clamp(0, 255).byte()
    found = explained(rotate(noise, angles), (angles - 45).abs())
    assert found > 0.5 if told else found < 0.05


@pytest.mark.parametrize(("height", "width"), [(16, 16), (9, 20)])
def test_blur_is_that_of_torchvision(height, width):
    pictures, deviations = images(4, height, width), torch.tensor([0.3, 1.0, 1.7, 0.8])
    for image, deviation, result in zip(pictures, deviations.tolist(), blur(pictures, deviations), strict=True):
        kernel = 2 * math.ceil(4 * deviation) + 1
        assert nearly_equal(result, v2.gaussian_blur(image, [kernel, kernel], [deviation, deviation]))


def test_blur_of_zero_changes_nothing_and_wide_ones_level_small_images():
    pictures = images(2, 5, 5)
    assert torch.equal(blur(pictures, torch.zeros(2)), pictures)
    flat = blur(pictures, torch.tensor([30.0, 0.0]))[0].float()
    assert flat.std(dim=(1, 2)).max() < 1.5
    assert blur(images(1, 1, 1), torch.tensor([2.0])).shape == (1, 3, 1, 1)


def test_an_image_is_blurred_alike_in_any_company():
    pictures = images(3)
    together = blur(pictures, torch.tensor([0.5, 1.0, 4.0]))
    assert torch.equal(together[:1], blur(pictures[:1], torch.tensor([0.5])))


def test_brightness_multiplies_and_stays_within_the_levels():
    pictures = images(3)
    result = darken(pictures, torch.tensor([0.0, 0.5, 2.0]))
    assert not result[0].any()
    assert torch.equal(result[1], (pictures[1].float() * 0.5).round().byte())
    assert torch.equal(result[2], (pictures[2].int() * 2).clamp(max=255).byte())


@pytest.mark.parametrize("degrade", [rotate, blur, darken])
def test_the_images_themselves_are_left_alone(degrade):
    pictures = images(2)
    before = pictures.clone()
    result = degrade(pictures, torch.tensor([0.5, 1.0], dtype=torch.float64))
    assert torch.equal(pictures, before)
    assert (result.dtype, result.shape) == (torch.uint8, pictures.shape)
