"""A data set that is a csv file of image paths and labels."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from lightning_imb.data.csv_table import CsvTable, check_columns, parse_csv
from lightning_imb.data.decode import ImageSize
from lightning_imb.data.laws import Law
from lightning_imb.data.numeric import TASKS, numeric_splits, parse_targets, target_bins
from lightning_imb.data.sources import FileSource
from lightning_imb.data.splits import Splits, check_classes, hold_out_test
from lightning_imb.data.storage import FileStore, open_store
from lightning_imb.data.tree import SPLIT_NAMES
from lightning_imb.utils.checked import checked_choice
from lightning_imb.utils.errors import InputError


def csv_list(
    csv: str,
    root: str,
    path_column: str,
    label_column: str,
    split_column: str | None,
    num_classes: int | None,
    image_size: ImageSize,
    channels: int,
    test_size: float | int | None,
    split_seed: int,
    task: str = "classification",
    bins: int | Sequence[float] | None = None,
    law: Law | None = None,
    subset_seed: int = 0,
) -> Splits:
    """Images listed in a csv file, one row per image.

    Labels that are all integers are classes in numeric order, other labels in alphabetical order. Without a
    split column, or without test rows, a stratified test split is drawn from the training images. In a regression
    the labels are numbers, and bins of them take the place of classes, see `numeric_splits`.

    Args:
        csv: The csv file, with a header row.
        root: Folder or .zip that the paths start from.
        path_column: Column of the image paths.
        label_column: Column of the labels.
        split_column: Column with train, val (or valid, validation) or test; ``auto`` uses a column called
            ``split`` when there is one; None draws the test split in any case.
        num_classes: K; integer labels must then lie in 0..K-1 and keep their value. None: the labels found.
        image_size: Side in pixels, [height, width], or None when all images have one size.
        channels: 1 for grey, 3 for RGB.
        test_size: Share or number of images of every class for the test split, where the csv has none.
        split_seed: Seed of that split.
        task: ``classification`` or ``regression``.
        bins: Of a regression: number of bins of equal width over the targets of the training rows, or their edges;
            None for ten.
        law: Of a regression: density that the training targets are thinned to; None keeps all images.
        subset_seed: Seed of the thinning.

    Raises:
        InputError: Naming the column, line or file that does not fit.
    """
    table = _read(csv)
    if split_column == "auto":
        split_column = "split" if "split" in table.columns else None
    wanted = [path_column, label_column, *([split_column] if split_column else [])]
    check_columns(table, wanted, "set dataset.path_column, dataset.label_column and dataset.split_column")
    store = open_store(root)
    paths = _paths(table, path_column, store)
    _check_labelled(table, label_column)
    splits = _split_names(table, split_column) if split_column else np.full(len(paths), "train")
    if checked_choice("dataset.task", task, TASKS) == "regression":
        values = _values(table, label_column, num_classes)
        found = target_bins(bins, _trained(table, values, splits))
        numbered = FileSource(store, paths, found.of(values), found.names, image_size, channels, values=values)
        train, val, test = _parts(numbered, splits)
        return numeric_splits(train, val, test, found, law, subset_seed, test_size, split_seed)
    labels, class_names = _labels(table, label_column, num_classes)
    _check_training(table, labels[splits == "train"], class_names)
    return _assemble(FileSource(store, paths, labels, class_names, image_size, channels), splits, test_size, split_seed)


def _read(csv: str) -> CsvTable:
    path = Path(csv).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"dataset.csv={path} cannot be read ({error.strerror}): give a utf-8 csv file") from error
    return parse_csv(content, str(path), "dataset.csv")


def _paths(table: CsvTable, column: str, store: FileStore) -> list[str]:
    """Normalised paths, each listed once and present in the store."""
    rows: dict[str, int] = {}
    for row, value in enumerate(table.columns[column]):
        if not value:
            raise InputError(f"{table.where(row)} has no path: fill it in or remove the row")
        name = PurePosixPath(value).as_posix()
        if name in rows:
            raise InputError(f"{table.where(row)} repeats {name} of line {table.lines[rows[name]]}: keep one")
        if not store.has(name):
            raise InputError(f"{table.where(row)}: {name} is not in {store.root}: check it and dataset.root")
        rows[name] = row
    return list(rows)


def _check_labelled(table: CsvTable, column: str) -> None:
    values = table.columns[column]
    if "" in values:
        raise InputError(f"{table.where(values.index(''))} has no label: fill it in or remove the row")


def _labels(table: CsvTable, column: str, num_classes: int | None) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Class index of every row and the class names."""
    values = table.columns[column]
    if all(re.fullmatch(r"[+-]?\d+", value) for value in values):
        return _integer_labels(table, [int(value) for value in values], num_classes)
    class_names = sorted(set(values))
    if num_classes is not None and len(class_names) != num_classes:
        found = f"{table.file} has {len(class_names)} different labels"
        raise InputError(f"{found}, dataset.num_classes={num_classes}: correct one of them")
    rank = {name: k for k, name in enumerate(class_names)}
    return np.array([rank[value] for value in values]), class_names


def _integer_labels(
    table: CsvTable, values: list[int], num_classes: int | None
) -> tuple[npt.NDArray[np.int64], list[str]]:
    if num_classes is None:
        classes = sorted(set(values))
        return np.searchsorted(classes, values), [str(value) for value in classes]
    for row, value in enumerate(values):
        if not 0 <= value < num_classes:
            allowed = f"0..{num_classes - 1}"
            raise InputError(
                f"{table.where(row)} has label {value}, not in {allowed}: correct it or dataset.num_classes"
            )
    return np.array(values), [str(k) for k in range(num_classes)]


def _split_names(table: CsvTable, column: str) -> npt.NDArray[np.str_]:
    values = table.columns[column]
    unknown = [row for row, value in enumerate(values) if value.lower() not in SPLIT_NAMES]
    if unknown:
        row = unknown[0]
        raise InputError(f"{table.where(row)} has split {values[row]!r}: use train, val (valid, validation) or test")
    return np.array([SPLIT_NAMES[value.lower()] for value in values])


def _check_training(table: CsvTable, labels: npt.NDArray[np.int64], class_names: list[str]) -> None:
    if len(class_names) < 2:
        raise InputError(f"{table.file} has only the label {class_names[0]}: at least 2 classes are needed")
    empty = [class_names[k] for k in np.setdiff1d(np.arange(len(class_names)), labels)]
    if empty:
        raise InputError(
            f"{table.file} has no training image of class {', '.join(empty)}: add some or remove the class"
        )


def _assemble(
    everything: FileSource, splits: npt.NDArray[np.str_], test_size: float | int | None, split_seed: int
) -> Splits:
    train, val, test = _parts(everything, splits)
    for name, part in (("val", val), ("test", test)):
        if part is not None:
            check_classes(train.labels, part.labels, everything.class_names, name)
    if test is not None:
        return Splits(train, val, test)
    rest, held = hold_out_test(train, test_size, split_seed)
    return Splits(rest, val, held)


def _parts(
    everything: FileSource, splits: npt.NDArray[np.str_]
) -> tuple[FileSource, FileSource | None, FileSource | None]:
    """Rows of train, val and test; None for a split without rows, of the last two."""
    train, val, test = (everything.subset(np.flatnonzero(splits == name)) for name in ("train", "val", "test"))
    return train, val if len(val) else None, test if len(test) else None


def _values(table: CsvTable, column: str, num_classes: int | None) -> npt.NDArray[np.float64]:
    """The label of every row as a number."""
    if num_classes is not None:
        raise InputError(f"dataset.num_classes={num_classes} counts classes, but dataset.task=regression has none")
    return parse_targets(table.columns[column], table.where)


def _trained(table: CsvTable, values: npt.NDArray[np.float64], splits: npt.NDArray[np.str_]) -> npt.NDArray[np.float64]:
    """Targets of the training rows."""
    chosen: npt.NDArray[np.float64] = values[splits == "train"]
    if not len(chosen):
        raise InputError(f"{table.file} has no training image: mark rows as train")
    return chosen
