"""The picture of accuracy under other class frequencies in the test set."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_imb.reports.style import colours, new_figure, tidy

PREFIX, KNOWN = "prior_shift/", "prior_shift_known/"
Spread = tuple[float, float]  # mean and standard deviation


def prior_shift_figure(
    models: Mapping[str, Mapping[str, Spread]], known: Mapping[str, Mapping[str, Spread]] | None = None
) -> Figure:
    """Draw the share of right predictions from test sets as imbalanced as training to the opposite.

    Args:
        models: For each model, mean and standard deviation over runs by the name of the shift, ``forward_50`` to
            ``backward_50`` in the order in which they are drawn; all models have the same.
        known: The same where the logits are told the class frequencies, for all of the models or some; dashed, in the
            colour of the model.
    """
    figure = new_figure(8.4, 4.6)
    axes = figure.subplots()
    for (label, spread), colour in zip(models.items(), colours(len(models)), strict=True):
        _curve(axes, spread, colour, label, "-")
        if known and label in known:
            _curve(axes, known[label], colour, f"{label}, prior known", "--")
    shifts = list(next(iter(models.values())))
    axes.set_xticks(range(len(shifts)), [_tick(shift) for shift in shifts])
    axes.axvline(shifts.index("uniform"), color="#999999", linewidth=1, linestyle=":", zorder=0)
    axes.set_xlabel("ratio of the test set: head classes frequent  ←  balanced  →  tail classes frequent")
    axes.set_ylabel("top-1 (expected)")
    axes.set_title("Accuracy under other class frequencies", fontsize=12, fontweight="bold", loc="left")
    axes.legend(frameon=False, fontsize=9)
    tidy(axes)
    return figure


def _curve(axes: Axes, spread: Mapping[str, Spread], colour: str, label: str, style: str) -> None:
    mean, std = np.array(list(spread.values())).T
    x = np.arange(len(mean))
    axes.plot(x, mean, color=colour, linestyle=style, marker="o", markersize=5, linewidth=2, label=label)
    axes.fill_between(x, mean - std, mean + std, color=colour, alpha=0.18, linewidth=0)


def _tick(shift: str) -> str:
    return shift.partition("_")[2] or "1"
