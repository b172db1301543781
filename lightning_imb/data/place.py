"""Where a loader stands: which process asks for it, and how far training has come."""

from pytorch_lightning import Trainer


def process(trainer: Trainer | None) -> tuple[int, int]:
    """Rank of this process, and how many processes share the work."""
    return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)


def next_batch(trainer: Trainer | None) -> tuple[int, int]:
    """Epoch, and calls of the training step that are over in it: not none where a fit goes on in mid-epoch."""
    if trainer is None:
        return 0, 0
    epoch: int = trainer.fit_loop.epoch_progress.current.processed  # type: ignore[attr-defined]
    calls = trainer.fit_loop.epoch_loop.batch_progress
    return epoch, 0 if calls.is_last_batch else calls.current.processed  # type: ignore[attr-defined]
