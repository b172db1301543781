"""Pictures of the magnitude of each class's top features in train and in test."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.analysis.class_panels import class_values
from lightning_imb.reports.analysis.class_size import class_size_axis, marks_for
from lightning_imb.reports.analysis.point_labels import label_points
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.style import BLUE, MANY_LABELS, ORANGE, class_ticks, new_figure, tidy

_PARTS = ("train, true positives", "test, true positives", "test, false negatives")
_RATIOS = {"test, true positives": ("log_r_tp", BLUE, "o"), "test, false negatives": ("log_r_fn", ORANGE, "s")}
_DRAWN = {"log_r_tp", "log_r_fn", "abs_log_r_tp", "null_abs_log_r_tp", "null_abs_log_r_tp_sd"}
CHANCE = "chance: random divisions of the same images (mean, sd)"


def magnitude_figure(
    magnitudes: Sequence[NDArray[np.float64]], names: Sequence[str], counts: Sequence[int], what: str, top: int
) -> Figure:
    """Draw the mean magnitude of each class's top features, which training fixes, as three bars per class.

    Args:
        magnitudes: (C,) each: true positives of training, true positives and false negatives of test; NaN where none.
        names: (C,) class names.
        counts: (C,) training images per class; they order the classes.
        what: Whose magnitude it is, such as ``classification embeddings``.
        top: K.
    """
    order = head_to_tail(counts)
    figure = new_figure(10, 4.8)
    axes = figure.subplots()
    class_values(axes, {part: values[order] for part, values in zip(_PARTS, magnitudes, strict=True)})
    axes.set_title(f"Magnitude of {what} at the top {top} features", fontsize=12, fontweight="bold", loc="left")
    axes.set_ylabel("mean magnitude")
    axes.set_xlabel("class, from the most to the fewest training images")
    figure.legend(frameon=False, fontsize=9, ncols=3, loc="outside lower center")
    class_ticks(axes, [names[c] for c in order])
    return figure


def match_figure(
    measures: pd.DataFrame, ranks: tuple[float, float], names: Sequence[str], counts: Sequence[int], what: str
) -> Figure:
    """Draw how well the magnitudes of each class's top features match between training and test, against its size.

    Above: how much stronger or weaker they are in test. Below: how far they are off, whatever the direction, with what
    random divisions of the same rows give. Names stand above only.

    Args:
        measures: (C rows) ``log_r_tp`` and ``log_r_fn`` (means over the top features of log R_c), ``abs_log_r_tp``,
            ``null_abs_log_r_tp``, ``null_abs_log_r_tp_sd``; NaN where not defined.
        ranks: Rank correlation of ``abs_log_r_tp`` with the size, and of what is beyond chance; NaN if not defined.
        names: (C,) class names.
        counts: (C,) training images per class.
        what: Whose magnitude it is, such as ``classification embeddings``.
    """
    values = {str(name): column.to_numpy(dtype=np.float64) for name, column in measures.items() if name in _DRAWN}
    figure = new_figure(10, 8)
    ratio, distance = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    for part, (column, colour, marker) in _RATIOS.items():
        ratio.plot(counts, np.exp(values[column]), marker, color=colour, label=part, **marks_for(len(names)))
    ratio.axhline(1, color="#555555", linewidth=1, linestyle="--", zorder=0)
    ratio.set_ylabel("R = test / training true positives\n(geometric mean over the top features)")
    _distance_and_chance(distance, values, counts)
    distance.set_title(_rank_text(*ranks), fontsize=10, loc="left")
    class_size_axis(distance)
    for axes in (ratio, distance):
        axes.margins(x=0.08, y=0.12)
        tidy(axes, "both")
    figure.suptitle(f"Test against training: magnitude of {what}", fontsize=12, fontweight="bold")
    _legend(figure, [ratio, distance])
    if len(names) <= MANY_LABELS:
        right, wrong = (values[column] for column, _, _ in _RATIOS.values())
        named = np.exp(np.where(np.isnan(right), wrong, right))  # the two marks of a class stand above each other
        label_points(ratio, list(zip(map(float, counts), named.tolist(), names, strict=True)))
    return figure


def _distance_and_chance(axes: Axes, values: Mapping[str, NDArray[np.float64]], counts: Sequence[int]) -> None:
    """Marks of ``abs_log_r_tp``, and mean and standard deviation of what chance gives."""
    null, sd = values["null_abs_log_r_tp"], np.nan_to_num(values["null_abs_log_r_tp_sd"])
    marks = marks_for(len(null))
    lines = {"ecolor": "#222222", "elinewidth": 1, "alpha": marks["alpha"], "zorder": 1}
    axes.errorbar(counts, null, sd, fmt="none", **lines)
    axes.plot(
        counts,
        null,
        "_",
        color="#222222",
        label=CHANCE,
        **marks | {"markersize": 2 * marks["markersize"], "markeredgewidth": 2},
    )
    axes.plot(counts, values["abs_log_r_tp"], "o", color=BLUE, **marks)
    axes.set_ylabel("mean |log R|\nof true positives")
    axes.set_ylim(bottom=0)


def _rank_text(raw: float, beyond: float) -> str:
    texts = ["not defined" if np.isnan(rank) else f"{rank:+.2f}" for rank in (raw, beyond)]
    return f"rank correlation with class size: {texts[0]}, of what is beyond chance {texts[1]}"


def _legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend of all panels, whose marks are solid even where those of many classes are faint."""
    parts = [axes.get_legend_handles_labels() for axes in panels]
    handles, labels = (list(itertools.chain.from_iterable(part)) for part in zip(*parts, strict=True))
    legend = figure.legend(handles, labels, frameon=False, fontsize=9, ncols=3, loc="outside lower center")
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1)
