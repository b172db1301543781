"""What a loader yields."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """One batch, of images or of embeddings.

    Attributes:
        inputs: Images (N, C, H, W), uint8 or float32 before the transform, float32 after it; or embeddings (N, D).
        target: Class indices (N,), int64; or float32 numbers, where the targets are numeric.
        key: Seed of this batch's random draws while training; None where nothing is random.
        own: The first ``own`` rows are the batch itself, the rows after it a second stream of as many rows
            (`lightning_imb.data.second`); None where there is no second stream.
    """

    inputs: Tensor
    target: Tensor
    key: int | None
    own: int | None = None


class BatchRequest(NamedTuple):
    """What a sampler asks of a dataset: which rows, the seed of the batch they form, and ``own`` of that batch."""

    indices: Tensor
    key: int | None
    own: int | None = None


class Steps(NamedTuple):
    """Several batches of embeddings, one after the other, that are trained on in one call.

    Attributes:
        inputs: (R, D) float32, the rows of all batches.
        target: (R,), as in `Batch`.
        batch_size: Rows of each batch but the last, which has the rest.
        batches: How many they are.
        key: Seed of the random draws, as in `Batch`.
    """

    inputs: Tensor
    target: Tensor
    batch_size: int
    batches: int
    key: int | None
