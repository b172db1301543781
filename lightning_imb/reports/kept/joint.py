"""Several studies of the same rows side by side: one column each."""

from collections.abc import Sequence
from itertools import takewhile

from lightning_imb.reports.grid import Grid
from lightning_imb.reports.kept.measured import measured, warning
from lightning_imb.reports.kept.study import Study
from lightning_imb.reports.kept.table import mean_std
from lightning_imb.utils.errors import InputError


def joint_grid(studies: Sequence[Study]) -> Grid:
    """The first score of every study, for the rows that all of them have.

    Raises:
        InputError: If they show different scores, or share no row.
    """
    first, *others = studies
    if any(study.score != first.score or study.percent != first.percent for study in others):
        raise InputError(f"{_named(studies)} show different scores first: they have no common table")
    shared = [line for line in first.lines if all(line.where in [one.where for one in study.lines] for study in others)]
    if not shared:
        raise InputError(f"{_named(studies)} share no row")
    rows = [(line.label, *(_score(study, line.where) for study in studies), f"`{line.command}`") for line in shared]
    common, own = _titles([study.title for study in studies])
    return Grid(
        title=f"{next(iter(first.columns))}: {common or '; '.join(own)}",
        header=("", *own, "overrides"),
        rows=tuple(rows),
        notes=1,
        caption=measured(studies),
        warning=warning(studies),
    )


def _titles(titles: Sequence[str]) -> tuple[str, list[str]]:
    """The parts between commas that all titles begin with, and what is left of each."""
    parts = [title.split(", ") for title in titles]
    columns = zip(*(words[:-1] for words in parts), strict=False)  # a title keeps its last part
    same = [words[0] for words in takewhile(lambda words: len(set(words)) == 1, columns)]
    return ", ".join(same), [", ".join(words[len(same) :]) for words in parts]


def _score(study: Study, where: dict[str, str]) -> str:
    return mean_std(study, study.score, study.find(where))


def _named(studies: Sequence[Study]) -> str:
    return " and ".join(study.folder.name for study in studies)
