import pytest
import torch

from lightning_imb.data.layout import empty_images, stack, take


def stored_by_pixel(images):
    return images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_take_copies_rows_whatever_their_layout(layout):
    images = torch.randint(0, 256, (9, 3, 4, 5), dtype=torch.uint8).contiguous(memory_format=layout)
    rows = torch.tensor([7, 0, 7])
    taken = take(images, rows)
    assert torch.equal(taken, images[rows])
    assert stored_by_pixel(taken)
    taken.zero_()
    assert images.any()


def test_stack_joins_images_of_any_layout():
    images = list(torch.randint(0, 256, (3, 3, 4, 5), dtype=torch.uint8))
    images[1] = images[1].permute(1, 2, 0).contiguous().permute(2, 0, 1)
    assert torch.equal(stack(images), torch.stack(images))
    assert stored_by_pixel(stack(images))


def test_room_has_the_shape_of_the_images():
    room = empty_images(2, (3, 4, 5))
    assert (room.shape, room.dtype) == ((2, 3, 4, 5), torch.uint8)
    assert stored_by_pixel(room)
