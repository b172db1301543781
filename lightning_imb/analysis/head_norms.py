"""The lengths of a linear head's weight vectors, one per class.

Trained on imbalanced data they fall with the size of the class; a head that was trained again on balanced embeddings
has nearly equal ones (Dablain et al., arXiv 2207.06080; Kang et al. 2020, arXiv 1910.09217, whose tau-normalisation
makes them equal by force). Expect the pattern and not particular values: loss, weight decay and epochs set the level.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_imb.analysis.rank_correlation import rank_correlation
from lightning_imb.utils.errors import InputError

_ROUNDING = 1e-5  # of float32 weights


class HeadNorms(NamedTuple):
    """The weight norms of a head.

    Attributes:
        norms: (K,) Euclidean length of each class's weight vector, without the bias.
        spread: largest over smallest, at least 1; NaN where a class has no weight left.
        rank_correlation: Spearman's with the class counts; NaN where either does not differ between classes.
    """

    norms: NDArray[np.float64]
    spread: float
    rank_correlation: float


def head_norms(weight: NDArray[Any], class_counts: Sequence[int]) -> HeadNorms:
    """Measure the weight vectors of a linear head.

    For a cosine head the length has no meaning, since the head divides by it: do not ask.

    Args:
        weight: (K, D), a row per class.
        class_counts: (K,) training samples per class.

    Raises:
        InputError: counts of another length.
    """
    if len(weight) != len(class_counts):
        raise InputError(
            f"class_counts has {len(class_counts)} entries for {len(weight)} weight vectors; give one each"
        )
    norms = np.linalg.norm(weight.astype(np.float64), axis=1)
    largest, smallest = float(norms.max()), float(norms.min())
    spread = largest / smallest if smallest > 0 else float("nan")
    # norms made equal, as by tau-normalisation, still differ by rounding, which has no order
    ordered = largest - smallest > _ROUNDING * largest
    return HeadNorms(norms, spread, rank_correlation(norms, class_counts) if ordered else float("nan"))
