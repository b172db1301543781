import io

import numpy as np
import pytest
import torch
from helpers.images import pixels
from PIL import Image

from lightning_imb.data.decode import BadImageError, decode_image, size_pair
from lightning_imb.utils.errors import InputError


def encode(array, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def test_png_is_decoded_exactly_as_channels_first():
    array = pixels(0, 5, 7)
    image = decode_image(encode(array), "x", None, 3)
    assert image.dtype == torch.uint8
    np.testing.assert_array_equal(image.numpy(), array.transpose(2, 0, 1))


def test_grey_and_rgb_are_converted_to_the_channels_asked_for():
    grey, rgb = pixels(1, channels=1), pixels(2)
    repeated = decode_image(encode(grey), "x", None, 3)
    np.testing.assert_array_equal(repeated.numpy(), np.stack([grey] * 3))
    luma = decode_image(encode(rgb), "x", None, 1)
    assert luma.shape == (1, 8, 8)
    assert np.abs(luma[0].numpy() - rgb @ [0.299, 0.587, 0.114]).max() <= 1


def test_palette_and_transparency_become_rgb():
    array = pixels(3)
    palette = io.BytesIO()
    Image.fromarray(np.full((4, 4, 3), 204, np.uint8)).convert("P").save(palette, "PNG")
    assert decode_image(palette.getvalue(), "x", None, 3).unique().tolist() == [204]
    opaque = np.dstack([array, np.full((8, 8), 255, np.uint8)])
    np.testing.assert_array_equal(decode_image(encode(opaque), "x", None, 3), array.transpose(2, 0, 1))


def test_sixteen_bit_grey_is_scaled_and_not_clipped():
    deep = np.array([[0, 257 * 10], [257 * 128, 65535]], dtype=np.uint16)
    assert decode_image(encode(deep), "x", None, 1)[0].tolist() == [[0, 10], [128, 255]]


def test_exif_orientation_is_applied():
    array = pixels(4, 4, 6)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored rotated: show it turned by 90 degrees clockwise
    turned = decode_image(encode(array, exif=exif), "x", None, 3)
    np.testing.assert_array_equal(turned.numpy(), np.rot90(array, -1).transpose(2, 0, 1))


def test_resize_averages_over_the_pixels_it_merges():
    board = np.indices((16, 16)).sum(0) % 2 * 255  # without antialiasing: only 0 and 255
    image = decode_image(encode(board.astype(np.uint8)), "x", (4, 2), 1)
    assert image.shape == (1, 4, 2)
    assert ((image > 110) & (image < 145)).all()


@pytest.mark.parametrize(("given", "pair"), [(None, None), (8, (8, 8)), ([4, 6], (4, 6)), ((4, 6), (4, 6))])
def test_size_pair(given, pair):
    assert size_pair(given) == pair


@pytest.mark.parametrize("bad", [0, -3, [4], [4, 5, 6], [4.5, 3]])
def test_bad_size_is_refused(bad):
    with pytest.raises(InputError, match=r"dataset.image_size"):
        size_pair(bad)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_truncated_file_is_named_in_every_format(kind):
    content = encode(pixels(5, 64, 64), kind)
    with pytest.raises(BadImageError, match=r"cat/07\.x is not a readable image"):
        decode_image(content[: len(content) // 2], "cat/07.x", None, 3)


@pytest.mark.parametrize("content", [b"", b"no image at all", b"<html></html>"])
def test_other_bytes_are_named(content):
    with pytest.raises(BadImageError, match="dog is not a readable image"):
        decode_image(content, "dog", None, 3)
