"""Embeddings on disk, for runs that share a frozen extractor."""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lightning_imb.utils.atomic import atomic_file, remove_drafts
from lightning_imb.utils.lock import locked

log = logging.getLogger(__name__)


class KeptEmbeddings:
    """A folder with one file of embeddings per split and extractor, named after the extractor's weights.

    Args:
        folder: Belongs to runs with the same data and the same way to read them; made at the first use.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def obtain(self, split: str, rows: int, extractor: nn.Module, embed: Callable[[], Tensor]) -> Tensor:
        """Embeddings (N, D), float32, of a split: those kept, or else made now and kept for the next run.

        Of several processes that ask at the same time one embeds and the others wait. A folder that takes nothing is
        not the end of the run.

        Args:
            split: ``train``, ``val`` or ``test``.
            rows: N that the split has.
            extractor: Whose embeddings they are.
            embed: Makes them.
        """
        path = self.folder / f"{split}-{weights_digest(extractor)}.npy"
        z = None
        try:
            with locked(path.with_suffix(".lock"), lambda: log.info("waiting for a run that embeds the same images")):
                remove_drafts(self.folder, path.name)  # of a run that was killed
                z = _read(path, rows)
                if z is None:
                    z = embed()
                    _write(path, z)
        except OSError as error:
            log.warning("embeddings are not kept in %s: %s", self.folder, error)
        return embed() if z is None else z


def weights_digest(module: nn.Module) -> str:
    """Hash of all parameters and buffers of a module, names and shapes included."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def _read(path: Path, rows: int) -> Tensor | None:
    if not path.is_file():
        return None
    try:
        z = torch.from_numpy(np.load(path))
    except (ValueError, OSError, EOFError) as error:
        log.warning("%s is damaged (%s): embedding anew", path, error)
        return None
    return z if z.ndim == 2 and len(z) == rows and z.dtype == torch.float32 else None


def _write(path: Path, z: Tensor) -> None:
    with atomic_file(path) as file:
        np.save(file, z.numpy(), allow_pickle=False)
