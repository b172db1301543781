"""The LightningModule: an extractor, a head and a loss strategy, in one of two phases."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_imb.losses import ClassCountLoss
from lightning_imb.metrics import MANY_CLASSES, ClassTally, LossMean, scores
from lightning_imb.mixing import Mixer, Moment, NoMixing, Plan, mixed_target
from lightning_imb.models.backbones import Extractor
from lightning_imb.models.embedding_transform import EmbeddingTransform
from lightning_imb.models.heads import exact, start_bias
from lightning_imb.models.max_norm import MaxNorm
from lightning_imb.models.mixed_forward import embed_mixed
from lightning_imb.models.retraining import (
    OptimizerFactory,
    Retraining,
    SchedulerFactory,
    dress,
    freeze_for,
    parameter_groups,
    require_linear,
    restart,
    set_modes,
    slow_down,
)
from lightning_imb.models.sam import SAM, still_statistics
from lightning_imb.models.steps import Steps, count_steps, train_head
from lightning_imb.phases import Phase

REACHED = "reached"
_LOSS_STATE = "loss_so_far"


class ImbalancedClassifier(LightningModule):
    """Trains extractor and head on images (phase 1), and the head with little else on embeddings or images (phase 3).

    Batches are ``(inputs, target, key)``: images (N, C, H, W), or embeddings (N, D), which only pass the head.
    In phase 3 several batches of embeddings come at once, as ``Steps``. Under autocast the head and the loss stay in
    float32: they cost little, and logits in half precision tie. Every score is a function of three counts per class
    and set. Metrics are named ``split/name``; in phase 3 they carry the prefix ``retrain/``.

    Args:
        extractor: Maps images to embeddings (N, D); has ``embed_dim``.
        head: Maps embeddings to logits (N, K).
        loss: Training loss; evaluation reports plain cross entropy of the logits.
        optimizer: Makes the optimizer from parameter groups.
        scheduler: Makes the learning-rate schedule, stepped once per epoch, from the optimizer.
        class_counts: Training images per class (K,).
        monitor: Name of the set that is scored every epoch, ``val`` or ``test``.
        log_per_class: Whether the recall of every class is logged each epoch, as ``split/recall/<index>``;
            ``auto`` does so for up to ``MANY_CLASSES`` classes, because every class is a column and a chart.
        mixing: How batches of phase 1 are mixed; None for not at all. Training scores count own labels then.
        sharpness: What the gradients of phase 1 are taken of beside the loss at the weights; None for nothing.
    """

    def __init__(
        self,
        extractor: Extractor,
        head: nn.Module,
        loss: ClassCountLoss,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory,
        class_counts: Sequence[int],
        monitor: str,
        log_per_class: bool | str,
        mixing: Mixer | None = None,
        sharpness: SAM | None = None,
    ) -> None:
        super().__init__()
        self.extractor = extractor
        self.head: nn.Module = head
        self.class_counts = list(class_counts)
        self.reached = self.class_counts  # samples per class that reached the loss of this phase
        self.monitor = monitor
        self.log_per_class = len(class_counts) <= MANY_CLASSES if log_per_class == "auto" else bool(log_per_class)
        self.mixing = NoMixing(class_counts) if mixing is None else mixing
        self.sharpness = SAM(rho=0.0, adaptive=False) if sharpness is None else sharpness
        self._counting = True  # whether a training step is the first of its batch
        self.phase = Phase.REPRESENT
        self.retraining: Retraining | None = None
        self.after: nn.Module = nn.Identity()  # what embeddings pass on their way to a retrained head
        self.max_norm: MaxNorm | None = None
        self.test_name = "test"  # what the metrics of a test run are named after
        self.loss = loss
        self.optimizer_factory = optimizer
        self.scheduler_factory = scheduler
        classes = len(self.class_counts)
        self.train_tally = ClassTally(classes)
        self.eval_tally = ClassTally(classes)
        self.train_loss = LossMean()
        self.eval_loss = LossMean()
        start_bias(self.head, loss.head_bias())

    def enter(self, settings: Retraining) -> None:
        """Begin phase 3: decide what is frozen, what is optimised and by which loss.

        Args:
            settings: What is trained, how, and from which start.
        """
        self.phase, self.retraining = Phase.RETRAIN, settings
        self.loss = settings.loss
        self.optimizer_factory, self.scheduler_factory = settings.optimizer, settings.scheduler
        if settings.reset_head:
            restart(self.head)
            start_bias(self.head, self.loss.head_bias())
        self.dress_for(settings)
        freeze_for(settings, self.extractor_module, self.head)
        if settings.max_norm is not None:  # from the lengths of phase 1, before a checkpoint of phase 3 is loaded
            self.max_norm = MaxNorm(require_linear(self.head, "retrain.max_norm"), settings.max_norm)
        self.train(self.training)

    def dress_for(self, settings: Retraining) -> None:
        """Give the network the shape that checkpoints of phase 3 have; weights stay."""
        self.head = dress(self.head, settings.trains, len(self.class_counts))
        self.after = EmbeddingTransform(settings.normalize, settings.tukey)

    def note_reached(self, counts: Sequence[int]) -> None:
        """Learn what reaches the loss from now on; in phase 3 its class weights and prior follow.

        Args:
            counts: Training samples per class (K,), as an epoch draws or a balanced set holds them, each >= 1.
        """
        self.reached = list(counts)
        if self.phase is Phase.RETRAIN:
            self.loss.weigh_for(self.reached)

    @property
    def extractor_module(self) -> nn.Module:
        """The extractor as the module it is."""
        assert isinstance(self.extractor, nn.Module)
        return self.extractor

    @property
    def prefix(self) -> str:
        """What the names of this phase's metrics begin with."""
        return "retrain/" if self.phase is Phase.RETRAIN else ""

    def train(self, mode: bool = True) -> "ImbalancedClassifier":
        """Switch to training mode; what phase 3 freezes stays in evaluation mode."""
        super().train(mode)
        if mode and self.retraining is not None:
            set_modes(self.extractor_module, self.retraining.unfreeze, self.retraining.bn_mode)
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K), float32, of normalised images (N, C, H, W)."""
        return self.classify(self.embed(images))

    def embed(self, images: Tensor) -> Tensor:
        """Embeddings (N, D) of normalised images (N, C, H, W), as the head reads them."""
        embedding: Tensor = self.after(self.extractor(images))
        return embedding

    def classify(self, z: Tensor) -> Tensor:
        """Logits (N, K), at least float32, of embeddings (N, D)."""
        with torch.autocast(z.device.type, enabled=False):
            logits: Tensor = self.head(exact(z))
        return logits

    def configure_optimizers(self) -> Any:
        """The phase's optimizer over its trainable parameters, and its per-epoch schedule."""
        optimizer = self.optimizer_factory(parameter_groups(self, self.head, self.loss, self.retraining))
        slow_down(optimizer)
        if self.max_norm is not None:
            self.max_norm.attach(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.scheduler_factory(optimizer)}}

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        """One step of the optimizer; in phase 1 by the gradient that `SAM` finds."""
        if self.phase is Phase.REPRESENT:
            optimizer_closure = self.sharpness.around(optimizer, optimizer_closure, self._second_pass)
        optimizer.step(closure=optimizer_closure)

    @contextmanager
    def _second_pass(self) -> Iterator[None]:
        """A pass over a batch that was counted already."""
        self._counting = False
        try:
            with still_statistics(self):
                yield
        finally:
            self._counting = True

    def on_train_start(self) -> None:
        """Tell the loss where a fit goes on in mid-epoch, where no epoch starts."""
        self.on_train_epoch_start()

    def on_train_epoch_start(self) -> None:
        """Tell the loss how far phase 1 has come; in phase 3 its schedule is over, so it hears of no epoch."""
        if self.phase is Phase.REPRESENT:
            self.loss.begin_epoch(self.current_epoch, self._epochs)

    @property
    def _epochs(self) -> int:
        return self.trainer.max_epochs or 1

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what reached the loss and what it has learnt from the batches, which are no part of the network."""
        checkpoint[REACHED] = self.reached
        if state := self.loss.state():
            checkpoint[_LOSS_STATE] = state

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Give both back to the loss."""
        self.note_reached(checkpoint.get(REACHED, self.reached))
        if _LOSS_STATE in checkpoint:
            self.loss.load_state(checkpoint[_LOSS_STATE])

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Loss of one batch of images; of embeddings, the loss of the last of several batches, and all of theirs."""
        if isinstance(batch, Steps):
            return self._retraining_steps(batch)
        size = len(batch.target) if batch.own is None else batch.own
        plan = self._plan(batch, size)
        z, plain = self._embed_for_training(batch.inputs, plan, size * self.loss.views)
        mine = batch.target[:size]
        target = mine if plan is None else mixed_target(plan, batch.target, len(self.class_counts))
        with torch.autocast(z.device.type, enabled=False):
            loss, logits = self.loss.from_embeddings(self.head, exact(z), target)
        with torch.no_grad():
            predicted = (logits if plain is None else self.classify(plain)).argmax(dim=1)
        self._note(loss.detach(), predicted, mine)
        return {"loss": loss}

    def _plan(self, batch: Any, size: int) -> Plan | None:
        """How this batch is mixed; phase 3 trains on images as they are."""
        if self.phase is Phase.RETRAIN:
            return None
        moment = Moment(self.current_epoch, self._epochs, batch.key)
        return self.mixing.plan(batch.target, size, batch.inputs.shape[1:], moment)

    def _embed_for_training(self, images: Tensor, plan: Plan | None, wanted: int) -> tuple[Tensor, Tensor | None]:
        """Embeddings of the rows that reach the loss; those of the plain rows too where mixing leaves them at hand."""
        if plan is None:
            return self.embed(images[:wanted]), None
        return embed_mixed(self.extractor_module, images, plan)

    def _retraining_steps(self, steps: Steps) -> dict[str, Tensor]:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, Optimizer)
        loss, losses, rows, predicted = train_head(self.head, self.loss, steps, optimizer)
        count_steps(self.trainer, steps.batches - 1)
        # no product of vectors here, which autocast would round
        self._note((losses * rows).sum() / rows.sum(), predicted, steps.target)
        return {"loss": loss, "losses": losses}

    def _note(self, loss: Tensor, predicted: Tensor, target: Tensor) -> None:
        """Keep the loss and the hits on the device until the epoch's end."""
        if not self._counting:
            return
        self.train_tally.update(predicted, target)
        self.train_loss.update(loss, len(target))
        self.log(f"{self.prefix}train/loss", self.train_loss, on_step=False, on_epoch=True)

    def on_train_epoch_end(self) -> None:
        """Log the training scores: of augmented images, measured while the weights moved."""
        result = scores(self.train_tally.rates(), self.class_counts)
        self.train_tally.reset()
        self.log_dict({f"{self.prefix}train/{name}": result[name] for name in ("bacc", "top1")})

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Score one batch of the monitored set."""
        self._evaluate(batch, f"{self.prefix}{self.monitor}")

    def on_validation_epoch_end(self) -> None:
        """Log the scores of the monitored set."""
        self._log_scores(f"{self.prefix}{self.monitor}")

    def test_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Score one batch of the test set and hand out its logits."""
        logits = self._evaluate(batch, self.test_name)
        return {"logits": logits, "target": batch.target}

    def on_test_epoch_end(self) -> None:
        """Log the scores of the test set."""
        self._log_scores(self.test_name)

    def _evaluate(self, batch: Any, split: str) -> Tensor:
        logits = self.classify(batch.inputs) if batch.inputs.ndim == 2 else self(batch.inputs)
        self.eval_tally.update(logits.argmax(dim=1), batch.target)
        self.eval_loss.update(F.cross_entropy(logits, batch.target), len(batch.target))
        self.log(f"{split}/loss", self.eval_loss, on_step=False, on_epoch=True)
        return logits

    def _log_scores(self, split: str) -> None:
        found = self.eval_tally.rates()
        self.eval_tally.reset()
        result = scores(found, self.class_counts)
        if self.log_per_class:
            present = found.support.nonzero()[0].tolist()
            result |= {f"recall/{c}": float(found.recall[c]) for c in present}
        self.log_dict({f"{split}/{name}": value for name, value in result.items()})
