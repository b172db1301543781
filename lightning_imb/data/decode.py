"""From the bytes of an image file to a uint8 tensor, one by one or many with threads."""

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from lightning_imb.data.storage import BadImageError
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.threads import available_cores

ImageSize = int | Sequence[int] | None

# what PIL raises, over all its formats, for bytes that are no image or end too early
_DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

_CHUNK = 128  # images per thread task: enough to hide the pool's cost, few enough to share the work


def size_pair(image_size: ImageSize) -> tuple[int, int] | None:
    """``image_size`` as (height, width); an int is a square, None keeps every image as it is.

    Raises:
        InputError: When it is not one or two positive integers.
    """
    if image_size is None:
        return None
    pair = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(pair) != 2 or not all(isinstance(side, int) and side > 0 for side in pair):
        raise InputError(f"dataset.image_size={image_size} must be a side in pixels, [height, width] or null")
    return pair[0], pair[1]


def check_channels(channels: int) -> None:
    """Only grey (1) and RGB (3) images are known."""
    if channels not in (1, 3):
        raise InputError(f"dataset.channels={channels} must be 1 (grey) or 3 (RGB)")


def decode_image(content: bytes, name: str, size: tuple[int, int] | None, channels: int) -> torch.Tensor:
    """Decode one image file.

    The EXIF orientation is applied, 16-bit grey is scaled to 8 bit, transparency is dropped, and the image
    is resized (bilinear, antialiased, aspect ratio not kept) when ``size`` is given.

    Args:
        content: The file's bytes.
        name: What the error message calls the file.
        size: (height, width) in pixels, or None.
        channels: 1 for grey, 3 for RGB.

    Returns:
        uint8 tensor (C, H, W), stored as (H, W, C).

    Raises:
        BadImageError: When the bytes are no image, or a truncated one.
    """
    try:
        with Image.open(io.BytesIO(content)) as opened:
            image = _eight_bit(ImageOps.exif_transpose(opened)).convert("L" if channels == 1 else "RGB")
    except UnidentifiedImageError as error:  # its own message names an object in memory
        raise BadImageError(f"{name} is not a readable image (no known format): repair or remove it") from error
    except _DECODE_ERRORS as error:
        raise BadImageError(f"{name} is not a readable image ({error}): repair or remove it") from error
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.array(image, dtype=np.uint8).reshape(image.height, image.width, channels)
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _eight_bit(image: Image.Image) -> Image.Image:
    """PIL clips 16-bit grey at 255 when it converts, which turns a medical image white."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))


def decode_each(
    load: Callable[[int], torch.Tensor],
    count: int,
    on_bad_image: str,
    workers: int | None,
    visit: Callable[[int, torch.Tensor], None],
) -> npt.NDArray[np.bool_]:
    """Load images 0..count-1 with threads and hand each to ``visit``.

    Args:
        load: Image of a position; called from several threads.
        count: Number of images.
        on_bad_image: ``error`` raises at the first bad image (in order), ``skip`` marks it.
        workers: Threads; None takes one per CPU core.
        visit: Called once per good image, in any order, from several threads.

    Returns:
        Mask (count,) of the good images.
    """
    good = np.ones(count, dtype=np.bool_)

    def work(start: int) -> None:
        for position in range(start, min(start + _CHUNK, count)):
            try:
                visit(position, load(position))
            except BadImageError:
                if on_bad_image == "error":
                    raise
                good[position] = False

    pool = ThreadPoolExecutor(workers or available_cores())
    try:
        for _ in pool.map(work, range(0, count, _CHUNK)):
            pass
    finally:
        pool.shutdown(cancel_futures=True)  # after an error the rest need not be decoded
    return good
