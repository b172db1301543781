"""The arithmetic of a training step and nothing around it: the floor that a framework's cost is measured against."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch

from benchmarks.product import Run
from lightning_imb.data.batch import Batch
from lightning_imb.data.ordered import OrderedBatches
from lightning_imb.data.shuffle import ShuffledBatches


class BareLoop:
    """Batch, augmentation, forward pass, loss, backward pass, optimizer: with the objects of a run.

    Args:
        run: Its images, transform, network, loss, optimizer and precision are used.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.device = torch.device("cpu" if run.cfg.accelerator.accelerator == "cpu" else "cuda")
        self.model = run.model.to(self.device).train()
        self.transform = run.data.transform.to(self.device)
        self.autocast: Callable[[], AbstractContextManager[Any]] = run.autocast()
        self.optimizer = run.model.configure_optimizers()["optimizer"]
        self._epoch = 0

    def train_epoch(self, most: int | None = None) -> int:
        """One epoch, or its first ``most`` steps; returns how many steps that were."""
        batches = self._batches("train")
        order = ShuffledBatches(len(batches), self.run.cfg.batch_size, self.run.cfg.seed, self._epoch)
        self._epoch += 1
        done = 0
        for request in order:
            if done == most:
                break
            self._step(batches[request])
            done += 1
        return done

    def _step(self, batch: Batch) -> None:
        batch = self._on_device(batch)
        with self.autocast():
            loss = self.model.loss(self.model(batch.inputs), batch.target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def embed(self, split: str) -> torch.Tensor:
        """Embeddings (N, D) of a split, in order."""
        batches = self._batches(split)
        self.model.eval()
        with torch.no_grad(), self.autocast():
            rows = [self._embed(batches[request]) for request in OrderedBatches(len(batches), self._eval_batch)]
        return torch.cat(rows)

    def _embed(self, batch: Batch) -> torch.Tensor:
        return self.model.embed(self._on_device(batch).inputs)

    @property
    def _eval_batch(self) -> int:
        size: int = self.run.cfg.eval_batch_size
        return size

    def _batches(self, split: str) -> Any:
        return self.run.data.ordered_dataloader(split).dataset

    def _on_device(self, batch: Batch) -> Batch:
        moved = batch._replace(inputs=batch.inputs.to(self.device), target=batch.target.to(self.device))
        transformed: Batch = self.transform(moved)
        return transformed
