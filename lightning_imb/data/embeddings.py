"""The balanced set of embeddings that phase 3 trains on."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lightning_imb.data.batch import Batch, BatchRequest, Steps
from lightning_imb.data.layout import take


class EmbeddingSet(NamedTuple):
    """Embeddings and their labels.

    Attributes:
        z: (M, D) float32; the first ``n_real`` rows are embeddings of images, the others are synthetic.
        y: (M,) int64 classes, or float32 numbers.
        n_real: Number of real rows.
    """

    z: Tensor
    y: Tensor
    n_real: int


class LentEmbeddings(NamedTuple):
    """What phase 3 works on in place of images.

    Attributes:
        train: The balanced set.
        monitored: Embeddings (M, D) and labels (M,) of the monitored set, in order: the extractor is frozen, so
            embedding it once gives what the whole network would see in every epoch.
        batch_size: Rows of a training batch.
        steps: Batches that are handed out at a time.
    """

    train: EmbeddingSet
    monitored: tuple[Tensor, Tensor]
    batch_size: int
    steps: int

    @property
    def nbytes(self) -> int:
        """Bytes of all embeddings."""
        return self.train.z.nbytes + self.monitored[0].nbytes

    def on(self, device: torch.device) -> "LentEmbeddings":
        """The same on a device."""
        z, y, n_real = self.train
        monitored = self.monitored[0].to(device), self.monitored[1].to(device)
        return self._replace(train=EmbeddingSet(z.to(device), y.to(device), n_real), monitored=monitored)


class TensorBatches(Dataset[Batch]):
    """Rows of two tensors, a whole batch per access, on the device that holds them.

    Args:
        inputs: Images (M, C, H, W) as uint8, or embeddings (M, D) as float32.
        target: (M,) int64 classes, or float32 numbers, on the same device.
    """

    def __init__(self, inputs: Tensor, target: Tensor) -> None:
        self.inputs = inputs
        self.target = target
        self.device = inputs.device

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, request: BatchRequest) -> Batch:
        # One index_select copies the rows once; the loader must not collate them again.
        indices = request.indices.to(self.inputs.device, non_blocking=True)
        rows = take(self.inputs, indices) if self.inputs.ndim == 4 else self.inputs.index_select(0, indices)
        return Batch(rows, self.target.index_select(0, indices), request.key, request.own)


class TensorSteps(Dataset[Steps]):
    """Rows of two tensors, several batches per access: one gather for all of them.

    Args:
        inputs: (M, D) float32.
        target: (M,), likewise.
    """

    def __init__(self, inputs: Tensor, target: Tensor) -> None:
        self.rows = TensorBatches(inputs, target)
        self.device = self.rows.device

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, requests: Sequence[BatchRequest]) -> Steps:
        indices = torch.cat([request.indices for request in requests])
        rows = self.rows[BatchRequest(indices, requests[0].key)]
        return Steps(rows.inputs, rows.target, len(requests[0].indices), len(requests), rows.key)
