"""Several studies of the same rows side by side: one column each."""

from collections.abc import Sequence

from lightning_imb.reports.captions import WARNING
from lightning_imb.reports.grid import Grid
from lightning_imb.reports.kept.measured import measured
from lightning_imb.reports.kept.study import Study
from lightning_imb.reports.kept.table import chosen_on_test, mean_std
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
    return Grid(
        title=f"{next(iter(first.columns))}: {'; '.join(study.title for study in studies)}",
        header=("", *(study.title for study in studies), "overrides"),
        rows=tuple(rows),
        notes=1,
        caption=measured(studies),
        warning=WARNING if any(map(chosen_on_test, studies)) else "",
    )


def _score(study: Study, where: dict[str, str]) -> str:
    return mean_std(study, study.score, study.find(where))


def _named(studies: Sequence[Study]) -> str:
    return " and ".join(study.folder.name for study in studies)
