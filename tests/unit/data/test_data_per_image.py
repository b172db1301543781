import functools

import pytest
import torch
from torch import nn
from torchvision.transforms import v2

from lightning_imb.data.batch import BatchRequest
from lightning_imb.data.embeddings import TensorBatches
from lightning_imb.data.per_image import PerImage, check_transforms, transform_each
from lightning_imb.utils.errors import InputError

IMAGES = torch.randint(0, 256, (12, 3, 8, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
JITTER = [v2.RandomRotation(30), v2.ColorJitter(brightness=0.5)]


class Draw(nn.Module):
    """Fills an image with one random number."""

    def forward(self, image):
        return torch.full_like(image, int(torch.randint(0, 256, ())))


def test_each_image_has_random_numbers_of_its_own():
    out = transform_each(IMAGES, [Draw()], key=3)
    values = out.flatten(1)
    assert (values == values[:, :1]).all()
    assert len(values[:, 0].unique()) > 8


def test_an_image_depends_on_key_and_position_alone():
    out = transform_each(IMAGES, JITTER, key=3)
    assert torch.equal(out, transform_each(IMAGES, JITTER, key=3))
    assert torch.equal(out[:5], transform_each(IMAGES[:5], JITTER, key=3))
    assert not torch.equal(out, transform_each(IMAGES, JITTER, key=4))
    by_pixel = IMAGES.contiguous(memory_format=torch.channels_last)
    assert torch.equal(out, transform_each(by_pixel, JITTER, key=3))


def test_transforms_are_applied_in_order():
    invert, darken = v2.RandomInvert(p=1.0), functools.partial(torch.mul, other=0)
    assert (transform_each(IMAGES, [invert, darken], 0) == 0).all()
    assert (transform_each(IMAGES, [darken, invert], 0) == 255).all()


def test_the_generator_of_torch_is_left_as_it_was():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    transform_each(IMAGES, JITTER, key=3)
    assert torch.equal(torch.rand(3), wanted)


def test_batches_without_key_pass_unchanged():
    batches = PerImage(TensorBatches(IMAGES, torch.arange(12)), [Draw()])
    rows = torch.tensor([4, 1])
    plain = batches[BatchRequest(rows, None)]
    assert torch.equal(plain.inputs, IMAGES[rows])
    drawn = batches[BatchRequest(rows, 7)]
    assert torch.equal(drawn.inputs, transform_each(IMAGES[rows], [Draw()], 7))
    assert drawn.target.tolist() == [4, 1]


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (v2.CenterCrop(4), "CenterCrop makes 3 x 4 x 4 uint8 of 3 x 8 x 6 uint8"),
        (v2.RandomApply([v2.Resize((5, 5))], p=0.5), "RandomApply makes 3 x 5 x 5"),
        (v2.ToDtype(torch.float32), "ToDtype makes 3 x 8 x 6 float32"),
        (v2.ToPILImage(), "ToPILImage makes Image"),
        (v2.Normalize([0.5] * 3, [0.2] * 3), "Normalize cannot take an image of 3 x 8 x 6 uint8"),
        ({"brightness": 0.4}, "brightness.*give transforms"),
    ],
)
def test_what_cannot_be_a_transform_is_refused(transform, words):
    with pytest.raises(InputError, match=rf"dataset\.augment\.per_image.*{words}"):
        check_transforms([transform], IMAGES[:1])


def test_good_transforms_pass_the_check():
    check_transforms(JITTER, IMAGES[:1])
