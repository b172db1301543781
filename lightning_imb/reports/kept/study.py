"""What a table of kept results shows: ``study.yaml`` beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lightning_imb.reports.kept.cell import Cell, read_cells
from lightning_imb.runs import ANALYSES
from lightning_imb.settings import first_of
from lightning_imb.utils.errors import InputError

FILE = "study.yaml"
_OPTIONAL = ("percent", "tolerance", "contrasts", "relations", "control", "gains")
_ROW = {"label", "where", "published", "source", "command"}
_CONTRAST = {"label", "better", "than", "score"}
_RELATION = {"label", "x", "y", "among"}


@dataclass(frozen=True)
class Line:
    """A row that the table shall have.

    Attributes:
        label: What it is called.
        where: Parts of the row of its cell, such as ``{"method": "eos", "resampler.k": "200"}``.
        command: What is put to the command of the study to run it.
        published: The range of published numbers, in the unit of the table; None where there is none.
        source: Where they stand.
    """

    label: str
    where: dict[str, str]
    command: str = ""
    published: tuple[float, float] | None = None
    source: str = ""


@dataclass(frozen=True)
class Contrast:
    """Two rows whose difference is looked at.

    Attributes:
        label: What the difference is of.
        better: The row that is expected to be better.
        than: The other one.
        score: What is subtracted; empty for the first column of the study.
    """

    label: str
    better: dict[str, str]
    than: dict[str, str]
    score: str = ""


@dataclass(frozen=True)
class Relation:
    """Two numbers that may go together from row to row.

    Attributes:
        label: What the relation is.
        x: One score.
        y: The other one.
        among: Parts that the rows share; empty for all rows.
    """

    label: str
    x: str
    y: str
    among: dict[str, str]


@dataclass(frozen=True)
class Study:
    """A table of kept results.

    Attributes:
        folder: Where the results are.
        title: Above the table.
        about: Below it: protocol, recipe, command.
        columns: Scores by their headings; differences are of the first.
        percent: Whether scores are shown times 100; numbers of analyses never are.
        seeds: How many each row shall have.
        tolerance: How far beyond the published range a result counts as reproduced, in the unit of the table.
        lines: The rows.
        contrasts: The differences.
        relations: What may go together.
        control: The ``where`` of the row that all others are compared with; empty for none.
        gains: Scores, by their headings, of which the others' differences from it are shown.
        cells: What is there.
    """

    folder: Path
    title: str
    about: str
    columns: dict[str, str]
    percent: bool
    seeds: int
    tolerance: float
    lines: tuple[Line, ...]
    contrasts: tuple[Contrast, ...]
    relations: tuple[Relation, ...]
    control: dict[str, str]
    gains: dict[str, str]
    cells: tuple[Cell, ...]

    @property
    def score(self) -> str:
        """What differences are of."""
        return next(iter(self.columns.values()))

    def scale(self, score: str) -> float:
        """From a score to what is shown."""
        return 100.0 if self.percent and not score.startswith(f"{ANALYSES}/") else 1.0

    def text(self, score: str, value: float, sign: str = "") -> str:
        """A score, or a difference of two, as it is shown.

        Args:
            score: Its name.
            value: As measured.
            sign: ``+`` to show the sign of what is above 0 too.
        """
        scale = self.scale(score)
        return f"{scale * value:{sign}.{3 if scale == 1 else 2}f}"

    def find(self, where: Mapping[str, str]) -> Cell | None:
        """The cell of a row; None where there is none.

        Raises:
            InputError: If several cells are meant.
        """
        found = [cell for cell in self.cells if all(cell.row.get(key) == value for key, value in where.items())]
        if len(found) > 1:
            names = " and ".join(cell.file_name for cell in found[:2])
            raise InputError(f"{self.folder / FILE}: {dict(where)} means {names}: say more keys")
        return found[0] if found else None


def is_study(folder: Path) -> bool:
    """Whether a folder holds kept results with a ``study.yaml``."""
    return (folder / FILE).is_file()


def check_no_cells(folder: Path) -> None:
    """Refuse kept results that no ``study.yaml`` tells how to show.

    Raises:
        InputError: If a folder holds kept results and no run.
    """
    if any(folder.glob("*=*.json")) or (folder / "all.json").is_file():
        raise InputError(f"{folder} holds kept results but no {FILE}, which says what their table shows: see results/")


def read_study(folder: Path) -> Study:
    """Read ``study.yaml`` and the results beside it.

    Raises:
        InputError: If the file lacks something, has a key too many, or a kept result is in none of its rows.
    """
    try:
        study = _study(folder, _mapping(folder / FILE))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder / FILE} is malformed ({error}): see results/ for whole ones") from error
    _check_shown(study)
    _check_one_table(study)
    _check_names(study)
    return study


def _study(folder: Path, held: Mapping[str, Any]) -> Study:
    needed = ("title", "text", "columns", "seeds", "rows")
    missing = [key for key in needed if not held.get(key)]
    unknown = sorted(held.keys() - {*needed, *_OPTIONAL})
    if missing or unknown:
        told = f"lacks {', '.join(missing)}" if missing else f"has the unknown key {unknown[0]}"
        raise InputError(f"{folder / FILE} {told}: see results/ for whole ones")
    return Study(
        folder=folder,
        title=str(held["title"]),
        about=str(held["text"]).strip(),
        columns=_texts(held["columns"]),
        percent=bool(held.get("percent", False)),
        seeds=int(held["seeds"]),
        tolerance=float(held.get("tolerance", 0.0)),
        lines=tuple(_line(one, folder / FILE) for one in held["rows"]),
        contrasts=tuple(_contrast(one, folder / FILE) for one in held.get("contrasts") or ()),
        relations=tuple(_relation(one, folder / FILE) for one in held.get("relations") or ()),
        control=_texts(held.get("control") or {}),
        gains=_texts(held.get("gains") or {}),
        cells=tuple(read_cells(folder)),
    )


def _check_shown(study: Study) -> None:
    """Nothing that was measured is left out of the table."""
    shown = [study.find(line.where) for line in study.lines]
    hidden = [cell.file_name for cell in study.cells if cell not in shown]
    if hidden:
        raise InputError(f"{study.folder / hidden[0]} is in no row of {FILE}: add one, or delete the file")


def _check_one_table(study: Study) -> None:
    """Numbers that stand below each other are of the same data and protocol."""
    terms = {(cell.dataset, cell.class_names, cell.train_counts, cell.protocol): cell for cell in study.cells}
    if len(terms) > 1:
        first, second = list(terms.values())[:2]
        raise InputError(
            f"{study.folder}: {first.file_name} and {second.file_name} are of different data or protocols: "
            "keep them in different folders"
        )


def _check_names(study: Study) -> None:
    """Refuse misspelt rows of differences, and scores that no kept run has."""
    rows = [line.where for line in study.lines]
    for contrast in study.contrasts:
        lost = next((where for where in (contrast.better, contrast.than) if where not in rows), None)
        if lost is not None:
            raise InputError(f"{study.folder / FILE}: '{contrast.label}' is of {lost}, which is the where of no row")
    if bool(study.control) != bool(study.gains) or (study.control and study.control not in rows):
        raise InputError(
            f"{study.folder / FILE}: control={study.control} and gains={study.gains} belong together, "
            "and control is the where of a row"
        )
    known = {name for cell in study.cells for run in cell.runs for name in run.scores}
    asked = [*study.columns.values(), *study.gains.values(), *(contrast.score for contrast in study.contrasts)]
    asked += [score for relation in study.relations for score in (relation.x, relation.y)]
    # what only some runs have may be that of rows still to come
    wrong = next((name for name in asked if name.startswith("test/") and name not in known), None)
    if known and wrong is not None:
        raise InputError(
            f"{study.folder / FILE}: no kept run has the score {wrong}: use one of {first_of(sorted(known))}"
        )


def _mapping(path: Path) -> dict[str, Any]:
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(held, dict):
        raise InputError(f"{path} is no mapping: see results/ for whole ones")
    return held


def _line(held: Mapping[str, Any], path: Path) -> Line:
    _check_part(held, _ROW, ("label", "where"), path)
    bounds = held.get("published")
    return Line(
        label=str(held["label"]),
        where=_texts(held["where"]),
        command=str(held.get("command", "")),
        published=None if bounds is None else _range(bounds, path),
        source=str(held.get("source", "")),
    )


def _contrast(held: Mapping[str, Any], path: Path) -> Contrast:
    _check_part(held, _CONTRAST, ("label", "better", "than"), path)
    score = str(held.get("score", ""))
    return Contrast(str(held["label"]), _texts(held["better"]), _texts(held["than"]), score)


def _relation(held: Mapping[str, Any], path: Path) -> Relation:
    _check_part(held, _RELATION, ("label", "x", "y"), path)
    return Relation(str(held["label"]), str(held["x"]), str(held["y"]), _texts(held.get("among") or {}))


def _check_part(held: Mapping[str, Any], known: set[str], needed: Sequence[str], path: Path) -> None:
    wrong = [*(key for key in needed if key not in held), *sorted(held.keys() - known)]
    if wrong:
        raise InputError(f"{path}: an entry lacks or does not know {wrong[0]}: {dict(held)}")


def _range(bounds: Sequence[float], path: Path) -> tuple[float, float]:
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise InputError(f"{path}: published={list(bounds)} is no range [low, high]")
    return float(bounds[0]), float(bounds[1])


def _texts(held: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in held.items()}
