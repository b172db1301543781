"""The critical-difference diagram: average ranks on a line, bars over what does not differ."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_imb.reports.ranks import ALPHA, RankTest, cliques
from lightning_imb.reports.style import BLUE, new_figure
from lightning_imb.utils.atomic import atomic_file
from lightning_imb.utils.errors import InputError

NAME = "critical_difference"
SPAN = 5.0  # inches of the line of ranks
STEP, BAR_STEP = 0.27, 0.13  # inches between two labels, between two bars
NOTE_STEP, NOTE_LETTER = 0.17, 0.07  # inches between two lines of a note, of a letter at most on average
INK, LINE = "#222222", "#7A7A7A"


def critical_difference_figure(test: RankTest, title: str, notes: Sequence[str] = ()) -> Figure:
    """Draw average ranks on a line, best on the left; a thick bar joins levels that do not differ.

    Source:
        Demsar 2006, JMLR 7, figure 1.

    Args:
        test: The ranks and the critical difference.
        title: Title of the figure.
        notes: What the ranks rest on; below the line of ranks, broken into lines.
    """
    bars = cliques(test.ranks, test.critical)
    half = (len(test.levels) + 1) // 2
    left, right = _margin(test.levels[:half]), _margin(test.levels[half:])
    width = left + SPAN + right
    lines = [line for note in notes for line in textwrap.wrap(note, int((width - 0.4) / NOTE_LETTER))]
    top_of_notes = -0.3 - BAR_STEP * len(bars) - STEP * half
    below = -top_of_notes + NOTE_STEP * len(lines)
    height = below + 1.0
    figure = new_figure(width, height + 0.35)
    axes = figure.subplots()
    axes.set(xlim=(0, width), ylim=(-below, 1.0))  # in inches, zero on the line of ranks
    axes.set_axis_off()
    axes.set_title(title, fontsize=11, fontweight="bold", loc="left")
    scale = _Scale(len(test.levels), left)
    _draw_ruler(axes, scale)
    _draw_critical(axes, scale, test.critical)
    for i, (first, last) in enumerate(bars):
        ends = [scale(test.ranks[first]) - 0.05, scale(test.ranks[last]) + 0.05]
        axes.plot(ends, [-0.15 - BAR_STEP * i] * 2, color=BLUE, linewidth=4, solid_capstyle="butt", zorder=3)
    _draw_labels(axes, scale, test, top=-0.3 - BAR_STEP * len(bars))
    for i, line in enumerate(lines):
        axes.text(0.2, top_of_notes - NOTE_STEP * i, line, fontsize=8, va="center", color=INK)
    return figure


def save_critical_difference(test: RankTest, title: str, folder: Path, notes: Sequence[str] = ()) -> list[Path]:
    """Write the diagram as png and svg.

    Args:
        test: The ranks and the critical difference.
        title: Title of the figure.
        folder: Where to; made if missing.
        notes: What the ranks rest on.

    Returns:
        The files.

    Raises:
        InputError: The folder cannot be written to.
    """
    figure = critical_difference_figure(test, title, notes)
    files = [folder / f"{NAME}.{kind}" for kind in ("png", "svg")]
    with matplotlib.rc_context({"svg.hashsalt": NAME, "svg.fonttype": "none"}):  # the same file for the same runs
        for path in files:
            try:
                _save(figure, path)
            except OSError as error:
                raise InputError(
                    f"{path} cannot be written ({error.strerror}): name another folder as figures=."
                ) from error
    return files


def _save(figure: Figure, path: Path) -> None:
    kind = path.suffix[1:]
    with atomic_file(path) as file:
        figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)


def _margin(levels: Sequence[str]) -> float:
    """Inches for the longest label."""
    return 0.4 + 0.085 * max(len(_text(level, 0.0)) for level in levels)


class _Scale:
    """Ranks to inches."""

    def __init__(self, levels: int, margin: float) -> None:
        self.levels, self.margin = levels, margin
        self.inches = SPAN / (levels - 1)

    def __call__(self, rank: float) -> float:
        return self.margin + (rank - 1) * self.inches


def _draw_ruler(axes: Axes, scale: _Scale) -> None:
    axes.plot([scale(1), scale(scale.levels)], [0, 0], color=INK, linewidth=1.2)
    for half in range(2, 2 * scale.levels + 1):
        whole = half % 2 == 0
        axes.plot([scale(half / 2)] * 2, [0, 0.1 if whole else 0.05], color=INK, linewidth=1)
        if whole:
            axes.text(scale(half / 2), 0.15, str(half // 2), ha="center", va="bottom", fontsize=9, color=INK)


def _draw_critical(axes: Axes, scale: _Scale, critical: float) -> None:
    """The length to compare gaps with; longer than the line of ranks, it is told and not drawn."""
    text, y = f"critical difference {critical:.2f} (Nemenyi, {ALPHA})", 0.6
    if critical > scale.levels - 1:
        axes.text(scale(1), y, f"{text}: longer than the line, no two differ", fontsize=9, va="bottom", color=INK)
        return
    left, right = scale(1), scale(1 + critical)
    axes.plot([left, right], [y, y], color=INK, linewidth=1.5)
    for x in (left, right):
        axes.plot([x, x], [y - 0.05, y + 0.05], color=INK, linewidth=1.5)
    axes.text(left, y + 0.08, f"{text}; bars join ranks within it", fontsize=9, va="bottom", color=INK)


def _draw_labels(axes: Axes, scale: _Scale, test: RankTest, top: float) -> None:
    """The better half stands on the left, the others on the right, the outermost highest: no lines cross."""
    half = (len(test.levels) + 1) // 2
    for i, (level, rank) in enumerate(zip(test.levels, test.ranks, strict=True)):
        left = i < half
        y = top - STEP * (i if left else len(test.levels) - 1 - i)
        end = scale(1) - 0.1 if left else scale(scale.levels) + 0.1
        axes.plot([scale(rank), scale(rank), end], [0, y, y], color=LINE, linewidth=1)
        gap, side = (-0.06, "right") if left else (0.06, "left")
        axes.text(end + gap, y, _text(level, rank), ha=side, va="center", fontsize=9.5, color=INK)


def _text(level: str, rank: float) -> str:
    return f"{level} ({rank:.2f})"
