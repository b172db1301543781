"""Size and kind of an image, from the first bytes of its file."""

import io
from typing import NamedTuple

from PIL import ExifTags, Image

from lightning_imb.data.storage import BadImageError

_TURNED = range(5, 9)  # values of the EXIF orientation that swap rows and columns


class ImageHeader(NamedTuple):
    """What an image is, without its pixels.

    Attributes:
        height: Pixels, after the EXIF orientation is applied.
        width: The same.
        mode: PIL's name of the pixel type, such as ``L`` or ``RGB``.
    """

    height: int
    width: int
    mode: str


def image_header(content: bytes, name: str) -> ImageHeader:
    """Read the header of an image file; nothing is decoded.

    Args:
        content: The file's bytes.
        name: What the error message calls the file.

    Raises:
        BadImageError: When the bytes are no image.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            if image.getexif().get(ExifTags.Base.Orientation) in _TURNED:
                width, height = height, width
            return ImageHeader(height, width, image.mode)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadImageError(f"{name} is not a readable image: repair or remove it") from error
