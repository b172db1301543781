"""The picture of how well heat maps agree with marked regions, class by class, beside chance."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lightning_imb.reports.analysis.saliency_figure import METHOD_NAMES
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.style import BLUE, MANY_LABELS, PIXELS_PER_CHARACTER, SKY, class_ticks, new_figure, tidy

SHOWN = {"iou": "soft IoU", "ior": "light on the\nregion (IoR)", "pointing_macro": "pointing game\n(share of maps)"}
GROUPS = {"positives": BLUE, "true positives": SKY}
MEAN = "(mean of classes)"
_BARS = 0.8  # of the room of a class
_PARTS = 10  # groups of classes where there are too many for one bar each
_CHANCE, _CONSTANT = "#111111", "#7A7A7A"


def alignment_figure(table: pd.DataFrame, names: Sequence[str], counts: Sequence[int]) -> Figure:
    """Draw bars with their levels of chance: one column per method, one row per measure, classes from head to tail.

    Args:
        table: ``method`` and the columns of `lightning_imb.analysis.alignment_table.alignment_table`, of one network.
        names: (K,) class names; classes without a marked region are left out.
        counts: (K,) training images per class.
    """
    methods = list(dict.fromkeys(table["method"]))
    groups = _class_groups(table, names, counts)
    figure = new_figure(1.4 + len(methods) * max(3.4, 0.45 * len(groups)), 8)
    grid = figure.subplots(len(SHOWN), len(methods), sharex=True, sharey="row", squeeze=False)
    for column, method in enumerate(methods):
        part = table[table["method"] == method]
        for axes, measure in zip(grid[:, column], SHOWN, strict=True):
            _panel(axes, part[part["measure"] == measure], groups)
        title = METHOD_NAMES.get(method, method).replace("\n", " ")
        grid[0, column].set_title(title, fontsize=11, fontweight="bold", loc="left")
        _name_groups(grid[-1, column], groups, len(methods))
    for (first, *_), label in zip(grid, SHOWN.values(), strict=True):
        first.set_ylabel(label)
        first.set_ylim(bottom=0)
    figure.legend(handles=_legend(), loc="outside upper left", ncols=min(2, len(methods)), frameon=False, fontsize=9)
    return figure


def _name_groups(axes: Axes, groups: Mapping[str, Sequence[str]], columns: int) -> None:
    class_ticks(axes, list(groups))
    room = axes.figure.bbox.width / columns / len(groups) / PIXELS_PER_CHARACTER
    if any((len(left) + len(right)) / 2 > room for left, right in pairwise(groups)):
        for text in axes.get_xticklabels():
            text.set(rotation=45, ha="right", rotation_mode="anchor")
    alone = all(len(members) == 1 for members in groups.values())
    axes.set_xlabel("class, from head to tail" if alone else "rank of the class by training images; means of groups")


def _class_groups(table: pd.DataFrame, names: Sequence[str], counts: Sequence[int]) -> dict[str, list[str]]:
    """What each bar stands for, by its label: one class, or neighbours in frequency; last the mean of all classes."""
    there = set(table["class"])
    order = [names[k] for k in head_to_tail(counts) if names[k] in there]
    if len(order) <= MANY_LABELS:
        return {name: [name] for name in order} | {"mean of classes": [MEAN]}
    parts = np.array_split(np.arange(len(order)), _PARTS)
    labels = [f"{part[0] + 1}–{part[-1] + 1}" for part in parts]
    groups = {label: [order[i] for i in part] for label, part in zip(labels, parts, strict=True)}
    return groups | {"mean of classes": [MEAN]}


def _panel(axes: Axes, table: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> None:
    width = _BARS / len(GROUPS)
    for i, (group, colour) in enumerate(GROUPS.items()):
        values = table[table["group"] == group].set_index("class")
        x = np.arange(len(groups)) + (i - (len(GROUPS) - 1) / 2) * width
        score, chance, constant = (
            np.array([values.loc[list(members), name].mean() for members in groups.values()], dtype=np.float64)
            for name in ("score", "chance", "constant")
        )
        axes.bar(x, np.nan_to_num(score), width * 0.94, color=colour)
        half = width * 0.47
        axes.hlines(chance, x - half, x + half, color=_CHANCE, linewidth=2.2, zorder=3)
        axes.hlines(constant, x - half, x + half, color=_CONSTANT, linewidth=1.6, linestyle=(0, (1, 1)), zorder=3)
        for at in x[np.isnan(score)]:
            axes.annotate("n/a", (at, 0), (0, 2), textcoords="offset points", ha="center", fontsize=7, color="#333333")
    axes.axvline(len(groups) - 1.5, color="#BBBBBB", linewidth=0.8)
    tidy(axes)


def _legend() -> list[Patch | Line2D]:
    return [
        Patch(color=BLUE, label="all images of the class"),
        Patch(color=SKY, label="those that the model classifies rightly"),
        Line2D([], [], color=_CHANCE, linewidth=2.2, label="chance: regions of other images of the class"),
        Line2D([], [], color=_CONSTANT, linewidth=1.6, linestyle=(0, (1, 1)), label="a map of ones"),
    ]
