"""The picture of how often the rows of other classes have the features of a reference class."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.analysis.chosen_classes import chosen_classes
from lightning_imb.reports.analysis.segments import segment_bars
from lightning_imb.reports.style import new_figure


def density_figure(
    rate: NDArray[np.float64], features: NDArray[np.int64], names: Sequence[str], counts: Sequence[int], reference: int
) -> Figure:
    """Draw the density ratios of each class as segments, one per feature of the reference class.

    Args:
        rate: (C, K) ratios of rates, 1 where a class has the feature as often as the reference class; NaN left out.
        features: (K,) the features of the reference class.
        names: (C,) class names.
        counts: (C,) training images per class; they order the classes, and above 20 classes both ends are shown.
        reference: Position of the reference class; its bar tells which colour is which feature.
    """
    order, note = chosen_classes(counts)
    if reference not in order:
        order = [reference, *order]
    figure = new_figure(10, 1.5 + 0.32 * len(order))
    axes = figure.subplots()
    axes.set_title(
        f"Density ratios against {names[reference]}{note}", fontsize=12, fontweight="bold", loc="left", parse_math=False
    )
    rate_of = f"rate of rows with the feature in their own top {len(features)}"
    axes.set_xlabel(f"{rate_of}, over that of the reference, summed; numbers are feature indices")
    axes.set_ylabel("class, largest first")

    shades = [to_hex(shade) for shade in colormaps["cividis"](np.linspace(0.05, 0.95, len(features)))]
    chosen = np.tile(features, (len(order), 1))
    segment_bars(axes, rate[order], chosen, lambda _, column: shades[column], [names[c] for c in order])
    return figure
