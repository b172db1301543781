"""Regions that are marked in images, such as lesions: which pixels they fill."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from lightning_imb.data.box_table import read_box_table
from lightning_imb.data.decode import decode_image
from lightning_imb.data.digest import digest
from lightning_imb.data.image_header import ImageHeader, image_header
from lightning_imb.data.region_boxes import Box, Frame, boxes_of_images, draw_boxes
from lightning_imb.data.storage import FileStore, open_store
from lightning_imb.data.tree import Places, Tree, find_places, read_tree, unwrapped
from lightning_imb.utils.errors import InputError

log = logging.getLogger(__name__)

Mask = npt.NDArray[np.bool_]


class Regions:
    """The regions of a data set, read one image at a time.

    Args:
        store: The files.
        names: Of all images, inside the root.
        masks: Mask file of each image that has one.
        boxes: Boxes of each image that has some.
        files: All files that masks and boxes were read from.
    """

    def __init__(
        self,
        store: FileStore,
        names: Sequence[str],
        masks: Mapping[str, str],
        boxes: Mapping[str, Sequence[Box]],
        files: Sequence[str] = (),
    ) -> None:
        self.store, self._names, self._masks, self._boxes = store, frozenset(names), masks, boxes
        self._files = sorted(files)

    def fingerprint(self) -> str:
        """Hash that changes when a mask, a box or a file beside the masks does, also with equal size."""
        return digest([self._files, self.store.content_stamps(self._files)])

    @property
    def any(self) -> bool:
        """Whether an image has a mask file, which may be empty, or a box."""
        return bool(self._masks) or bool(self._boxes)

    def load(self, name: str, size: tuple[int, int], label: str | None) -> Mask | None:
        """Which pixels of an image belong to a marked region.

        The mask of the image is used where it has one, else the union of its boxes. Either is resized with the image:
        aspect ratio not kept, bilinear, antialiased, and a pixel belongs to what fills at least half of it. What is
        too small for that keeps the pixel that it fills most.

        Args:
            name: The image, as the data module calls it: its path inside the root.
            size: (H, W) in pixels, what the image was resized to.
            label: Its class; boxes of other classes do not count. None: all boxes count.

        Returns:
            (H, W), with at least one pixel set; None where nothing is marked.

        Raises:
            InputError: When the image is not there, or mask or box do not fit it.
        """
        if name not in self._names:
            raise InputError(f"{name} is no image of {self.store.root}: it cannot have a region")
        if name in self._masks:
            return self._from_mask(name, size)
        boxes = [box for box in self._boxes.get(name, ()) if label is None or box.label in ("", label)]
        if not boxes:
            return None
        image = self._header(name)
        return draw_boxes(boxes, Frame(image.width, image.height), size)

    def _from_mask(self, name: str, size: tuple[int, int]) -> Mask | None:
        file = self._masks[name]
        content, called = self.store.read(file), f"{self.store.root}: {file}"
        image, header = self._header(name), image_header(content, called)
        if not _same_aspect(image, header):
            raise InputError(
                f"{self.store.root}: mask {file} has {header.width} x {header.height} pixels, its image {name} "
                f"{image.width} x {image.height}: a mask must have the aspect ratio of its image"
            )
        if header.mode.startswith(("I", "F")):  # small labels would turn to nothing on the way to 8 bits
            raise InputError(f"{self.store.root}: mask {file} has 16 or more bits per pixel: save it with 8 or 1")
        levels = decode_image(content, called, None, 1)[0].numpy()
        return _resized(levels >= levels.max() / 2, size) if levels.any() else None

    def _header(self, name: str) -> ImageHeader:
        return image_header(self.store.read(name), f"{self.store.root}: {name}")


def image_folder_regions(root: str, masks: str | None = "auto", boxes: str | None = "auto") -> Regions:
    """Find the regions of an `image_folder` data set.

    A mask is an image file of any format at the place of its image: ``masks/malignant/7.png`` belongs to
    ``images/malignant/7.jpg``. Pixels belong to the region from half of the largest value in the file on; a mask of
    zeros says that the image has no region. The csv file of boxes is described at `boxes_of_images`; it says nothing
    of images that have a mask.

    Args:
        root: Folder or .zip file.
        masks: Folder of the masks inside the root; ``auto`` for ``masks`` beside ``images``, None for none.
        boxes: The csv file inside the root; ``auto`` for ``boxes.csv`` beside ``images``, None for none.

    Raises:
        InputError: When what was named is not there, an image has two masks, no mask has an image, or the csv file
            cannot be used.
    """
    store = open_store(root)
    tree = read_tree(store)
    places = find_places(store, tree, unwrapped(tree), masks, boxes)
    names = _images(tree, places)
    found = _masks_of_images(store, tree, places, names)
    return Regions(store, names, found, _boxes(store, places, names), _files(store, places))


def _files(store: FileStore, places: Places) -> list[str]:
    """The csv file of boxes, and all that lies below the masks: masks of other concepts too."""
    below = [] if places.masks is None else [name for name in store.files() if name.startswith(f"{places.masks}/")]
    return below + ([] if places.boxes is None else [places.boxes])


def _images(tree: Tree, places: Places) -> list[str]:
    """Names of all images of the data set, sorted."""
    return sorted(
        name
        for folder, names in tree.images.items()
        if _is_within(folder, places.images) and not (places.masks and _is_within(folder, places.masks))
        for name in names
    )


def _masks_of_images(store: FileStore, tree: Tree, places: Places, names: Sequence[str]) -> dict[str, str]:
    if places.masks is None:
        return {}
    files: dict[str, str] = {}
    for folder in sorted(tree.images):
        if not _is_within(folder, places.masks):
            continue
        for file in sorted(tree.images[folder]):
            other = files.setdefault(_key(file, places.masks), file)
            if other != file:
                raise InputError(f"{store.root}: {other} and {file} are masks of one image: remove one of them")
    found = {name: files[key] for name in names if (key := _key(name, places.images)) in files}
    if not found:
        example = next(iter(files.values()), "no file")
        raise InputError(
            f"{store.root}: {places.masks} has no mask that is called as its image is, it has {example} while an image "
            f"is {names[0]}: rename the masks, or set dataset.masks=null"
        )
    return found


def _boxes(store: FileStore, places: Places, names: Sequence[str]) -> dict[str, list[Box]]:
    if places.boxes is None:
        return {}
    boxes = boxes_of_images(read_box_table(store, places), places, names)
    classes = {PurePosixPath(name).parent.name for name in names}
    unknown = sorted({box.label for found in boxes.values() for box in found} - classes - {""})
    if unknown:
        log.warning("%s: boxes of class %s are of no class of the images", places.boxes, ", ".join(unknown))
    return boxes


def _is_within(folder: str, parent: str) -> bool:
    return not parent or folder == parent or folder.startswith(f"{parent}/")


def _key(name: str, folder: str) -> str:
    """Path below a folder, without suffix."""
    return PurePosixPath(name).relative_to(folder).with_suffix("").as_posix()


def _same_aspect(image: ImageHeader, mask: ImageHeader) -> bool:
    """Whether one is the other, resized: sides are whole pixels, so one of them may be off by one."""
    sides = (image.height, image.width, mask.height, mask.width)
    return abs(image.width * mask.height - mask.width * image.height) <= max(sides)


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    height, width = size
    filled = Image.fromarray(mask.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    shares = np.asarray(filled)
    found: Mask = shares >= 0.5
    if not found.any():
        found[np.unravel_index(shares.argmax(), shares.shape)] = True
    return found
