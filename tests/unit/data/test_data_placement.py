import pytest

from lightning_imb.data.placement import check_on_device, stays_on_device
from lightning_imb.utils.errors import InputError


@pytest.mark.parametrize(
    ("on_device", "device", "needed", "stays"),
    [
        ("auto", "cuda", 50, True),
        ("auto", "cuda", 51, False),  # more than half of what is free
        ("auto", "cpu", 1, False),
        ("auto", "mps", 1, False),  # its memory is that of the processor
        (False, "cuda", 1, False),
    ],
)
def test_images_move_to_a_gpu_with_room_for_them(on_device, device, needed, stays):
    assert stays_on_device(on_device, device, needed, free=100) is stays


@pytest.mark.parametrize("value", [True, "always", 0, None])
def test_other_words_are_refused(value):
    with pytest.raises(InputError, match=f"on_device is auto or false, not '{value}'"):
        check_on_device(value)


@pytest.mark.parametrize("value", ["auto", False])
def test_known_words_are_taken(value):
    check_on_device(value)
