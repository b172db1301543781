"""The picture of the generalization gap of each class."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.analysis.class_panels import chance_marks, class_values, finish, log_counts
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.style import new_figure

PANELS = {
    "gap": "gap, all rows\n(embedding units)",
    "matched": "gap, equally\nmany rows",
    "recall": "recall",
}

CHANCE = "chance: random division of the pooled rows"


def gap_figure(gaps: Mapping[str, pd.DataFrame], names: Sequence[str], counts: Sequence[int], protocol: str) -> Figure:
    """Draw the gap of each class: of all rows with what chance would give, of equally many rows, and the recall.

    Args:
        gaps: By model, tables as of `lightning_imb.analysis.gap.class_gaps` for all classes in order; the label of a
            model should tell its balanced accuracy. Where ``matched`` and ``null`` are NaN, nothing is drawn of them.
        names: (K,) class names.
        counts: (K,) training images per class.
        protocol: As the run records it.
    """
    order = head_to_tail(counts)
    figure = new_figure(10, 8.4)
    panels = figure.subplots(4, 1, sharex=True, height_ratios=[2, 2, 1.6, 1])
    for axes, (column, text) in zip(panels, PANELS.items(), strict=False):
        spread = _columns(gaps, "matched_sd", order) if column == "matched" else None
        class_values(axes, _columns(gaps, column, order), spread)
        axes.set_ylabel(text)
        axes.set_ylim(bottom=0)
    chance_marks(panels[0], _columns(gaps, "null", order), CHANCE)
    _name_undefined(panels[1], gaps)
    handles, labels = panels[0].get_legend_handles_labels()
    models_first = sorted(range(len(labels)), key=lambda i: labels[i] == CHANCE)
    handles, labels = ([given[i] for i in models_first] for given in (handles, labels))
    panels[0].legend(
        handles, labels, frameon=False, fontsize=9, ncols=len(labels), loc="lower left", bbox_to_anchor=(0, 1)
    )
    panels[2].set_ylim(0, 1.02)
    log_counts(panels[3], [counts[k] for k in order], [names[k] for k in order])
    finish(figure, "How far the test embeddings of a class reach beyond its training embeddings", protocol)
    return figure


def _name_undefined(axes: Axes, gaps: Mapping[str, pd.DataFrame]) -> None:
    """Say in the panel of equally many rows which models have nothing there: an empty place is not a gap of 0."""
    lost = [label for label, table in gaps.items() if table["matched"].isna().all()]
    if lost:
        axes.set_title(f"not defined here ({', '.join(lost)})", loc="left", fontsize=9, color="#333333")


def _columns(gaps: Mapping[str, pd.DataFrame], column: str, order: Sequence[int]) -> dict[str, NDArray[Any]]:
    return {label: table[column].to_numpy(dtype=float)[list(order)] for label, table in gaps.items()}
