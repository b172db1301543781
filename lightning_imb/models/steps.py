"""Many optimizer steps of a head in one call, for phase 3."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer


@runtime_checkable
class Steps(Protocol):
    """Several batches of embeddings in a row: inputs (R, D), target (R,); the last batch has what the others leave."""

    inputs: Tensor
    target: Tensor
    batch_size: int
    batches: int


class TrainingLoss(Protocol):
    """What losses of classes and of numbers share; see ``losses.ClassCountLoss`` and ``losses.regression``."""

    def from_embeddings(self, head: nn.Module, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Loss, a scalar, and what the head predicts: logits (N, K), or numbers (N,)."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """What of the loss itself is trained."""

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Learn how far training has come."""

    def state(self) -> dict[str, Tensor]:
        """What it learnt from the batches so far."""

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned."""


class Trained(NamedTuple):
    """What came of a group of batches.

    Attributes:
        loss: Loss of the last batch, with its graph: whoever called still has to step on it.
        losses: (S,) losses of all batches, detached.
        rows: (S,) rows of each.
        outputs: (R, K) or (R,) what the head made of them, each by the weights of its moment.
    """

    loss: Tensor
    losses: Tensor
    rows: Tensor
    outputs: Tensor


def train_head(head: nn.Module, loss: TrainingLoss, steps: Steps, optimizer: Optimizer) -> Trained:
    """Train a head on batch after batch; the last one is left to the caller.

    A step of a linear head takes a fraction of the time that a training framework spends around it, so a group of
    steps shares that cost. The arithmetic is that of one step per call, to the bit.

    Args:
        head: Maps embeddings (N, D) to what is predicted.
        loss: Training loss.
        steps: The batches.
        optimizer: Steps on all batches but the last.
    """
    losses, outputs, value = [], [], None
    weights = [*head.parameters(), *loss.parameters()]
    sizes = [steps.batch_size] * (steps.batches - 1)
    sizes.append(len(steps.target) - sum(sizes))
    # float32 throughout: nothing is gained by casting so little, and a cached cast would outlive its weights
    with torch.autocast(steps.inputs.device.type, enabled=False):
        for z, y in zip(torch.split(steps.inputs, sizes), torch.split(steps.target, sizes), strict=True):
            if value is not None:
                for weight in weights:  # what zero_grad does, without what it records for a profiler
                    weight.grad = None
                value.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            value, found = loss.from_embeddings(head, z, y)
            outputs.append(found.detach())
            losses.append(value.detach())
    assert value is not None, "a group has at least one batch"
    made = torch.stack(losses)
    return Trained(value, made, made.new_tensor(sizes), torch.cat(outputs))


def count_steps(trainer: Trainer, more: int) -> None:
    """Tell Lightning of optimizer steps that it has not made itself: its step counts the x axis of every chart."""
    loop = trainer.fit_loop.epoch_loop
    made = loop.automatic_optimization.optim_progress.optimizer.step
    for progress in (made.total, made.current):
        progress.ready += more
        progress.completed += more
    loop._batches_that_stepped += more
