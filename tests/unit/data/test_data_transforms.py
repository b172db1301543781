import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from lightning_imb.data.batch import Batch
from lightning_imb.data.transforms import BatchTransform, channel_statistics


def make(pad=4, flip=True, channels_last=True, channels=3):
    return BatchTransform([0.5] * channels, [0.25] * channels, pad, flip, channels_last)


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
    out = make(pad=2, channels=1).augment(images, key=3)
    assert {crops[image.contiguous().numpy().tobytes()] for image in out} == set(crops.values())


def test_draws_have_the_distribution_of_torchvision():
    """Chi-square between the counts of each of the 50 outcomes, ours and torchvision's."""
    images = numbered(20_000)
    ours = make(pad=2, channels=1).augment(images, key=1)
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
    out = make(pad=2, channels=1).augment(numbered(64), key=0)
    assert len({image.contiguous().numpy().tobytes() for image in out}) > 10


def test_a_key_fixes_the_result():
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    assert torch.equal(make().augment(images, 5), make().augment(images, 5))
    assert not torch.equal(make().augment(images, 5), make().augment(images, 6))


def test_without_key_images_are_only_normalised():
    images = torch.randint(0, 256, (8, 3, 6, 6), dtype=torch.uint8)
    out = make()(Batch(images, torch.zeros(8, dtype=torch.int64), None)).inputs
    assert torch.allclose(out, (images.float() / 255 - 0.5) / 0.25, atol=1e-6)


def test_no_padding_and_no_flip_leave_the_image():
    images = torch.randint(0, 256, (8, 3, 6, 6), dtype=torch.uint8)
    assert torch.equal(make(pad=0, flip=False).augment(images, 1), images)


@pytest.mark.parametrize("channels_last", [True, False])
def test_memory_layout_is_as_asked(channels_last):
    images = torch.randint(0, 256, (8, 3, 6, 6), dtype=torch.uint8)
    out = make(channels_last=channels_last)(Batch(images, torch.zeros(8), 1)).inputs
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert out.is_contiguous(memory_format=layout)


def test_channel_statistics_are_those_of_numpy():
    images = torch.randint(0, 256, (20, 3, 5, 7), dtype=torch.uint8)
    mean, std = channel_statistics(images)
    reference = images.numpy() / 255
    assert mean == pytest.approx(reference.mean(axis=(0, 2, 3)))
    assert std == pytest.approx(reference.std(axis=(0, 2, 3)))


def test_a_constant_channel_can_be_normalised():
    assert channel_statistics(torch.full((2, 1, 3, 3), 7, dtype=torch.uint8))[1] == [1.0]
