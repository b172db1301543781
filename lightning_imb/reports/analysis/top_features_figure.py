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
    chosen = features[order]
    users = np.bincount(chosen[chosen >= 0], minlength=1)  # classes shown that have a feature in their top
    figure = new_figure(10, 1.9 + 0.32 * len(order))
    axes = figure.subplots()
    title = f"Top {features.shape[1]} features by magnitude of {what}{note}"
    axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
    axes.set_xlabel("share of the top features' magnitude; numbers are feature indices")
    axes.set_ylabel("class, largest first")
    handles = [Patch(color=shade, label=label) for shade, label in zip(_SHADES, _LEGEND, strict=True)]
    text = {"title": "the feature is in the top of, among the classes shown", "fontsize": 8, "title_fontsize": 8}
    figure.legend(handles=handles, ncols=4, loc="outside lower center", frameon=False, **text)

    def colour(row: int, column: int) -> str:
        return _SHADES[min(users[chosen[row, column]], len(_SHADES)) - 1]

    segment_bars(axes, shares[order], chosen, colour, [names[c] for c in order])
    return figure
