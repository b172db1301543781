"""The picture of the features that carry each class."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from lightning_imb.reports.analysis.chosen_classes import chosen_classes
from lightning_imb.reports.analysis.segments import segment_bars
from lightning_imb.reports.style import new_figure

_SHADES = ("#DDE3E8", "#A9CCE3", "#5499C7", "#154F7D")  # a feature of one class, of two, three, four or more
_LEGEND = ("1 class", "2 classes", "3 classes", "4 or more")


def top_features_figure(
    features: NDArray[np.int64], shares: NDArray[np.float64], names: Sequence[str], counts: Sequence[int], what: str
) -> Figure:
    """Draw the share of each of a class's top features, with the feature's index; darker ones carry several classes.

    Args:
        features: (C, K) T_c, largest first; -1 for a class without.
        shares: (C, K) that sum to 1; NaN for a class without.
        names: (C,) class names.
        counts: (C,) training images per class; they order the classes, and above 20 classes both ends are shown.
        what: Whose magnitude it is, such as ``classification embeddings``.
    """
    order, note = chosen_classes(counts)
    users = np.bincount(features[features >= 0], minlength=1)  # classes that have a feature in their top K, all of them
    figure = new_figure(10, 1.9 + 0.32 * len(order))
    axes = figure.subplots()
    axes.set_title(
        f"Top {features.shape[1]} features by magnitude of {what}{note}", fontsize=12, fontweight="bold", loc="left"
    )
    axes.set_xlabel("share of the top features' magnitude; numbers are feature indices")
    axes.set_ylabel("class, largest first")
    handles = [Patch(color=shade, label=label) for shade, label in zip(_SHADES, _LEGEND, strict=True)]
    figure.legend(
        handles=handles,
        title="the feature is in the top of",
        ncols=4,
        loc="outside lower center",
        frameon=False,
        fontsize=8,
        title_fontsize=8,
    )
    chosen = features[order]
    segment_bars(
        axes, shares[order], chosen, lambda i, j: _SHADES[min(users[chosen[i, j]], 4) - 1], [names[c] for c in order]
    )
    return figure
