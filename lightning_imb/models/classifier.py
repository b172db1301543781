"""The LightningModule: an extractor, a head and a loss strategy, in one of two phases."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics.classification import MulticlassConfusionMatrix

from lightning_imb.losses import ClassCountLoss
from lightning_imb.metrics import scores
from lightning_imb.models.backbones import Extractor
from lightning_imb.models.heads import draw_anew
from lightning_imb.phases import Phase

OptimizerFactory = Callable[[Iterable[Any]], Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]


class ImbalancedClassifier(LightningModule):
    """Trains extractor and head on images (phase 1) or the head alone on embeddings (phase 3).

    Batches are ``(inputs, target, key)``: images (N, C, H, W) or, while training in ``Phase.RETRAIN``, embeddings
    (N, D). Evaluation always runs images through the whole network. Every score is computed from one confusion
    matrix per set. Metrics are named ``split/name``; in phase 3 they carry the prefix ``retrain/``.

    Args:
        extractor: Maps images to embeddings (N, D); has ``embed_dim``.
        head: Maps embeddings to logits (N, K).
        loss: Training loss; evaluation reports plain cross entropy of the logits.
        optimizer: Makes the optimizer from parameter groups.
        scheduler: Makes the learning-rate schedule, stepped once per epoch, from the optimizer.
        class_counts: Training images per class (K,).
        monitor: Name of the set that is scored every epoch, ``val`` or ``test``.
        log_per_class: Whether the recall of every class is logged each epoch, as ``split/recall/<index>``.
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
        log_per_class: bool,
    ) -> None:
        super().__init__()
        self.extractor = extractor
        self.head: nn.Module = head
        self.class_counts = list(class_counts)
        self.monitor = monitor
        self.log_per_class = log_per_class
        self.phase = Phase.REPRESENT
        self.test_name = "test"  # what the metrics of a test run are named after
        self.loss = loss
        self.optimizer_factory = optimizer
        self.scheduler_factory = scheduler
        classes = len(self.class_counts)
        self.train_confusion = MulticlassConfusionMatrix(classes, validate_args=False)
        self.eval_confusion = MulticlassConfusionMatrix(classes, validate_args=False)
        self._start_bias()

    def enter(
        self,
        phase: Phase,
        loss: ClassCountLoss,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory,
        reset_head: bool,
    ) -> None:
        """Begin a phase: decide what is frozen, what is optimised and by which loss.

        Args:
            phase: ``RETRAIN`` freezes the extractor (parameters and batch-norm statistics); ``REPRESENT`` frees it.
            loss: Training loss of the phase.
            optimizer: Makes the optimizer of the phase.
            scheduler: Makes its schedule.
            reset_head: Whether the head starts afresh (PyTorch's default draw, a cosine head its own).
        """
        self.phase = phase
        self.loss = loss
        self.optimizer_factory = optimizer
        self.scheduler_factory = scheduler
        self.extractor_module.requires_grad_(phase is Phase.REPRESENT)
        if reset_head:
            draw_anew(self.head)
            self._start_bias()
        self.train(self.training)

    def _start_bias(self) -> None:
        bias = self.loss.head_bias()
        if bias is not None and isinstance(self.head, nn.Linear):
            nn.init.constant_(self.head.bias, bias)

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
        """Switch to training mode; a frozen extractor stays in evaluation mode, batch norm included."""
        super().train(mode)
        if self.phase is Phase.RETRAIN:
            self.extractor_module.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of normalised images (N, C, H, W)."""
        logits: Tensor = self.head(self.embed(images))
        return logits

    def embed(self, images: Tensor) -> Tensor:
        """Embeddings (N, D) of normalised images (N, C, H, W)."""
        embedding: Tensor = self.extractor(images)
        return embedding

    def configure_optimizers(self) -> Any:
        """The phase's optimizer over its trainable parameters, and its per-epoch schedule."""
        optimizer = self.optimizer_factory(self._parameter_groups())
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.scheduler_factory(optimizer)}}

    def _parameter_groups(self) -> list[dict[str, Any]]:
        trainable = [p for p in self.parameters() if p.requires_grad]
        if self.loss.head_bias() is None or not isinstance(self.head, nn.Linear):
            return [{"params": trainable}]
        # Cui et al. 2019: the bias that starts at the class prior is not decayed towards zero.
        bias = self.head.bias
        return [{"params": [p for p in trainable if p is not bias]}, {"params": [bias], "weight_decay": 0.0}]

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Loss of one batch of images or, in phase 3, of embeddings."""
        logits = self.head(batch.inputs) if self.phase is Phase.RETRAIN else self(batch.inputs)
        loss: Tensor = self.loss(logits, batch.target)
        self.train_confusion.update(logits.detach(), batch.target)
        name = f"{self.prefix}train/loss"
        self.log(name, loss, on_step=False, on_epoch=True, batch_size=len(batch.target))
        return loss

    def on_train_epoch_end(self) -> None:
        """Log the training scores: of augmented images, measured while the weights moved."""
        result = scores(self.train_confusion.compute().cpu().numpy(), self.class_counts)
        self.train_confusion.reset()
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
        logits: Tensor = self(batch.inputs).float()
        self.eval_confusion.update(logits, batch.target)
        loss = F.cross_entropy(logits, batch.target)
        self.log(f"{split}/loss", loss, on_epoch=True, batch_size=len(batch.target), sync_dist=True)
        return logits

    def _log_scores(self, split: str) -> None:
        confusion = self.eval_confusion.compute().cpu()
        self.eval_confusion.reset()
        result = scores(confusion.numpy(), self.class_counts)
        if self.log_per_class:
            support = confusion.sum(1)
            recall = confusion.diag().double() / support
            result |= {f"recall/{c}": float(recall[c]) for c in torch.nonzero(support).flatten().tolist()}
        self.log_dict({f"{split}/{name}": value for name, value in result.items()})
