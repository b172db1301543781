"""What a user asks of imb-report."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_imb.utils.errors import InputError

if TYPE_CHECKING:  # the entry point answers --help without what the task of runs is read with
    from lightning_imb.reports.task import Task

FORMATS = ("rich", "markdown", "csv", "latex", "html")
BOLD = ("clear", "mean", "none")
INTERVALS = ("t", "bootstrap")


@dataclass(frozen=True)
class Request:
    """One report.

    Attributes:
        folder: The folder whose runs are reported.
        rows: What makes a row of the tables, and what is compared.
        cols: What makes a column of the table of one score; empty for a table of several scores.
        metrics: Names as in ``metrics.json``; a table by ``cols``, the paired comparison and the expected order take
            the first. Empty for those of the task.
        keep: Folder that gets one json per row, which outlives the run folders; None for none.
        only: Values that runs must have to be looked at, by key; empty for all runs.
        metrics_of: The metrics that a report of each task has unless told otherwise.
        compare: Whether to compare the rows pairwise over blocks.
        blocks: What makes a block; None to find out.
        control: The row that all others are compared with, None for all pairs; of an expected order the value whose
            statements come first.
        interval: Of the mean difference of a comparison: ``t`` or ``bootstrap``.
        order: Values of one of the keys of rows or columns, the expected best first; empty for no such check.
        form: ``rich`` (terminal), ``markdown``, ``csv``, ``latex`` or ``html``.
        per_class: Whether to add the recall of each class, or the MSE of each bin, to a table of several scores.
        bold: Which best values are stressed: ``clear``, ``mean`` or ``none``.
        figures: Folder for the critical-difference diagram and, of regressions, the errors by bin; None for none.
        out: File to write instead of printing; html goes to ``report.html`` in the folder otherwise.
    """

    folder: Path
    rows: tuple[str, ...]
    metrics: tuple[str, ...]
    cols: tuple[str, ...] = ()
    compare: bool = False
    blocks: tuple[str, ...] | None = None
    control: str | None = None
    interval: str = INTERVALS[0]
    order: tuple[str, ...] = ()
    form: str = "rich"
    per_class: bool = True
    bold: str = "clear"
    figures: Path | None = None
    out: Path | None = None
    keep: Path | None = None
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    metrics_of: Mapping["Task", tuple[str, ...]] = field(default_factory=dict)

    def settled(self, task: "Task") -> "Request":
        """The same with the metrics of the task where none were asked for.

        Raises:
            InputError: The task has no metrics either.
        """
        metrics = self.metrics or self.metrics_of.get(task, ())
        if not metrics:
            raise InputError("There is no score to report: name one, metric=test/bacc.")
        return replace(self, metrics=metrics)

    def check(self) -> None:
        """Refuse what cannot be or would be ignored.

        Raises:
            InputError: It names the value and the cure.
        """
        if self.form not in FORMATS:
            raise InputError(f"Unknown format {self.form!r}: use one of {', '.join(FORMATS)}.")
        if self.bold not in BOLD:
            raise InputError(f"Unknown bold={self.bold}: use one of {', '.join(BOLD)}.")
        if self.interval not in INTERVALS:
            raise InputError(f"Unknown interval={self.interval}: use one of {', '.join(INTERVALS)}.")
        if self.form == "rich" and self.out:
            raise InputError(f"format=rich is for the terminal: to write {self.out}, use format=markdown or latex.")
        if len(self.order) == 1 or len(set(self.order)) < len(self.order):
            raise InputError(f"order=[{','.join(self.order)}] must name at least two values, each of them once.")
        self._check_form()
        self._check_compared()

    def _check_compared(self) -> None:
        """Refuse what is of the paired comparison where nothing is compared."""
        of_order = ("control",) if self.order else ()
        asked = {"blocks": self.blocks, "control": self.control, "interval": self.interval != INTERVALS[0]}
        ignored = [name for name, value in asked.items() if value and name not in of_order]
        if ignored and not self.compare:
            raise InputError(f"{ignored[0]}= is of the paired comparison: add compare=true.")

    def check_study(self) -> None:
        """Refuse what a folder of kept results has no place for: it says itself what is shown.

        Raises:
            InputError: It names the value and the cure.
        """
        if self.form not in ("rich", "markdown"):
            raise InputError(f"{self.folder} holds kept results: format={self.form} is of runs, use rich or markdown.")
        asked = [
            name for name in ("metrics", "cols", "compare", "order", "figures", "keep", "only") if getattr(self, name)
        ]
        if asked:
            raise InputError(f"{self.folder} holds kept results, whose study.yaml says all: leave out {asked[0]}=.")

    def _check_form(self) -> None:
        """Refuse what a form has no place for."""
        if self.form == "html" and (self.compare or self.cols or self.figures):
            raise InputError("format=html has tables and figures of its own: leave out cols=, compare= and figures=.")
        if self.form == "csv" and self.compare and self.cols:
            raise InputError("compare=true format=csv writes the pairs alone: leave out cols=, or use markdown.")
        extra = next((name for name in ("figures", "order") if getattr(self, name)), None)
        if self.form == "csv" and extra:
            raise InputError(f"format=csv writes one table: leave out {extra}=, or use markdown.")
