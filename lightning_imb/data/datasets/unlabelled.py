"""Images without labels, to be classified."""

from pathlib import Path, PurePosixPath

from lightning_imb.data.decode import ImageSize
from lightning_imb.data.image_names import is_image
from lightning_imb.data.sources import FileSource
from lightning_imb.data.storage import open_store
from lightning_imb.utils.errors import InputError


def unlabelled_images(root: str, image_size: ImageSize, channels: int) -> FileSource:
    """All images below a folder, in a zip, or a single image file.

    Args:
        root: Folder, .zip file or image file.
        image_size: Side in pixels or (height, width).
        channels: 1 for grey, 3 for RGB.

    Returns:
        A source with the names sorted and the label 0 everywhere.

    Raises:
        InputError: When there is no such place or no image in it.
    """
    path = Path(str(root)).expanduser()
    if not path.exists():
        raise InputError(f"{root} does not exist: give a folder, a zip or an image file")
    if path.is_file() and path.suffix.lower() != ".zip":
        store, names = open_store(path.parent), [path.name]
    else:
        store = open_store(path)
        names = sorted(name for name in store.files() if is_image(PurePosixPath(name)))
    if not names:
        raise InputError(f"there is no image in {root}: give a folder, a zip or an image file")
    return FileSource(store, names, [0] * len(names), ["unknown"], image_size, channels)
