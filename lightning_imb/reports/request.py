"""What a user asks of imb-report."""

from dataclasses import dataclass
from pathlib import Path

from lightning_imb.utils.errors import InputError

FORMATS = ("rich", "markdown", "csv", "latex", "html")
BOLD = ("clear", "mean", "none")


@dataclass(frozen=True)
class Request:
    """One report.

    Attributes:
        folder: The folder whose runs are reported.
        rows: What makes a row of the tables, and what is compared.
        cols: What makes a column of the table of one score; empty for a table of several scores.
        metrics: Names as in ``metrics.json``; a table by ``cols`` and the paired comparison take the first.
        compare: Whether to compare the rows pairwise over blocks.
        blocks: What makes a block; None to find out.
        control: The row that all others are compared with; None for all pairs.
        form: ``rich`` (terminal), ``markdown``, ``csv``, ``latex`` or ``html``.
        per_class: Whether to add the recall of each class to a table of several scores.
        bold: Which best values are stressed: ``clear``, ``mean`` or ``none``.
        figures: Folder for the critical-difference diagram; None for none.
        out: File to write instead of printing; html goes to ``report.html`` in the folder otherwise.
    """

    folder: Path
    rows: tuple[str, ...]
    metrics: tuple[str, ...]
    cols: tuple[str, ...] = ()
    compare: bool = False
    blocks: tuple[str, ...] | None = None
    control: str | None = None
    form: str = "rich"
    per_class: bool = True
    bold: str = "clear"
    figures: Path | None = None
    out: Path | None = None

    def check(self) -> None:
        """Refuse what cannot be or would be ignored.

        Raises:
            InputError: It names the value and the cure.
        """
        if self.form not in FORMATS:
            raise InputError(f"Unknown format {self.form!r}: use one of {', '.join(FORMATS)}.")
        if self.bold not in BOLD:
            raise InputError(f"Unknown bold={self.bold}: use one of {', '.join(BOLD)}.")
        if not self.metrics:
            raise InputError("There is no score to report: name one, metric=test/bacc.")
        if self.form == "html" and (self.compare or self.cols):
            raise InputError("format=html has tables of its own: leave out cols= and compare=.")
        if self.form == "csv" and self.compare and (self.cols or self.figures):
            extra = "cols" if self.cols else "figures"
            raise InputError(f"compare=true format=csv writes the pairs alone: leave out {extra}=, or use markdown.")
        if self.form == "rich" and self.out:
            raise InputError(f"format=rich is for the terminal: to write {self.out}, use format=markdown or latex.")
        ignored = [name for name in ("blocks", "control", "figures") if getattr(self, name)]
        if ignored and not self.compare:
            raise InputError(f"{ignored[0]}= is of the paired comparison: add compare=true.")
