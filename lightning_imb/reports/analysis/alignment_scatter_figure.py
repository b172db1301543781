"""The picture of where models look against how well they classify: one mark per run, one kind of mark per method."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lightning_imb.reports.analysis.saliency_figure import METHOD_NAMES
from lightning_imb.reports.style import MORE, SERIES, new_figure, tidy

SCORE_NAMES = {
    "bacc": "balanced accuracy",
    "auroc": "AUROC, mean of classes",
    "ap": "average precision, mean of classes",
}
_MARKERS = "osD^vPX*"  # beside the colour, so that eight methods stay apart in grey
_CHARACTERS_PER_INCH, _MARK_ROOM = 14, 8  # of the legend; the room of a mark in characters
_COLOURS = (*SERIES, *MORE)


class Axis(NamedTuple):
    """One quantity of the runs: its column, and the attribution method that it is of."""

    column: str
    method: str


def alignment_scatter_figure(runs: pd.DataFrame, alignments: Sequence[Axis], scores: Sequence[str]) -> Figure:
    """Draw one column per score and one row per attribution method.

    Args:
        runs: One row per run: ``row`` (what runs of several seeds share), the scores and the alignments.
        alignments: What goes up; one row of panels each.
        scores: Columns that go to the right, of ``bacc``, ``auroc`` and ``ap``.
    """
    labels = list(dict.fromkeys(runs["row"]))
    width = 1.2 + 3.6 * len(scores)
    across = max(1, min(3, int(width * _CHARACTERS_PER_INCH) // (max(map(len, labels)) + _MARK_ROOM)))
    figure = new_figure(width, 0.9 + 3.0 * len(alignments) + 0.22 * -(-len(labels) // across))
    grid = figure.subplots(len(alignments), len(scores), sharex="col", sharey="row", squeeze=False)
    for line, alignment in zip(grid, alignments, strict=True):
        for axes, score in zip(line, scores, strict=True):
            _panel(axes, runs, score, alignment.column, labels)
        method = METHOD_NAMES.get(alignment.method, alignment.method).replace("\n", " ")
        line[0].set_ylabel(f"{method}:\nsoft IoU above chance,\nmean of classes")
    for axes, score in zip(grid[-1], scores, strict=True):
        axes.set_xlabel(SCORE_NAMES.get(score, score))
    handles = [
        Line2D([], [], color=_colour(i), marker=_marker(i), linestyle="", label=label) for i, label in enumerate(labels)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=across, frameon=False, fontsize=9)
    return figure


def _panel(axes: Axes, runs: pd.DataFrame, score: str, alignment: str, labels: Sequence[str]) -> None:
    for i, label in enumerate(labels):
        mine = runs.loc[runs["row"] == label, [score, alignment]].dropna()
        if mine.empty:
            continue
        mean, sd = mine.mean(), mine.std(ddof=1).fillna(0)
        axes.plot(
            mine[score], mine[alignment], _marker(i), color=_colour(i), markersize=4, alpha=0.5, markeredgewidth=0
        )
        axes.errorbar(
            mean[score], mean[alignment], sd[alignment], sd[score], _marker(i), color=_colour(i), markersize=9,
            markeredgecolor="white", elinewidth=1.2, zorder=3,
        )  # fmt: skip
    axes.axhline(0, color="#333333", linewidth=1, linestyle=":", zorder=0)
    axes.margins(0.08)
    tidy(axes, "both")


def _colour(i: int) -> str:
    return _COLOURS[i % len(_COLOURS)]


def _marker(i: int) -> str:
    return _MARKERS[(i + i // len(_COLOURS)) % len(_MARKERS)]  # the ninth has the colour of the first, but another mark
