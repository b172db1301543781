"""What runs are about, classes or numbers, and what of each class or bin a report tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lightning_imb.reports.collect import RunRecord
from lightning_imb.utils.errors import InputError

Task = Literal["classification", "regression"]
Unit = Literal["class", "bin"]


@dataclass(frozen=True)
class PerClass:
    """The score that a report tells of every class or, of a regression, of every bin of the targets.

    Attributes:
        key: The list of scores in ``metrics.json``.
        name: What it is called.
        unit: One class or bin.
        units: Several.
    """

    key: str
    name: str
    unit: Unit
    units: str

    @property
    def title(self) -> str:
        """The name at the beginning of a line."""
        return self.name[0].upper() + self.name[1:]


PER_CLASS: dict[Task, PerClass] = {
    "classification": PerClass("test/recall", "recall per class", "class", "classes"),
    "regression": PerClass("test/bin_mse", "MSE per bin", "bin", "bins"),
}


def task_of(records: Sequence[RunRecord]) -> Task:
    """The one task of all runs.

    Args:
        records: At least one run.

    Raises:
        InputError: Some are classifications and some regressions.
    """
    first = records[0]
    other = next((record for record in records if record.regression != first.regression), None)
    if other is not None:
        kinds = {record.regression: record.path for record in (first, other)}
        raise InputError(
            f"{kinds[False]} is a classification and {kinds[True]} a regression, which share no score: "
            "report their folders one by one."
        )
    return "regression" if first.regression else "classification"
