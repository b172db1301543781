import math

import pytest
import torch
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


def test_rotation_is_that_of_torchvision_inside_the_circle_and_grey_outside():
    pictures, angles = images(), torch.tensor([0.0, 10, 45, 77.5, 90, -30])
    turned = rotate(pictures, angles)
    inner = within_circle(16, 7)
    for image, angle, result in zip(pictures, angles.tolist(), turned, strict=True):
        expected = v2.rotate(image, angle, InterpolationMode.BILINEAR)
        assert nearly_equal(result[:, inner], expected[:, inner])
        assert (result[:, ~within_circle(16, 8)] == GREY).all()


def test_quarter_turns_are_exact():
    pictures, inside = images(2, 15, 15), within_circle(15, 7.5)
    assert torch.equal(rotate(pictures, torch.zeros(2))[:, :, inside], pictures[:, :, inside])
    turned = rotate(pictures, torch.full((2,), 90.0))
    assert torch.equal(turned[:, :, inside], pictures.rot90(1, (2, 3))[:, :, inside])


def test_rotation_of_images_that_are_no_squares_keeps_shapes():
    disc = (within_circle(21, 5)[None, None] * 200).byte().expand(1, 1, 21, 21)[:, :, :, 4:17]
    assert nearly_equal(rotate(disc, torch.zeros(1)), rotate(disc, torch.tensor([180.0])))


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
