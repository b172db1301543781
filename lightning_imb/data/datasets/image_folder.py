"""A data set that is a tree of image files, in a folder or a zip."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lightning_imb.data.box_table import group_numbers
from lightning_imb.data.decode import ImageSize
from lightning_imb.data.laws import Law
from lightning_imb.data.numeric import TASKS, numeric_splits, parse_targets, target_bins
from lightning_imb.data.sources import FileSource
from lightning_imb.data.splits import Splits, check_classes, hold_out_test
from lightning_imb.data.storage import FileStore, open_store
from lightning_imb.data.tree import SPLIT_NAMES, Places, Tree, base, find_places, read_tree, unwrapped
from lightning_imb.utils.checked import checked_choice
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins

_LAYOUTS = "known layouts: class/image, or train/class/image with val/ and test/ beside train/"


def image_folder(
    root: str,
    image_size: ImageSize,
    channels: int,
    test_size: float | int | None,
    split_seed: int,
    masks: str | None = "auto",
    boxes: str | None = "auto",
    groups: str | None = None,
    task: str = "classification",
    bins: int | Sequence[float] | None = None,
    law: Law | None = None,
    subset_seed: int = 0,
) -> Splits:
    """Images sorted into class folders: ``split/class/image`` or ``class/image``.

    Split folders are train, val (or valid, validation) and test; without a test folder, or without splits at
    all, a stratified test split is drawn from the training images. One folder around everything is allowed.
    Labels are the ranks of the sorted class names; inside a class images are sorted by name. Hidden files,
    ``__MACOSX`` and files that are clearly no images (.txt, .csv, ...) are ignored. In a regression the names of the
    class folders are numbers, and bins of them take the place of classes, see `numeric_splits`.

    Args:
        root: Folder or .zip file.
        image_size: Side in pixels, [height, width], or None when all images have one size.
        channels: 1 for grey, 3 for RGB.
        test_size: Share or number of images of every class for the test split, where the tree has none.
        split_seed: Seed of that split.
        masks: Folder of masks, which are no classes, see `find_places`.
        boxes: The csv file of boxes and groups, see `find_places`.
        groups: Column of that file; images with equal values stay together in every split that is drawn. None: each
            image stands alone.
        task: ``classification`` or ``regression``.
        bins: Of a regression: number of bins of equal width over the training targets, or their edges; None for ten.
        law: Of a regression: density that the training targets are thinned to; None keeps all images.
        subset_seed: Seed of the thinning.

    Raises:
        InputError: When the tree is missing, empty or laid out in another way, the groups are unusable, or a folder
            of a regression is called by no number.
    """
    regression = checked_choice("dataset.task", task, TASKS) == "regression"
    store = open_store(root)
    tree = read_tree(store)
    places = find_places(store, tree, unwrapped(tree), masks, boxes)
    tree = _without(tree, places.masks)
    parts = {name: _classes(tree, folder, store) for name, folder in _split_folders(tree, places.images, store).items()}
    found = _bins(parts["train"], store, bins) if regression else None
    sources = _sources(store, parts, found, image_size, channels)
    if groups is not None:
        _group(sources, store, places, groups)
    train, val, test = sources["train"], sources.get("val"), sources.get("test")
    if found is not None:
        return numeric_splits(train, val, test, found, law, subset_seed, test_size, split_seed)
    if test is None:
        rest, held = hold_out_test(train, test_size, split_seed)
        return Splits(rest, val, held)
    return Splits(train, val, test)


def _bins(classes: Mapping[str, list[str]], store: FileStore, spec: int | Sequence[float] | None) -> TargetBins:
    """Bins of the targets of the training images."""
    return target_bins(spec, _values(classes, store, "train"))


def _sources(
    store: FileStore,
    parts: Mapping[str, dict[str, list[str]]],
    bins: TargetBins | None,
    image_size: ImageSize,
    channels: int,
) -> dict[str, FileSource]:
    """The images of every split with their classes, or with numbers and their bins."""
    if bins is not None:
        return {
            name: _numbered(store, _values(classes, store, name), classes, bins, image_size, channels)
            for name, classes in parts.items()
        }
    class_names = list(parts["train"])
    if len(class_names) < 2:
        raise InputError(f"{store.root} has {len(class_names)} class folder: at least 2 are needed ({_LAYOUTS})")
    return {name: _source(store, name, classes, class_names, image_size, channels) for name, classes in parts.items()}


def _group(sources: Mapping[str, FileSource], store: FileStore, places: Places, column: str) -> None:
    """Give every image the number of its group; splits that the data set brings must not part one."""
    names = [name for source in sources.values() for name in source.names]
    numbers = group_numbers(store, places, names, column)
    ends = np.cumsum([len(source) for source in sources.values()])
    parts = dict(zip(sources, np.split(numbers, ends[:-1]), strict=True))
    for (one, first), (other, second) in combinations(parts.items(), 2):
        shared = np.intersect1d(first, second)
        if len(shared):
            name = sources[one].names[int(np.flatnonzero(first == shared[0])[0])]
            raise InputError(
                f"groups of column {column}: {len(shared)} with images in {one} and in {other}, such as that of "
                f"{name}: move them into one split, or set dataset.groups=null"
            )
    for split, source in sources.items():
        source.groups = parts[split]


def _without(tree: Tree, folder: str | None) -> Tree:
    """The tree without one folder."""
    if folder is None:
        return tree
    folders = {parent: [name for name in names if name != folder] for parent, names in tree.folders.items()}
    return Tree(tree.images, defaultdict(list, folders))


def _split_folders(tree: Tree, top: str, store: FileStore) -> dict[str, str]:
    """Folder of every split; a tree without splits is one big ``train``."""
    inside = sorted(tree.folders[top])
    if not inside:
        raise InputError(f"{store.root} has no class folders: {_LAYOUTS}")
    train = next((folder for folder in inside if base(folder).lower() == "train"), None)
    if train is None and all(base(folder).lower() in SPLIT_NAMES for folder in inside):
        raise InputError(f"{store.root} has {', '.join(map(base, inside))} but no train folder: {_LAYOUTS}")
    if train is None or not tree.folders[train]:  # a class may well be called "train"
        return {"train": top}
    found: dict[str, str] = {}
    for folder in inside:
        split = SPLIT_NAMES.get(base(folder).lower())
        if split is None or split in found:
            raise InputError(f"{store.root}: folder {folder} beside {train} is not a split of its own: {_LAYOUTS}")
        found[split] = folder
    return found


def _classes(tree: Tree, folder: str, store: FileStore) -> dict[str, list[str]]:
    """Sorted image names of every class of one split, classes sorted by name."""
    classes: dict[str, list[str]] = {}
    for path in sorted(tree.folders[folder], key=base):
        if tree.folders[path]:
            raise InputError(f"{store.root}: class folder {path} holds folders, not images: {_LAYOUTS}")
        if not tree.images[path]:
            raise InputError(f"{store.root}: class folder {path} has no image: add some or remove the folder")
        classes[base(path)] = sorted(tree.images[path])
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


def _values(classes: Mapping[str, list[str]], store: FileStore, split: str) -> NDArray[np.float64]:
    """The number that the folder of each image is called by."""
    numbers = parse_targets(list(classes), lambda _: f"{store.root}: a class folder of {split}")
    return np.repeat(numbers, [len(images) for images in classes.values()])


def _numbered(
    store: FileStore,
    values: NDArray[np.float64],
    classes: Mapping[str, list[str]],
    bins: TargetBins,
    image_size: ImageSize,
    channels: int,
) -> FileSource:
    names = [name for images in classes.values() for name in images]
    return FileSource(store, names, bins.of(values), bins.names, image_size, channels, values=values)
