"""What every row of a study has over its control."""

from lightning_imb.reports.cells import MISSING
from lightning_imb.reports.grid import Grid
from lightning_imb.reports.kept.cell import Cell
from lightning_imb.reports.kept.contrast import Difference, difference
from lightning_imb.reports.kept.measured import warning
from lightning_imb.reports.kept.study import Line, Study
from lightning_imb.reports.paired import LEVEL


def gains_grid(study: Study) -> Grid:
    """One line per row that has runs, but for the control; what both kinds of intervals tell from 0 is bold."""
    control = study.find(study.control) if study.control else None
    found = {
        line.label: _gains(study, line, control) for line in study.lines if control and line.where != study.control
    }
    found = {label: gains for label, gains in found.items() if any(gains)}
    shown = [one for gains in found.values() for one in gains if one and one.over_seeds]
    return Grid(
        title=f"{study.title}: what each row has over {_name(study)}, with {LEVEL:.0%} intervals over seeds",
        header=("", *study.gains),
        rows=tuple((label, *_texts(study, gains)) for label, gains in found.items()),
        caption=(
            "Points, paired by seed; Student's t over seeds. Bold: 0 is outside this interval, and outside the one "
            "over test images too, which recalls and their means have. "
            f"Were no row different from the control, {(1 - LEVEL) * len(shown):.0f} of these {len(shown)} intervals "
            "would miss 0 by chance."
        ),
        warning=warning([study]),
        bold=frozenset(
            (i, j + 1) for i, gains in enumerate(found.values()) for j, one in enumerate(gains) if one and one.clear
        ),
    )


def _name(study: Study) -> str:
    return next((line.label for line in study.lines if line.where == study.control), "")


def _gains(study: Study, line: Line, control: Cell | None) -> list[Difference | None]:
    cell = study.find(line.where)
    return [difference(cell, control, score) if cell and control else None for score in study.gains.values()]


def _texts(study: Study, gains: list[Difference | None]) -> list[str]:
    return [_text(study, score, one) for score, one in zip(study.gains.values(), gains, strict=True)]


def _text(study: Study, score: str, one: Difference | None) -> str:
    if one is None:
        return MISSING
    mean = study.text(score, one.mean, "+")
    if one.over_seeds is None:
        return f"{mean} (n={len(one.by_seed)})"
    return f"{mean} ({' to '.join(study.text(score, bound, '+') for bound in one.over_seeds)})"
