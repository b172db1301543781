"""The picture of errors by bin: where along the targets models err, and how many training samples there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.style import GREY, MANY_LABELS, colours, log_if_wide, new_figure, tidy
from lightning_imb.utils.target_bins import TargetBins

MAX_LINES = 8  # that can be told apart
INK = "#333333"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BinErrors:
    """Errors of the runs that one line stands for.

    Attributes:
        mse: (R, B) mean squared error of each run in each bin; NaN where a bin has no test samples.
        train: (R, B) training samples.
        constant: (R, B) mean squared error of the constant that says the mean of the training targets; empty where it
            is not known.
    """

    mse: Floats
    train: Floats
    constant: Floats


def errors_figure(
    lines: Mapping[str, BinErrors],
    edges: Sequence[float],
    target: str,
    title: str,
    floor: Mapping[str, Sequence[float | None]],
) -> Figure:
    """Draw the mean squared error by bin, mean and band of one standard deviation, training samples below.

    The constant of the training mean is dashed, in black where all lines share it, else in the colour of each. The axis
    of errors is logarithmic where they span more than a factor of ten.

    Args:
        lines: What is drawn, at most eight.
        edges: (B + 1,) of the bins.
        target: Name of the target.
        title: Title of the figure.
        floor: (B,) noise floor of each bin, None where not known, by its name; empty for none.
    """
    figure = new_figure(9, 6.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    centres = TargetBins(tuple(edges)).centres
    shades = dict(zip(lines, colours(len(lines)), strict=True))
    for label, errors in lines.items():
        _draw_errors(upper, centres, errors.mse, shades[label], label)
    _draw_constants(upper, centres, lines, shades)
    for name, values in floor.items():
        upper.plot(centres, np.array(values, dtype=np.float64), color=INK, linestyle=":", linewidth=1.5, label=name)
    log_if_wide(upper)
    _draw_samples(lower, edges, lines, shades)
    upper.set_ylabel(f"mean squared error of {target}")
    upper.set_title(title, fontsize=12, fontweight="bold", loc="left")
    lower.set_ylabel("training\nsamples")
    lower.set_xlabel(f"true {target}")
    for axes in (upper, lower):
        tidy(axes)
    figure.legend(*upper.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _draw_errors(axes: Axes, centres: Floats, mse: Floats, colour: str, label: str) -> None:
    mean, std = mse.mean(axis=0), mse.std(axis=0, ddof=1) if len(mse) > 1 else np.zeros(mse.shape[1])
    axes.plot(centres, mean, color=colour, marker="o", markersize=4.5, linewidth=2, label=label, zorder=3)
    # below zero there is no error, and on a logarithmic axis no place
    axes.fill_between(centres, np.maximum(mean - std, mean / 100), mean + std, color=colour, alpha=0.18, linewidth=0)


def _draw_constants(axes: Axes, centres: Floats, lines: Mapping[str, BinErrors], shades: Mapping[str, str]) -> None:
    known = {label: errors.constant.mean(axis=0) for label, errors in lines.items() if errors.constant.size}
    first = next(iter(known.values()), None)
    if first is None:
        return
    shared = all(np.allclose(values, first, equal_nan=True) for values in known.values())
    for label, values in list(known.items())[: 1 if shared else None]:
        axes.plot(centres, values, color=INK if shared else shades[label], linestyle="--", linewidth=1.2)
    axes.plot([], [], color=INK, linestyle="--", linewidth=1.2, label="constant: training mean")


def _draw_samples(
    axes: Axes, edges: Sequence[float], lines: Mapping[str, BinErrors], shades: Mapping[str, str]
) -> None:
    """Bars where all lines share the training samples, else an outline for each."""
    means = {label: errors.train.mean(axis=0) for label, errors in lines.items()}
    first = next(iter(means.values()))
    if not all(np.allclose(values, first) for values in means.values()):
        for label, values in means.items():
            axes.stairs(values, edges, color=shades[label], linewidth=2, baseline=None)
        axes.set_ylim(bottom=0)
        return
    bars = axes.bar(edges[:-1], first, np.diff(edges), align="edge", color=GREY, edgecolor="white")
    if len(first) <= MANY_LABELS:
        axes.bar_label(bars, [f"{value:,.0f}" for value in first], fontsize=8, padding=2, color=INK)
        axes.margins(y=0.25)
