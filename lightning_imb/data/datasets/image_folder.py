"""A data set that is a tree of image files, in a folder or a zip."""

from collections import defaultdict
from pathlib import PurePosixPath
from typing import NamedTuple

from lightning_imb.data.decode import ImageSize
from lightning_imb.data.image_names import is_hidden, is_image
from lightning_imb.data.sources import FileSource
from lightning_imb.data.splits import Splits, check_classes, hold_out_test
from lightning_imb.data.storage import FileStore, open_store
from lightning_imb.utils.errors import InputError

SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

_LAYOUTS = "known layouts: class/image, or train/class/image with val/ and test/ beside train/"


class Tree(NamedTuple):
    """Image names and sub-folder names of every folder; the root is the empty string."""

    images: dict[str, list[str]]
    folders: dict[str, list[str]]


def image_folder(
    root: str, image_size: ImageSize, channels: int, test_size: float | int | None, split_seed: int
) -> Splits:
    """Images sorted into class folders: ``split/class/image`` or ``class/image``.

    Split folders are train, val (or valid, validation) and test; without a test folder, or without splits at
    all, a stratified test split is drawn from the training images. One folder around everything is allowed.
    Labels are the ranks of the sorted class names; inside a class images are sorted by name. Hidden files,
    ``__MACOSX`` and files that are clearly no images (.txt, .csv, ...) are ignored.

    Args:
        root: Folder or .zip file.
        image_size: Side in pixels, [height, width], or None when all images have one size.
        channels: 1 for grey, 3 for RGB.
        test_size: Share or number of images of every class for the test split, where the tree has none.
        split_seed: Seed of that split.

    Raises:
        InputError: When the tree is missing, empty or laid out in another way.
    """
    store = open_store(root)
    tree = _read_tree(store)
    top = _unwrapped(tree)
    parts = {name: _classes(tree, folder, store) for name, folder in _split_folders(tree, top, store).items()}
    class_names = list(parts["train"])
    if len(class_names) < 2:
        raise InputError(f"{store.root} has {len(class_names)} class folder: at least 2 are needed ({_LAYOUTS})")
    sources = {
        name: _source(store, name, classes, class_names, image_size, channels) for name, classes in parts.items()
    }
    if "test" in sources:
        return Splits(sources["train"], sources.get("val"), sources["test"])
    train, test = hold_out_test(sources["train"], test_size, split_seed)
    return Splits(train, sources.get("val"), test)


def _read_tree(store: FileStore) -> Tree:
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


def _parent(path: PurePosixPath) -> str:
    parent = path.parent.as_posix()
    return "" if parent == "." else parent


def _base(folder: str) -> str:
    return folder.rsplit("/", 1)[-1]


def _unwrapped(tree: Tree) -> str:
    """The root, or the only folder in it when that one merely wraps the data set."""
    inside = tree.folders[""]
    if len(inside) == 1 and _base(inside[0]).lower() not in SPLIT_NAMES and tree.folders[inside[0]]:
        return inside[0]
    return ""


def _split_folders(tree: Tree, top: str, store: FileStore) -> dict[str, str]:
    """Folder of every split; a tree without splits is one big ``train``."""
    inside = sorted(tree.folders[top])
    if not inside:
        raise InputError(f"{store.root} has no class folders: {_LAYOUTS}")
    train = next((folder for folder in inside if _base(folder).lower() == "train"), None)
    if train is None and all(_base(folder).lower() in SPLIT_NAMES for folder in inside):
        raise InputError(f"{store.root} has {', '.join(map(_base, inside))} but no train folder: {_LAYOUTS}")
    if train is None or not tree.folders[train]:  # a class may well be called "train"
        return {"train": top}
    found: dict[str, str] = {}
    for folder in inside:
        split = SPLIT_NAMES.get(_base(folder).lower())
        if split is None or split in found:
            raise InputError(f"{store.root}: folder {folder} beside {train} is not a split of its own: {_LAYOUTS}")
        found[split] = folder
    return found


def _classes(tree: Tree, folder: str, store: FileStore) -> dict[str, list[str]]:
    """Sorted image names of every class of one split, classes sorted by name."""
    classes: dict[str, list[str]] = {}
    for path in sorted(tree.folders[folder], key=_base):
        if tree.folders[path]:
            raise InputError(f"{store.root}: class folder {path} holds folders, not images: {_LAYOUTS}")
        if not tree.images[path]:
            raise InputError(f"{store.root}: class folder {path} has no image: add some or remove the folder")
        classes[_base(path)] = sorted(tree.images[path])
    if not classes:
        raise InputError(f"{store.root}: folder {folder} has no class folders: {_LAYOUTS}")
    return classes


def _source(
    store: FileStore,
    split: str,
    classes: dict[str, list[str]],
    class_names: list[str],
    image_size: ImageSize,
    channels: int,
) -> FileSource:
    extra = sorted(set(classes) - set(class_names))
    if extra:
        found = ", ".join(extra)
        raise InputError(f"{store.root}: class {found} of {split} has no training image: add some or remove it")
    names = [name for images in classes.values() for name in images]
    rank = {label: k for k, label in enumerate(class_names)}
    labels = [rank[label] for label, images in classes.items() for _ in images]
    check_classes(range(len(class_names)), labels, class_names, split)
    return FileSource(store, names, labels, class_names, image_size, channels)
