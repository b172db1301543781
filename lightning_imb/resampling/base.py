"""What the over-samplers of this package have in common."""

from typing import Any

from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import ArrayLike, NDArray

from lightning_imb.resampling.arrays import Matrix, require_two_classes

SMOTE_NEIGHBORS = 5  # of the fallback to SMOTE; its usual value


class EmbeddingOverSampler(BaseOverSampler):
    """imbalanced-learn's over-sampler that refuses a single class with a sentence of ours."""

    def _check_X_y(  # noqa: N802
        self, X: Matrix, y: ArrayLike, accept_sparse: list[str] | None = None
    ) -> tuple[Matrix, NDArray[Any], bool]:
        rows, labels, binarize_y = super()._check_X_y(X, y, accept_sparse)
        require_two_classes(labels)
        return rows, labels, binarize_y
