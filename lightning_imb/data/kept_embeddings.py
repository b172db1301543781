"""Embeddings on disk, for runs that share a frozen extractor."""

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lightning_imb.utils.atomic import atomic_file

log = logging.getLogger(__name__)


class KeptEmbeddings:
    """A folder with one file of embeddings per split, written atomically.

    Args:
        folder: Belongs to one extractor with one set of weights; made at the first :meth:`keep`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, split: str, rows: int) -> Tensor | None:
        """Embeddings (N, D), float32, of a split; None where there are none.

        Args:
            split: ``train``, ``val`` or ``test``.
            rows: N that the split has.
        """
        path = self._file(split)
        if not path.is_file():
            return None
        try:
            z = torch.from_numpy(np.load(path, allow_pickle=False))
        except (ValueError, OSError, EOFError) as error:
            log.warning("%s is damaged (%s): embedding anew", path, error)
            return None
        return z if z.ndim == 2 and len(z) == rows else None

    def keep(self, split: str, z: Tensor) -> None:
        """Write the embeddings (N, D) of a split."""
        with atomic_file(self._file(split)) as file:
            np.save(file, z.numpy(), allow_pickle=False)

    def _file(self, split: str) -> Path:
        return self.folder / f"{split}.npy"
