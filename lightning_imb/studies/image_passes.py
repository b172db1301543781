"""Passes over some images of a run, batch by batch."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from lightning_imb.analysis.layers import chosen_layers
from lightning_imb.studies.subject import ImageBatch, Stage, Subject

SPLITS = ("train", "val", "test")


def chosen_batches(
    subject: Subject, split: str, rows: Sequence[int], description: str | None = None
) -> Iterator[ImageBatch]:
    """Some images of a split, in order; images after the last one wanted are not read.

    Args:
        subject: The run.
        split: Name of the split.
        rows: Which images, ascending.
        description: Of a progress bar; None for no bar.
    """
    wanted = np.asarray(rows, dtype=np.int64)
    batches = subject.image_batches(split) if len(wanted) else iter(())
    if description is not None and len(wanted):
        batches = subject.track(batches, description, total=-(-(int(wanted[-1]) + 1) // subject.batch_size))
    for batch in batches:
        mine = np.isin(batch.rows, wanted)
        if mine.any():
            kept = torch.from_numpy(mine)
            yield ImageBatch(batch.rows[mine], batch.images[kept], batch.inputs[kept.to(batch.inputs.device)])
        if batch.rows[-1] >= wanted[-1]:
            return


def layers_of(
    subject: Subject, split: str, wanted: str | Sequence[str], auto: str, stage: Stage = "after"
) -> list[str]:
    """The layers of the extractor that a setting means, see `chosen_layers`; tried with the first image.

    Raises:
        InputError: As there.
    """
    return chosen_layers(subject.model(stage).extractor_module, wanted, first_image(subject, split), auto)


def first_image(subject: Subject, split: str) -> Tensor:
    """The first image of a split as the network reads it, (1, C, H, W)."""
    return next(subject.image_batches(split)).inputs[:1]
