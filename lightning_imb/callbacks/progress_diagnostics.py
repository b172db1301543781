"""Looks at the whole training set from time to time: which classes are learned, which still push their features."""

import copy
import logging
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from lightning_imb.callbacks.phase_switch import extract
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.losses import ClassCountLoss, CrossEntropyLoss
from lightning_imb.metrics import (
    checked_major,
    frequency_groups,
    gradient_norms,
    linear_gradient_norms,
    progress_summary,
)
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.utils.errors import InputError

log = logging.getLogger(__name__)


class ProgressDiagnostics(Callback):
    """Logs how far training has come with each class, after every few epochs of phase 1.

    One pass over the real training images in evaluation mode, without augmentation and mixing, after validation. For
    each class: its recall, and the mean norm of the gradient of a sample's loss with respect to its features (the
    input of the head), weighted as the loss weighs it in that epoch. For major and minor classes: the same, their
    ratio, and the share of minor samples that is taken for a major class. Names and values are those of
    `lightning_imb.metrics.progress_summary` behind ``diagnostics/``; values per class follow ``log_per_class``.

    The network, its buffers, the state of the loss and all random numbers are afterwards what they were before, so that
    a run with diagnostics trains what a run without them trains. A loss that compares several views of an image has no
    gradient of a single sample: the gradients are left out. Of LADE they are those of its balanced softmax, without the
    term that belongs to a batch.

    Several processes share the pass through the extractor; all of them log the same.

    Args:
        every: Epochs between two looks; 0 for never.
        major: Which classes are major and minor, as in `lightning_imb.metrics.frequency_groups`: ``auto`` or a share.

    Raises:
        InputError: ``every`` is negative or no integer, or ``major`` is neither ``auto`` nor a share.

    Source:
        Ye et al. 2021 (arXiv 2104.01769). The protocol is our reading.
    """

    def __init__(self, every: int, major: str | float) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 0:
            raise InputError(f"callbacks.diagnostics_every={every}: give the epochs between two looks, or 0 for never")
        try:
            checked_major(major)
        except InputError as error:
            raise InputError(f"callbacks.diagnostics_major: {error}") from None
        self.every = every
        self.major = major

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say it where no gradients will be logged."""
        assert isinstance(pl_module, ImbalancedClassifier)
        if self.every and pl_module.loss.views > 1:
            log.info("diagnostics without gradients: %s has none of a single image", type(pl_module.loss).__name__)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look, every few epochs."""
        if self.every == 0 or (trainer.current_epoch + 1) % self.every:
            return
        data: Any = getattr(trainer, "datamodule", None)
        assert isinstance(data, ImbalancedDataModule), "diagnostics need trainer.fit(datamodule=ImbalancedDataModule)"
        assert isinstance(pl_module, ImbalancedClassifier)
        device = pl_module.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):  # a loader draws a seed, a loss noise
            found = self._look(trainer, pl_module, data)
        pl_module.log_dict({f"diagnostics/{name}": value for name, value in found.items()})

    def _look(self, trainer: Trainer, model: ImbalancedClassifier, data: ImbalancedDataModule) -> dict[str, float]:
        z, y = extract(model, data, "train", trainer.precision_plugin.forward_context)
        real = len(y) - data.synthetic
        predicted, gradients = head_answers(model, z[:real], y[:real], data.eval_batch_size)
        groups = frequency_groups(data.real_counts, self.major)
        return progress_summary(predicted, y[:real], gradients, len(data.real_counts), groups, model.log_per_class)


def head_answers(model: ImbalancedClassifier, z: Tensor, y: Tensor, batch_size: int) -> tuple[Tensor, Tensor | None]:
    """What the head makes of embeddings, batch by batch on the device of the model.

    Args:
        model: Its head answers, in evaluation mode; its loss says how wrong that is.
        z: Embeddings (N, D).
        y: Labels (N,).
        batch_size: Rows at a time.

    Returns:
        Predicted classes (N,) and the norm of each sample's feature gradient (N,), None for a loss of several views;
        both on the CPU.
    """
    was_training = model.training
    model.eval()
    predicted, norms = [], []
    with torch.no_grad():
        for rows, labels in zip(torch.split(z, batch_size), torch.split(y, batch_size), strict=True):
            embedded, target = rows.to(model.device), labels.to(model.device)
            logits = model.answer(embedded)
            predicted.append(logits.argmax(dim=1).cpu())
            if model.loss.views == 1:
                norms.append(feature_gradients(model.loss, model.head, embedded, logits, target).cpu())
    model.train(was_training)
    return torch.cat(predicted), torch.cat(norms) if norms else None


def feature_gradients(loss: ClassCountLoss, head: nn.Module, z: Tensor, logits: Tensor, target: Tensor) -> Tensor:
    """Norm of the gradient of each sample's loss with respect to its features, class weight included.

    Cross entropy behind a linear head has a closed form; any other pair is differentiated.

    Args:
        loss: The training loss; neither its weights nor its state change.
        head: Maps features to logits.
        z: Features (N, D), at least float32.
        logits: (N, K) of these features.
        target: Labels (N,).

    Returns:
        (N,), >= 0.
    """
    if type(loss) is CrossEntropyLoss and isinstance(head, nn.Linear):
        return loss.class_weight.index_select(0, target) * linear_gradient_norms(head.weight, logits, target)
    twin = copy.deepcopy(loss)  # which may count what it sees
    twin.separate_samples()  # times N the batch's value is then the sum of what its samples add
    with torch.autocast(z.device.type, enabled=False):
        return gradient_norms(lambda rows: twin.from_embeddings(head, rows, target)[0] * len(target), z)
