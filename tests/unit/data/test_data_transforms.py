import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from lightning_imb.data.batch import Batch
from lightning_imb.data.transforms import BatchTransform
from lightning_imb.utils.errors import InputError


def make(pad=4, flip=True, channels_last=True, channels=3, cutout=0):
    return BatchTransform([0.5] * channels, [0.25] * channels, pad, flip, channels_last, cutout)


def augmented(transform, images, key):
    return transform.augment(images, torch.Generator().manual_seed(key))


def numbered(n, channels=1, side=4):
    """Images whose pixels are all different, so that a crop and a flip can be read off."""
    pixels = torch.arange(1, channels * side * side + 1, dtype=torch.uint8)
    return pixels.view(1, channels, side, side).expand(n, -1, -1, -1).contiguous()


def test_every_result_is_a_crop_of_the_padded_image_perhaps_mirrored():
    images = numbered(200)
    padded = torch.nn.functional.pad(images[0], (2, 2, 2, 2))
    crops = {}
    for top in range(5):
        for left in range(5):
            crop = padded[:, top : top + 4, left : left + 4]
            crops[crop.numpy().tobytes()] = crops[crop.flip(2).numpy().tobytes()] = (top, left)
    out = augmented(make(pad=2, channels=1), images, key=3)
    assert {crops[image.contiguous().numpy().tobytes()] for image in out} == set(crops.values())


def test_draws_have_the_distribution_of_torchvision():
    """Chi-square between the counts of each of the 50 outcomes, ours and torchvision's."""
    images = numbered(20_000)
    ours = augmented(make(pad=2, channels=1), images, key=1)
    torch.manual_seed(0)
    theirs = v2.Compose([v2.RandomCrop(4, padding=2), v2.RandomHorizontalFlip()])
    reference = torch.stack([theirs(image) for image in images])
    counts = []
    for batch in (ours, reference):
        _, count = np.unique(batch.reshape(len(batch), -1).numpy(), axis=0, return_counts=True)
        counts.append(count)
    assert len(counts[0]) == len(counts[1]) == 50
    difference = ((counts[0] - counts[1]) ** 2 / (counts[0] + counts[1])).sum()
    assert difference < 85  # 49 degrees of freedom: exceeded by chance once in a thousand


def test_each_image_gets_its_own_draw():
    out = augmented(make(pad=2, channels=1), numbered(64), key=0)
    assert len({image.contiguous().numpy().tobytes() for image in out}) > 10


def test_a_key_fixes_the_result():
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    before = images.clone()
    assert torch.equal(augmented(make(), images, 5), augmented(make(), images, 5))
    assert not torch.equal(augmented(make(), images, 5), augmented(make(), images, 6))
    assert torch.equal(images, before)


def test_without_key_images_are_only_normalised():
    images = torch.randint(0, 256, (8, 3, 6, 6), dtype=torch.uint8)
    out = make()(Batch(images, torch.zeros(8, dtype=torch.int64), None)).inputs
    assert torch.allclose(out, (images.float() / 255 - 0.5) / 0.25, atol=1e-6)


def test_no_padding_and_no_flip_leave_the_image():
    images = torch.randint(0, 256, (8, 3, 6, 6), dtype=torch.uint8)
    assert torch.equal(augmented(make(pad=0, flip=False), images, 1), images)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("pad", "flip"), [(3, True), (3, False), (0, True)])
def test_crop_and_flip_are_those_of_a_loop_over_images(pad, flip, layout):
    images = torch.randint(0, 256, (50, 3, 9, 7), dtype=torch.uint8).contiguous(memory_format=layout)
    generator = torch.Generator().manual_seed(8)
    top, left = torch.randint(0, 2 * pad + 1, (2, 50), generator=generator)
    mirrored = torch.rand(50, generator=generator) < 0.5
    out = augmented(make(pad, flip), images, 8)
    for i, image in enumerate(images):
        padded = torch.nn.functional.pad(image, (pad,) * 4)
        crop = padded[:, top[i] : top[i] + 9, left[i] : left[i] + 7]
        assert torch.equal(out[i], crop.flip(2) if flip and mirrored[i] else crop)


def cut_by_hand(image, y, x, side):
    """The paper's code for one image, with its centre given."""
    mask = np.ones(image.shape[1:], np.float32)
    y1, y2 = np.clip(y - side // 2, 0, len(mask)), np.clip(y - side // 2 + side, 0, len(mask))
    x1, x2 = np.clip(x - side // 2, 0, mask.shape[1]), np.clip(x - side // 2 + side, 0, mask.shape[1])
    mask[y1:y2, x1:x2] = 0
    return image * torch.from_numpy(mask)


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("side", [1, 4, 5, 40])
def test_cutout_is_that_of_a_loop_over_images(side, channels_last):
    images = torch.rand(40, 3, 8, 12) + 1
    layout = torch.channels_last if channels_last else torch.contiguous_format
    out = make(cutout=side).cut_out(images.clone().contiguous(memory_format=layout), torch.Generator().manual_seed(4))
    generator = torch.Generator().manual_seed(4)
    rows, columns = (torch.randint(0, length, (40,), generator=generator).tolist() for length in (8, 12))
    for i in range(40):
        assert torch.equal(out[i], cut_by_hand(images[i], rows[i], columns[i], side))


def test_cutout_centres_are_uniform_over_all_pixels():
    out = make(cutout=1).cut_out(torch.ones(12_000, 1, 4, 6), torch.Generator().manual_seed(0))
    counts = (out == 0).sum(0).flatten()
    assert counts.sum() == 12_000
    assert ((counts - 500) ** 2 / 500).sum() < 50  # 23 degrees of freedom: exceeded by chance once in a thousand


def test_cutout_changes_nothing_but_its_square():
    images = torch.randint(1, 256, (64, 3, 8, 8), dtype=torch.uint8)
    batch = Batch(images, torch.zeros(64), 9)
    without, cut = make()(batch).inputs, make(cutout=4)(batch).inputs
    changed = cut != without
    assert changed.flatten(1).any(1).all()
    assert (cut[changed] == 0).all()
    assert torch.equal(make(cutout=4)(batch._replace(key=None)).inputs, make()(batch._replace(key=None)).inputs)


@pytest.mark.parametrize("side", [-1, 2.5, "big", True])
def test_a_side_that_is_none_is_refused(side):
    with pytest.raises(InputError, match=f"cutout={side}"):
        make(cutout=side)


@pytest.mark.parametrize("channels_last", [True, False])
def test_memory_layout_is_as_asked(channels_last):
    images = torch.randint(0, 256, (8, 3, 6, 6), dtype=torch.uint8)
    out = make(channels_last=channels_last)(Batch(images, torch.zeros(8), 1)).inputs
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert out.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("channels_last", [True, False])
def test_normalising_rounds_as_the_formula_does(channels_last):
    images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(2, 3, -1, -1)
    mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
    out = BatchTransform(mean.tolist(), std.tolist(), 0, False, channels_last).normalise(images)
    assert torch.equal(out, (images.float() / 255 - mean.view(3, 1, 1)) / std.view(3, 1, 1))
