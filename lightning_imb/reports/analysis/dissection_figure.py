"""The picture of a dissection: how well the best unit of a layer finds each concept, and how many units find it."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_imb.reports.style import BLUE, ORANGE, class_ticks, new_figure, tidy

MOST_CONCEPTS = 24
MOST_LAYERS = 6
_ROW = 0.3  # inches per concept


def dissection_figure(table: pd.DataFrame, threshold: float) -> Figure:
    """Draw one row of two panels per layer: IoU of the best unit, and number of detectors, each with chance.

    Args:
        table: One row per layer and concept: ``layer, concept, iou, detectors``, and ``iou_chance, detectors_chance``
            with their ``_min`` and ``_max``, NaN for no shuffles.
        threshold: IoU above which a unit is a detector.
    """
    layers = list(dict.fromkeys(table["layer"]))[-MOST_LAYERS:]
    shown = {layer: table[table["layer"] == layer].head(MOST_CONCEPTS) for layer in layers}
    most = max(len(rows) for rows in shown.values())
    figure = new_figure(10, 1.3 + len(layers) * (0.8 + _ROW * most))
    grid = figure.subplots(len(layers), 2, sharey="row", sharex="col", squeeze=False, width_ratios=[3, 2])
    for (left, right), (layer, rows) in zip(grid, shown.items(), strict=True):
        _bars(left, rows, "iou")
        left.axvline(threshold, color="#333333", linewidth=1, linestyle=":", label=f"threshold {threshold:g}")
        _bars(right, rows, "detectors")
        left.set_title(f"layer {layer}", fontsize=10, loc="left", parse_math=False)
        class_ticks(left, list(rows["concept"]), "y")
        left.set_ylim(len(rows) - 0.4, -0.6)  # the first concept on top
    grid[-1, 0].set_xlabel("intersection over union (IoU) of the best unit", fontsize=9)
    grid[-1, 1].set_xlabel(f"detectors (units whose best concept it is, IoU > {threshold:g})", fontsize=9)
    grid[-1, 1].xaxis.set_major_locator(MaxNLocator(integer=True))
    left_out = table["layer"].nunique() - len(layers)
    figure.suptitle(_title(left_out, table.groupby("layer").size().max() - most), fontsize=12, fontweight="bold")
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _title(layers: int, concepts: int) -> str:
    notes = [f"{count} {what}" for count, what in ((layers, "earlier layers"), (concepts, "more concepts")) if count]
    return "Concepts that single units detect" + (f" ({' and '.join(notes)} in the table)" if notes else "")


def _bars(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    at = np.arange(len(rows))
    values, chance = rows[name].to_numpy(), rows[f"{name}_chance"].to_numpy()
    axes.barh(at, values, 0.6, color=BLUE, label="trained network")
    low, high = (np.abs(rows[f"{name}_chance_{end}"].to_numpy() - chance) for end in ("min", "max"))
    if not np.isnan(chance).all():
        axes.errorbar(
            chance, at, xerr=[low, high], fmt="D", color=ORANGE, markersize=5, markeredgecolor="black",
            ecolor="black", elinewidth=1.2, capsize=3, clip_on=False, zorder=3, label="masks of other images (chance)",
        )  # fmt: skip
    text = "{:.3f}" if name == "iou" else "{:.0f}"
    ends = np.fmax(values, np.nan_to_num(rows[f"{name}_chance_max"].to_numpy()))
    for y, value, end in zip(at, values, ends, strict=True):
        axes.annotate(
            text.format(value), (end, y), (7, 0), textcoords="offset points", va="center", fontsize=8, color="#333333",
            bbox={"boxstyle": "square,pad=0.15", "color": "white"},
        )  # fmt: skip
    axes.set_xlim(0, max(float(np.max(ends)) * 1.15, axes.get_xlim()[1]))
    tidy(axes, "x")
