"""The picture of what an over-sampler did to each class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.analysis.class_panels import running_mean
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.style import BLUE, GREY, MANY_LABELS, ORANGE, SKY, class_ticks, new_figure, tidy

LIES = {
    "copy_share": ("copy of a real row", GREY),
    "near_own_share": ("nearest real row: its class", SKY),
    "near_enemy_share": ("nearest real row: another class", ORANGE),
}
PARTNERS = {
    "partners_copy_share": ("the base itself (copy)", GREY),
    "partners_same_class_share": ("its class", SKY),
    "partners_enemy_share": ("another class (enemy)", ORANGE),
}


def audit_figure(table: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw per class how many rows there are and were made, where these lie and, if told, with whom bases were paired.

    Args:
        table: One row per class in order: ``n``, ``generated``, the shares of `LIES`, and where the over-sampler tells
            them the shares of `PARTNERS` and ``eligible_share``; NaN where nothing was generated.
        names: (K,) class names.
    """
    told = set(PARTNERS) <= set(table.columns)
    ordered = table.iloc[head_to_tail(table["n"].tolist())]
    figure = new_figure(10, 8.4 if told else 5.8)
    heights = [1.4, 1.6, 1.6] if told else [1.4, 1.6]
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    rows = {"real": (ordered["n"], GREY), "synthetic": (ordered["generated"], BLUE)}
    _stack(panels[0], {label: (values.to_numpy(dtype=float), colour) for label, (values, colour) in rows.items()})
    panels[0].set_ylabel("embeddings")
    panels[0].yaxis.set_major_formatter("{x:,.0f}")
    _shares(panels[1], ordered, LIES, "share of the\nsynthetic rows")
    if told:
        _shares(panels[2], ordered, PARTNERS, "share of the\npartners drawn")
        _eligible(panels[2], ordered["eligible_share"].to_numpy(dtype=float))
    for axes in panels:
        axes.legend(frameon=False, fontsize=9, ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
        axes.margins(x=0.01)
        tidy(axes)
    class_ticks(panels[-1], [names[k] for k in ordered.index])
    panels[-1].set_xlabel("class, from the most to the fewest training images")
    figure.suptitle("What the over-sampler did to each class", fontsize=12, fontweight="bold")
    return figure


def _shares(axes: Axes, table: pd.DataFrame, kinds: Mapping[str, tuple[str, str]], text: str) -> None:
    many = len(table) > MANY_LABELS  # hundreds of single shares are a comb: only their trend can be read
    values = {name: table[name].to_numpy(dtype=float) for name in kinds}
    shares = {name: running_mean(own) if many else own for name, own in values.items()}
    _stack(axes, {label: (shares[name], colour) for name, (label, colour) in kinds.items()})
    axes.set_ylim(0, 1.02)
    axes.set_ylabel(f"{text}, mean over\nneighbouring classes" if many else text)
    if not many:
        for x in np.flatnonzero(table[list(kinds)].isna().all(axis=1)).tolist():
            axes.text(x, 0.02, "none\nmade", ha="center", va="bottom", fontsize=8, color="#777777")


def _stack(axes: Axes, parts: Mapping[str, tuple[NDArray[Any], str]]) -> None:
    """Stack numbers per class, bars of few classes or filled steps of many; NaN is drawn as nothing."""
    bottom = np.zeros(len(next(iter(parts.values()))[0]))
    for label, (values, colour) in parts.items():
        top = bottom + np.nan_to_num(values)
        if len(values) <= MANY_LABELS:
            axes.bar(range(len(values)), top - bottom, 0.8, bottom=bottom, label=label, color=colour)
        else:
            edges = np.arange(len(values) + 1) - 0.5
            axes.stairs(top, edges, baseline=bottom, fill=True, label=label, color=colour)
        bottom = top


def _eligible(axes: Axes, shares: NDArray[Any]) -> None:
    label = "rows that can be a base"
    if len(shares) <= MANY_LABELS:
        axes.plot(range(len(shares)), shares, "D", color="#222222", markersize=5, label=label)
    else:
        axes.plot(range(len(shares)), running_mean(shares), color="#222222", linewidth=1.5, label=label)
