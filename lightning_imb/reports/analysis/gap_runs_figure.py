"""The picture of generalization gap against balanced accuracy, over the runs of a sweep."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lightning_imb.reports.style import colours, new_figure, tidy

MAX_LINES = 8  # as many colours as can be told apart

_LEGEND = 130  # characters that stand side by side below the figure

PANELS = {"gap": "gap, all rows (embedding units)", "matched": "gap, equally many rows"}
_NOT_DEFINED = " (where defined)"


def gap_runs_figure(table: pd.DataFrame) -> Figure:
    """Draw the mean gap of each run and its balanced accuracy, with a line from before to after where it has both.

    Args:
        table: One row per run and stage, in the order of the stages: ``number`` of the run, ``line`` (runs of one
            line have one colour; at most eight lines), ``stage``, ``gap``, ``matched``, ``bacc``. Where ``matched`` is
            NaN, its panel leaves out that stage.
    """
    lines = list(dict.fromkeys(table["line"]))
    colour = dict(zip(lines, colours(len(lines)), strict=True))
    figure = new_figure(10, 4.6)
    for axes, (column, text) in zip(figure.subplots(1, 2, sharey=True), PANELS.items(), strict=True):
        for _, rows in table.groupby("number", sort=False):
            shade = colour[rows["line"].iloc[0]]
            axes.plot(rows[column], rows["bacc"], color=shade, linewidth=1, alpha=0.6)
            # rings: runs that share their phase 1 lie on one another there, and on those that end with it
            axes.plot(rows[column][:-1], rows["bacc"][:-1], "o", color=shade, markersize=11, markerfacecolor="none")
            axes.plot(rows[column][-1:], rows["bacc"][-1:], "o", color=shade, markersize=7)
        axes.set_xlabel(text + (_NOT_DEFINED if table[column].isna().any() else ""))
        tidy(axes, "both")
    figure.axes[0].set_ylabel("balanced accuracy, test")
    figure.suptitle("Generalization gap and balanced accuracy, mean over classes", fontsize=12, fontweight="bold")
    handles = [Line2D([], [], color=colour[line], label=line, marker="o", markersize=7) for line in lines]
    if table["stage"].nunique() > 1:
        handles.append(
            Line2D([], [], color="#333333", label="ring: before", marker="o", markersize=9, markerfacecolor="none")
        )
    ncols = max(1, min(len(handles), _LEGEND // (max(map(len, lines)) + 8)))  # 8: the mark and the space around it
    figure.legend(handles=handles, loc="outside lower center", ncols=ncols, frameon=False, fontsize=9)
    return figure
