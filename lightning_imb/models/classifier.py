"""The LightningModule of classes: an extractor, a head and a loss strategy that knows the class counts."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imb.losses import ClassCountLoss
from lightning_imb.metrics import MANY_CLASSES, ClassTally, scores
from lightning_imb.mixing import Mixer, Moment, NoMixing, Plan, mixed_target
from lightning_imb.models.backbones import Extractor
from lightning_imb.models.heads import exact, start_bias
from lightning_imb.models.mixed_forward import embed_mixed
from lightning_imb.models.phased import PhasedModule
from lightning_imb.models.retraining import OptimizerFactory, SchedulerFactory, parameter_groups
from lightning_imb.models.sam import SAM
from lightning_imb.phases import Phase


class ImbalancedClassifier(PhasedModule):
    """Learns classes; see `PhasedModule` for its batches and phases.

    Every score is a function of three counts per class and set.

    Args:
        extractor: Maps images to embeddings (N, D); has ``embed_dim``.
        head: Maps embeddings to logits (N, K).
        loss: Training loss; evaluation reports plain cross entropy of the logits.
        optimizer: Makes the optimizer from parameter groups.
        scheduler: Makes the learning-rate schedule, stepped once per epoch, from the optimizer.
        class_counts: Training images per class (K,), synthetic ones included.
        monitor: Name of the set that is scored every epoch, ``val`` or ``test``.
        log_per_class: Whether the recall of every class is logged each epoch, as ``split/recall/<index>``;
            ``auto`` does so for up to ``MANY_CLASSES`` classes, because every class is a column and a chart.
        mixing: How batches of phase 1 are mixed; None for not at all. Training scores count own labels then.
        sharpness: What the gradients of phase 1 are taken of beside the loss at the weights; None for nothing.
        real_counts: Training images per class (K,) without synthetic ones, by which scores are grouped; None for
            ``class_counts``.
    """

    loss: ClassCountLoss

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
        real_counts: Sequence[int] | None = None,
    ) -> None:
        super().__init__(extractor, head, loss, optimizer, scheduler, class_counts, monitor, sharpness)
        self.real_counts = self.class_counts if real_counts is None else list(real_counts)
        self.log_per_class = len(class_counts) <= MANY_CLASSES if log_per_class == "auto" else bool(log_per_class)
        self.mixing = NoMixing(class_counts) if mixing is None else mixing
        self.train_tally = ClassTally(len(class_counts))
        self.eval_tally = ClassTally(len(class_counts))
        start_bias(self.head, loss.head_bias())

    def restart_head(self) -> None:
        """Draw the head anew, with the bias that the loss starts from."""
        super().restart_head()
        start_bias(self.head, self.loss.head_bias())

    def note_reached(self, counts: Sequence[int]) -> None:
        """Learn what reaches the loss from now on; in phase 3 its class weights and prior follow.

        Args:
            counts: Training samples per class (K,), as an epoch draws or a balanced set holds them, each >= 1.
        """
        super().note_reached(counts)
        if self.phase is Phase.RETRAIN:
            self.loss.weigh_for(self.reached)

    def note_set(self, y: Tensor) -> None:
        """Learn that phase 3 trains on a set of these labels (M,), each class among them."""
        self.note_reached(torch.bincount(y, minlength=len(self.class_counts)).tolist())

    @property
    def views(self) -> int:
        """How often a batch of images holds each of them, as the loss wants it."""
        return self.loss.views

    def trial_targets(self, number: int) -> Tensor:
        """Labels (number,)."""
        return torch.arange(number)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """See `lightning_imb.models.retraining.parameter_groups`."""
        return parameter_groups(self, self.head, self.loss, self.retraining)

    def loss_of_images(self, batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, logits (N, K) of the plain images where they are at hand, and own labels (N,) of a batch."""
        size = len(batch.target) if batch.own is None else batch.own
        plan = self._plan(batch, size)
        z, plain = self._embed_for_training(batch.inputs, plan, size * self.loss.views)
        mine = batch.target[:size]
        target = mine if plan is None else mixed_target(plan, batch.target, len(self.class_counts))
        with torch.autocast(z.device.type, enabled=False):
            loss, logits = self.loss.from_embeddings(self.head, exact(z), target)
        if plain is not None:
            with torch.no_grad():
                logits = self.answer(plain)
        return loss, logits, mine

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

    def tally_training(self, outputs: Tensor, target: Tensor) -> None:
        """Count hits of logits (N, K)."""
        self.train_tally.update(outputs.argmax(dim=1), target)

    def training_scores(self) -> Mapping[str, float]:
        """Balanced accuracy and accuracy of the epoch."""
        result = scores(self.train_tally.rates(), self.real_counts)
        self.train_tally.reset()
        return {name: result[name] for name in ("bacc", "top1")}

    def tally_evaluation(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Count hits of logits (N, K); returns their cross entropy."""
        self.eval_tally.update(outputs.argmax(dim=1), target)
        return F.cross_entropy(outputs, target)

    def evaluation_scores(self) -> Mapping[str, float]:
        """Scores of the set, and the recall of each class of it where that is logged."""
        found = self.eval_tally.rates()
        self.eval_tally.reset()
        result = scores(found, self.real_counts)
        if self.log_per_class:
            present = found.support.nonzero()[0].tolist()
            result |= {f"recall/{c}": float(found.recall[c]) for c in present}
        return result
