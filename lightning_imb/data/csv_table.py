"""Csv files that say something of images: text in columns, with the lines that messages name."""

import io
from collections.abc import Sequence
from csv import DictReader
from csv import Error as CsvError
from typing import NamedTuple

from lightning_imb.utils.errors import InputError


class CsvTable(NamedTuple):
    """Stripped values of every column, and the file's line number of every row."""

    file: str
    columns: dict[str, list[str]]
    lines: list[int]

    def where(self, row: int) -> str:
        """How messages name a row."""
        return f"{self.file} line {self.lines[row]}"


def parse_csv(content: bytes, file: str, setting: str) -> CsvTable:
    """Read a csv file with a header row; empty fields are empty texts.

    Args:
        content: Its bytes, utf-8.
        file: What messages call it.
        setting: The setting that named it.

    Raises:
        InputError: When it is no csv file, or has no rows.
    """
    try:
        reader = DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), restval="")
        numbered = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, CsvError) as error:
        raise InputError(f"{setting}={file} cannot be read ({error}): give a utf-8 csv file") from error
    if not numbered:
        raise InputError(f"{setting}={file} has no rows: give a header and one row per image")
    header = reader.fieldnames or ()
    columns = {column.strip(): [row[column].strip() for _, row in numbered] for column in header}
    return CsvTable(file, columns, [line for line, _ in numbered])


def check_columns(table: CsvTable, wanted: Sequence[str], cure: str = "") -> None:
    """Check that a table has some columns.

    Args:
        table: The table.
        wanted: Their names.
        cure: What the message advises; empty for nothing.

    Raises:
        InputError: Naming those that are missing, and those that are there.
    """
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        found = f"{table.file} has no column {', '.join(missing)}, found {', '.join(table.columns)}"
        raise InputError(f"{found}: {cure}" if cure else found)
