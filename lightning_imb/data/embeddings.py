"""The balanced set of embeddings that phase 3 trains on."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lightning_imb.data.batch import Batch, BatchRequest


class EmbeddingSet(NamedTuple):
    """Embeddings and their labels.

    Attributes:
        z: (M, D) float32; the first ``n_real`` rows are embeddings of images, the others are synthetic.
        y: (M,) int64.
        n_real: Number of real rows.
    """

    z: Tensor
    y: Tensor
    n_real: int


class TensorBatches(Dataset[Batch]):
    """Rows of two tensors, a whole batch per access.

    Args:
        inputs: (M, ...) images as uint8 or embeddings as float32.
        target: (M,) int64.
    """

    def __init__(self, inputs: Tensor, target: Tensor) -> None:
        self.inputs = inputs
        self.target = target

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, request: BatchRequest) -> Batch:
        # One index_select copies the rows once; the loader must not collate them again.
        rows = torch.index_select(self.inputs, 0, request.indices)
        return Batch(rows, torch.index_select(self.target, 0, request.indices), request.key)
