"""Sentences that cards of classifiers and of regressions share."""

from collections.abc import Sequence

from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.model_card.markdown import plain
from lightning_imb.reports.task import PER_CLASS, Unit
from lightning_imb.settings import first_of

FEW = 20  # training samples below which a class or a bin is of the group "few"
_NAMED = 10  # at most
_SEVERAL = {kind.unit: kind.units for kind in PER_CLASS.values()}


def some(unit: Unit, what: str, names: Sequence[str]) -> str:
    """A sentence about some classes or bins; empty for none.

    Args:
        unit: One of them.
        what: What they have in common.
        names: Of them.
    """
    if not names:
        return ""
    return (
        f"{len(names)} {unit if len(names) == 1 else _SEVERAL[unit]} {what}: {first_of([*map(plain, names)], _NAMED)}."
    )


def one_seed(record: RunRecord) -> str:
    """A card is of one run, whatever else was trained."""
    return (
        f"All numbers are of one run with one seed ({record.seed}): how much they change with the seed is not known "
        "from it; `imb-report` tells that of several runs."
    )
