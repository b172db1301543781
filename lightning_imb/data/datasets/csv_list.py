"""A data set that is a csv file of image paths and labels."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from lightning_imb.data.datasets.image_folder import SPLIT_NAMES
from lightning_imb.data.decode import FileStore, ImageSize, open_store
from lightning_imb.data.sources import FileSource
from lightning_imb.data.splits import Splits, check_classes, hold_out_test
from lightning_imb.utils.errors import InputError

_FIRST_ROW = 2  # row numbers in messages count the header as row 1, as a spreadsheet does


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
) -> Splits:
    """Images listed in a csv file, one row per image.

    Labels that are all integers are classes in numeric order, other labels in alphabetical order. Without a
    split column, or without test rows, a stratified test split is drawn from the training images.

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

    Raises:
        InputError: Naming the column, row or file that does not fit.
    """
    table = _read(csv)
    if split_column == "auto":
        split_column = "split" if "split" in table.columns else None
    _check_columns(table, [path_column, label_column, *([split_column] if split_column else [])], csv)
    store = open_store(root)
    paths = _paths(table[path_column].tolist(), store, csv)
    labels, class_names = _labels(table[label_column].tolist(), num_classes, csv)
    splits = _split_names(table[split_column].tolist(), csv) if split_column else np.full(len(table), "train")
    everything = FileSource(store, paths, labels, class_names, image_size, channels)
    check_classes(range(len(class_names)), labels[splits == "train"], class_names, "train")
    return _assemble(everything, splits, test_size, split_seed)


def _read(csv: str) -> pd.DataFrame:
    path = Path(csv).expanduser()
    try:
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, skipinitialspace=True, encoding="utf-8-sig"
        )
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise InputError(
            f"dataset.csv={path} cannot be read ({error}): give a csv file with a header"
        ) from error
    if table.empty:
        raise InputError(f"dataset.csv={path} has no rows: list one image per row")
    return table


def _check_columns(table: pd.DataFrame, wanted: Sequence[str], csv: str) -> None:
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise InputError(
            f"{csv} has no column {', '.join(missing)}, found {', '.join(map(str, table.columns))}: "
            "set dataset.path_column, dataset.label_column and dataset.split_column"
        )


def _paths(raw: list[str], store: FileStore, csv: str) -> list[str]:
    """Normalised paths, each listed once and present in the store."""
    rows: dict[str, int] = {}
    for row, value in enumerate(raw, _FIRST_ROW):
        if not value.strip():
            raise InputError(f"{csv} row {row} has no path: fill it in or remove the row")
        name = PurePosixPath(value.strip()).as_posix()
        if name in rows:
            raise InputError(f"{csv} lists {name} in rows {rows[name]} and {row}: keep one of them")
        if not store.has(name):
            raise InputError(
                f"{csv} row {row}: {name} is not in {store.root}: check the path and dataset.root"
            )
        rows[name] = row
    return list(rows)


def _labels(raw: list[str], num_classes: int | None, csv: str) -> tuple[np.ndarray, list[str]]:
    """Class index of every row and the class names."""
    values = [value.strip() for value in raw]
    if "" in values:
        raise InputError(
            f"{csv} row {values.index('') + _FIRST_ROW} has no label: fill it in or remove the row"
        )
    if all(re.fullmatch(r"[+-]?\d+", value) for value in values):
        return _integer_labels([int(value) for value in values], num_classes, csv)
    class_names = sorted(set(values))
    if num_classes is not None and len(class_names) != num_classes:
        raise InputError(
            f"{csv} has {len(class_names)} different labels, dataset.num_classes={num_classes}: correct one of them"
        )
    rank = {name: k for k, name in enumerate(class_names)}
    return np.array([rank[value] for value in values]), class_names


def _integer_labels(values: list[int], num_classes: int | None, csv: str) -> tuple[np.ndarray, list[str]]:
    if num_classes is None:
        classes = sorted(set(values))
        return np.searchsorted(classes, values), [str(value) for value in classes]
    for row, value in enumerate(values, _FIRST_ROW):
        if not 0 <= value < num_classes:
            raise InputError(
                f"{csv} row {row} has label {value}, outside 0..{num_classes - 1}: correct it or dataset.num_classes"
            )
    return np.array(values), [str(k) for k in range(num_classes)]


def _split_names(raw: list[str], csv: str) -> np.ndarray:
    names = [SPLIT_NAMES.get(value.strip().lower()) for value in raw]
    if None in names:
        row = names.index(None)
        raise InputError(
            f"{csv} row {row + _FIRST_ROW} has split {raw[row]!r}: use train, val (valid, validation) or test"
        )
    return np.array(names)


def _assemble(
    everything: FileSource, splits: np.ndarray, test_size: float | int | None, split_seed: int
) -> Splits:
    parts = {name: everything.subset(np.flatnonzero(splits == name)) for name in ("train", "val", "test")}
    for name in ("val", "test"):
        if len(parts[name]):
            check_classes(parts["train"].labels, parts[name].labels, everything.class_names, name)
    val = parts["val"] if len(parts["val"]) else None
    if len(parts["test"]):
        return Splits(parts["train"], val, parts["test"])
    train, test = hold_out_test(parts["train"], test_size, split_seed)
    return Splits(train, val, test)
