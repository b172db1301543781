"""Checkpoints that a crash cannot halve, and the last one but one beside the last."""

import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO

from lightning_imb.utils.atomic import atomic_file, link_or_copy

LAST, PREVIOUS = "last.ckpt", "previous.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place, flushes it to the disk and renames it.

    Lightning writes to the folder of temporary files and moves the result, which on another file system is a copy
    that a crash can cut short. A ``last.ckpt`` that is replaced stays as ``previous.ckpt``: should the disk damage the
    newer one, the run goes on from there.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write one checkpoint.

        Args:
            checkpoint: What ``torch.save`` takes.
            path: Local file.
            storage_options: Of remote file systems; not supported.

        Raises:
            TypeError: If ``storage_options`` are given.
            InputError: If the disk is full.
        """
        if storage_options is not None:
            raise TypeError("checkpoints go to local files, which have no storage_options")
        memory = io.BytesIO()  # a failing disk then shows as an OSError, not as an error of torch's zip writer
        torch.save(checkpoint, memory)
        place = Path(path)
        with atomic_file(place) as file:
            file.write(memory.getbuffer())
            if place.name == LAST and place.is_file():
                file.flush()
                os.fsync(file.fileno())  # the new one is safe before the old one loses its name
                link_or_copy(place, place.with_name(PREVIOUS))
