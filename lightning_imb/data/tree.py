"""The folders and images of a store, and where in it the images of a data set and what is known of them lie."""

from collections import defaultdict
from pathlib import PurePosixPath
from typing import NamedTuple

from lightning_imb.data.image_names import is_hidden, is_image
from lightning_imb.data.storage import FileStore
from lightning_imb.utils.errors import InputError

IMAGES, MASKS, BOXES = "images", "masks", "boxes.csv"
SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


class Tree(NamedTuple):
    """Image names and sub-folder names of every folder; the root is the empty string."""

    images: dict[str, list[str]]
    folders: dict[str, list[str]]


class Places(NamedTuple):
    """Where the parts of a data set lie, as names inside the root.

    Attributes:
        images: Folder of the class folders or of the splits; the root is the empty string.
        masks: Folder of the masks, with the tree of the images; None for none.
        boxes: The csv file of boxes and groups; None for none.
    """

    images: str
    masks: str | None
    boxes: str | None


def read_tree(store: FileStore) -> Tree:
    """All visible folders of a store, and the files in them that are taken for images."""
    tree = Tree(defaultdict(list), defaultdict(list))
    for name in store.files():
        path = PurePosixPath(name)
        if is_image(path):
            tree.images[_parent(path)].append(name)
    for name in store.folders():
        path = PurePosixPath(name)
        if not is_hidden(path):
            tree.folders[_parent(path)].append(name)
    return tree


def unwrapped(tree: Tree) -> str:
    """The root, or the only folder in it when that one merely wraps the data set."""
    inside = tree.folders[""]
    if len(inside) == 1 and base(inside[0]).lower() not in (*SPLIT_NAMES, IMAGES) and tree.folders[inside[0]]:
        return inside[0]
    return ""


def find_places(store: FileStore, tree: Tree, top: str, masks: str | None, boxes: str | None) -> Places:
    """Find the images below the top folder, and masks and boxes beside them.

    A folder ``images`` that holds folders holds the data set, if nothing but masks stands beside it. Only then are a
    folder ``masks`` and a file ``boxes.csv`` beside it taken for what they are called; a class may have that name.

    Args:
        store: The files.
        tree: Their tree.
        top: The folder that everything is in.
        masks: ``auto``, None, or the folder of the masks as a name inside the root.
        boxes: ``auto``, None, or the csv file as a name inside the root.

    Raises:
        InputError: If masks or boxes that were named are not there.
    """
    given_masks = None if masks in (None, "auto") else _given(masks, "dataset.masks")
    given_boxes = None if boxes in (None, "auto") else _given(boxes, "dataset.boxes")
    if given_masks is not None and given_masks not in [name for names in tree.folders.values() for name in names]:
        raise InputError(f"{store.root} has no folder dataset.masks={masks}: give its path inside the root, or null")
    if given_boxes is not None and not store.has(given_boxes):
        raise InputError(f"{store.root} has no file dataset.boxes={boxes}: give its path inside the root, or null")
    images, beside = _below(top, IMAGES), _below(top, MASKS)
    inside = set(tree.folders[top])
    if images not in inside or not tree.folders[images] or inside - {images, beside, given_masks}:
        return Places(top, given_masks, given_boxes)
    found_masks = beside if masks == "auto" and beside in inside else given_masks
    listed = _below(top, BOXES)
    return Places(images, found_masks, listed if boxes == "auto" and store.has(listed) else given_boxes)


def base(folder: str) -> str:
    """The last part of a name."""
    return folder.rsplit("/", 1)[-1]


def _given(name: str | None, setting: str) -> str:
    path = PurePosixPath(str(name))
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{setting}={name} leaves the data set: give a path inside dataset.root")
    return path.as_posix()


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _parent(path: PurePosixPath) -> str:
    parent = path.parent.as_posix()
    return "" if parent == "." else parent
