"""Phases 2 and 3: freeze the extractor, balance its embeddings, train the head on them."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from lightning_imb.callbacks.exchange import broadcast_rows, gather_rows
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.data.embeddings import EmbeddingSet, LentEmbeddings
from lightning_imb.data.kept_embeddings import KeptEmbeddings
from lightning_imb.data.ordered import OrderedBatches
from lightning_imb.data.oversample import OverSampler
from lightning_imb.models.phased import PhasedModule
from lightning_imb.models.retraining import Retraining
from lightning_imb.resampling import NoResampling

log = logging.getLogger(__name__)

_STEPS = 256  # enough to hide what Lightning does around a call, few enough for a lively progress bar
_WORTH_THREADS = 2**24  # multiplications in a step from which on sharing them pays for meeting after each operation
_STEPS_BYTES = 64 * 2**20  # of the embeddings of these steps


class PhaseSwitch(Callback):
    """Turns an ordinary second fit into phases 2 and 3.

    Dablain et al., arXiv 2207.06080: the extractor of phase 1 is frozen, the training images are embedded
    without augmentation, the minority classes are over-sampled in embedding space, and the head is trained on the
    result. The balanced set is a function of (frozen weights, resampler seed), so nothing is stored and a
    resumed fit rebuilds the identical set. Validation is on images through the whole network: what the frozen
    extractor makes of them is computed once. All of phase 3 is float32, whatever the precision of the extractor.

    Args:
        resampler: Over-sampler of the embeddings.
        settings: What is trained in phase 3, and how; the extractor is frozen as a whole.
        batch_size: Embeddings per batch.
        kept: Where runs with the same extractor leave their embeddings for each other; None for nowhere.
    """

    def __init__(
        self,
        resampler: OverSampler,
        settings: Retraining,
        batch_size: int,
        kept: KeptEmbeddings | None = None,
    ) -> None:
        self.resampler = resampler
        self.settings = settings
        self.batch_size = batch_size
        self.kept = kept
        self._threads = torch.get_num_threads()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Freeze the extractor, before optimizers are made and before DDP wraps the module."""
        if stage == "fit":
            phased_of(pl_module).enter(self.settings)

    @property
    def report(self) -> Any:
        """What the over-sampler tells of each class, once it has run; None where it tells nothing."""
        return getattr(self.resampler, "report_", None)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Embed and balance: weights are restored, the module is on its device, no loader is asked for yet."""
        data, model = datamodule_of(trainer), phased_of(pl_module)
        balanced = self._balanced_set(trainer, model, data)
        model.note_set(balanced.y)
        monitored = self._embedded(trainer, model, data, data.monitor)
        self._threads = torch.get_num_threads()
        if self._is_small(model.head):
            torch.set_num_threads(1)
        data.lend(LentEmbeddings(balanced, monitored, self.batch_size, self._steps_at_once(trainer, balanced.z)))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the images back."""
        if stage == "fit":
            datamodule_of(trainer).use_images()
            torch.set_num_threads(self._threads)

    def _balanced_set(self, trainer: Trainer, model: PhasedModule, data: ImbalancedDataModule) -> EmbeddingSet:
        z, y = self._embedded(trainer, model, data, "train")
        balanced = balance(z, y, self.resampler) if trainer.is_global_zero else None
        if trainer.world_size > 1:  # made anew in every process, it might differ in a last bit
            balanced = _shared(balanced, trainer.strategy.root_device)
        assert balanced is not None
        if trainer.is_global_zero:
            made = len(balanced.y) - balanced.n_real
            log.info("balanced the embeddings: %d of images, %d synthetic", balanced.n_real, made)
        return balanced

    def _embedded(
        self, trainer: Trainer, model: PhasedModule, data: ImbalancedDataModule, split: str
    ) -> tuple[Tensor, Tensor]:
        """Embeddings and targets of a split, computed unless another run kept them."""

        def embed() -> Tensor:
            return extract(model, data, split, trainer.precision_plugin.forward_context)[0]

        y = torch.from_numpy(data.answers(split)).clone()
        z = embed() if self.kept is None else self.kept.obtain(split, len(y), model.extractor_module, embed)
        with torch.no_grad():
            return model.after(z), y

    def _is_small(self, head: nn.Module) -> bool:
        return self.batch_size * sum(weight.numel() for weight in head.parameters()) < _WORTH_THREADS

    def _steps_at_once(self, trainer: Trainer, z: Tensor) -> int:
        """Batches per call; one where Lightning has a part in every step: gradients of other ranks, loss scaling."""
        if trainer.world_size > 1 or getattr(trainer.precision_plugin, "scaler", None) is not None:
            return 1
        return max(1, min(_STEPS, _STEPS_BYTES // (self.batch_size * z.shape[1] * z.element_size())))


def extract(
    model: PhasedModule,
    data: ImbalancedDataModule,
    split: str,
    precision: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> tuple[Tensor, Tensor]:
    """Embed all images of a split in order, without augmentation, in evaluation mode.

    Of several processes each embeds its share; all of them have to call.

    Args:
        model: Its extractor embeds, on the device it is on.
        data: Where the images are.
        split: ``train``, ``val`` or ``test``.
        precision: Context of each forward pass, such as autocast; the same one that evaluation runs in.

    Returns:
        What the extractor makes of the images, z (N, D), float32, and y (N,), labels or numbers, both on the CPU, the
        same in every process.
    """
    was_training = model.training
    model.eval()
    loader = data.ordered_dataloader(split)
    batches = loader.sampler
    assert isinstance(batches, OrderedBatches)
    z = torch.empty(len(batches.share(batches.rank)), model.extractor.embed_dim)
    done = 0
    with torch.no_grad():  # not inference mode, whose tensors could not take part in training
        for batch in loader:
            on_device = batch._replace(inputs=batch.inputs.to(model.device, non_blocking=True))
            images = data.on_after_batch_transfer(on_device, 0).inputs
            with precision():
                embedded = model.extractor(images)
            z[done : done + len(embedded)] = embedded
            done += len(embedded)
    model.train(was_training)
    return gather_rows(z, batches, model.device), torch.from_numpy(data.answers(split)).clone()


def balance(z: Tensor, y: Tensor, resampler: OverSampler) -> EmbeddingSet:
    """Over-sample embeddings; the original rows come first and unchanged, unless the over-sampler leaves some out.

    Args:
        z: Embeddings (N, D), float32.
        y: Labels (N,) int64, or numbers (N,) float32.
        resampler: What makes the synthetic rows.
    """
    if isinstance(resampler, NoResampling):  # as imbalanced-learn's samplers do, it would refuse numbers
        return EmbeddingSet(z, y, len(y))
    X, labels = resampler.fit_resample(z.numpy(), y.numpy())
    rows = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
    n_real = getattr(resampler, "n_real_", len(y))  # fewer, where some rows are left out
    return EmbeddingSet(rows, torch.from_numpy(np.asarray(labels)).to(y.dtype), n_real)


def _shared(balanced: EmbeddingSet | None, device: torch.device) -> EmbeddingSet:
    """The set that the first process made, in all of them; the others come with None."""
    z = broadcast_rows(None if balanced is None else balanced.z, device)
    y = broadcast_rows(None if balanced is None else balanced.y, device)
    n_real = broadcast_rows(None if balanced is None else torch.tensor([balanced.n_real]), device)
    return EmbeddingSet(z, y, int(n_real))


def phased_of(module: LightningModule) -> PhasedModule:
    """The module as what it is."""
    assert isinstance(module, PhasedModule), "phase 3 trains a classifier or a regressor"
    return module


def datamodule_of(trainer: Trainer) -> ImbalancedDataModule:
    """The data module of a trainer."""
    data = getattr(trainer, "datamodule", None)
    assert isinstance(data, ImbalancedDataModule), "phase 3 needs trainer.fit(datamodule=ImbalancedDataModule)"
    return data
