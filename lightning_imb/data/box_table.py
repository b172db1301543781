"""The csv file that lists boxes of regions, and groups of images that belong together."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from lightning_imb.data.csv_table import CsvTable, check_columns, parse_csv
from lightning_imb.data.storage import FileStore
from lightning_imb.data.tree import Places
from lightning_imb.utils.errors import InputError

PATH = "path"


def read_box_table(store: FileStore, places: Places) -> CsvTable:
    """Read the csv file of boxes.

    Raises:
        InputError: If the data set has none, it is no csv file, or it has no column ``path``.
    """
    if places.boxes is None:
        raise InputError(f"{store.root} has no boxes.csv beside its images: name the file in dataset.boxes")
    table = parse_csv(store.read(places.boxes), f"{store.root}: {places.boxes}", "dataset.boxes")
    check_columns(table, (PATH,))
    return table


def rows_of_images(table: CsvTable, places: Places, names: Sequence[str]) -> dict[str, list[int]]:
    """Rows of the table by image name.

    A path starts from the folder of the csv file, or from the folder of the images. Images without a row have no
    entry.

    Args:
        table: With a column ``path``.
        places: Where csv file and images lie.
        names: Of all images, inside the root.

    Raises:
        InputError: Naming a line whose image is not there.
    """
    assert places.boxes is not None
    starts = (PurePosixPath(places.boxes).parent, PurePosixPath(places.images))
    known, found = set(names), dict[str, list[int]]()
    for row, path in enumerate(table.columns[PATH]):
        here = [name for start in starts if (name := (start / path).as_posix()) in known]
        if not here:
            raise InputError(f"{table.where(row)}: {path} is no image of the data set: correct the path or remove it")
        found.setdefault(here[0], []).append(row)
    return found


def group_numbers(store: FileStore, places: Places, names: Sequence[str], column: str) -> npt.NDArray[np.int64]:
    """Number the groups of all images of a data set.

    Args:
        store: The files.
        places: Where csv file and images lie.
        names: Of all images, inside the root.
        column: The column that tells which images belong together; a row without a value is a group of its own.

    Returns:
        (N,) from 0.

    Raises:
        InputError: If the file, the column or an image is missing, or rows of one image contradict each other.
    """
    table = read_box_table(store, places)
    check_columns(table, (column,))
    rows = rows_of_images(table, places, names)
    values = []
    for name in names:
        if name not in rows:
            raise InputError(f"{table.file} has no row for {name}, whose group is needed: add it to column {column}")
        found = sorted({table.columns[column][row] for row in rows[name]})
        if len(found) > 1:
            where = table.where(rows[name][1])
            raise InputError(f"{where} puts {name} into another {column} than before: {' and '.join(found)}")
        values.append(f"group {found[0]}" if found[0] else f"image {name}")
    return np.unique(values, return_inverse=True)[1].astype(np.int64)
