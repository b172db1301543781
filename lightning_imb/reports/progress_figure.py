"""The pictures of the progress of training: which classes are learned when, and which push their features.

The quantities are those that `callbacks.diagnostics_every` logs.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_imb.analysis.training_progress import ratio
from lightning_imb.reports.curves import Row, curve
from lightning_imb.reports.style import BLUE, GREY, ORANGE, colours, log_if_wide, new_figure, tidy

PREFIX = "diagnostics/"
GROUPS = {"major": BLUE, "middle": GREY, "minor": ORANGE}
STYLES = {"major": "-", "minor": "--"}
PANELS = {
    "recall": "recall of the training images",
    "minor_to_major": "minor images taken for a major class",
    "gradient": "norm of the feature gradient, per image",
    "gradient_ratio": "feature gradient, minor / major",
}


def has_progress(rows: Sequence[Row]) -> bool:
    """Whether rows of the csv file hold diagnostics."""
    return any(name.startswith(PREFIX) for row in rows for name in row)


def progress_figure(rows: Sequence[Row], counts: Sequence[int]) -> Figure:
    """Draw one run: each class as a thin line, coloured by its frequency, the means of groups as thick ones.

    Args:
        rows: Rows of phase 1 of the csv file.
        counts: (K,) training images per class.
    """
    figure, panels = _panels("Progress of training: single classes thin, means over classes thick")
    for name in ("recall", "gradient"):
        _classes(panels[name], rows, name, counts)
        for group, colour in GROUPS.items():
            _line(panels[name], curve(rows, f"{PREFIX}{name}_{group}"), color=colour, linewidth=2.6, label=group)
    _line(panels["minor_to_major"], curve(rows, f"{PREFIX}minor_to_major"), color=ORANGE, linewidth=2)
    _line(panels["gradient_ratio"], curve(rows, f"{PREFIX}gradient_ratio"), color=BLUE, linewidth=2, label="per image")
    totals = _ratio(rows, "gradient_total")
    _line(panels["gradient_ratio"], totals, color=GREY, linewidth=2, label="sum over the images")
    _finish(panels)
    return figure


def progress_comparison_figure(runs: Mapping[str, Sequence[Row]]) -> Figure:
    """Draw several runs on one axis, major classes solid and minor ones dashed.

    Args:
        runs: Rows of phase 1 of the csv file for each run, or means over runs; at most eight.
    """
    figure, panels = _panels("Progress of training: major classes solid, minor classes dashed")
    for (label, rows), colour in zip(runs.items(), colours(len(runs)), strict=True):
        for name in ("recall", "gradient"):
            for group, style in STYLES.items():
                shown = label if group == "major" else None
                points = curve(rows, f"{PREFIX}{name}_{group}")
                _line(panels[name], points, color=colour, linestyle=style, linewidth=2, label=shown)
        for name in ("minor_to_major", "gradient_ratio"):
            _line(panels[name], curve(rows, PREFIX + name), color=colour, linewidth=2)
    _finish(panels, legends=False)
    handles = panels["recall"].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=min(4, len(runs)), frameon=False, fontsize=9)
    return figure


def _panels(title: str) -> tuple[Figure, dict[str, Axes]]:
    figure = new_figure(10, 6.6)
    axes = figure.subplots(2, 2, sharex=True).flatten()
    figure.suptitle(title, fontsize=12, fontweight="bold")
    for panel, text in zip(axes, PANELS.values(), strict=True):
        panel.set_title(text, loc="left", fontsize=10)
    return figure, dict(zip(PANELS, axes, strict=True))


def _classes(axes: Axes, rows: Sequence[Row], name: str, counts: Sequence[int]) -> None:
    shades = LinearSegmentedColormap.from_list("head to tail", list(GROUPS.values()))
    tail = np.log(max(counts)) - np.log(counts)
    for c, colour in enumerate(shades(tail / max(tail.max(), 1e-9))):
        _line(axes, curve(rows, f"{PREFIX}{name}/{c}"), color=tuple(colour), linewidth=0.8, alpha=0.6)


def _line(axes: Axes, points: Mapping[int, float], **look: str | float | tuple[float, ...] | None) -> None:
    if points:
        marker = "o" if len(points) == 1 else None  # a line of one point is nothing to see
        axes.plot([epoch + 1 for epoch in points], list(points.values()), marker=marker, **look)  # type: ignore[arg-type]


def _ratio(rows: Sequence[Row], name: str) -> dict[int, float]:
    return ratio(*(curve(rows, f"{PREFIX}{name}_{group}") for group in ("minor", "major")))


def _finish(panels: Mapping[str, Axes], legends: bool = True) -> None:
    for name, axes in panels.items():
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if name in ("recall", "minor_to_major"):
            axes.set_ylim(0, 1.02)
        else:
            log_if_wide(axes)
        if legends and axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=9)
        if not axes.lines:
            axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", color="#777777")
        tidy(axes, "both")
    panels["gradient_ratio"].axhline(1, color="#333333", linewidth=1, linestyle=":", zorder=0)
    for name in ("gradient", "gradient_ratio"):
        panels[name].set_xlabel("epoch")
