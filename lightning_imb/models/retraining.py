"""What of a network is trained in phase 3, and how it is dressed for that."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_imb.losses import ClassCountLoss
from lightning_imb.models.contrastive import classifier_of
from lightning_imb.models.heads import draw_anew, linear_heads
from lightning_imb.models.mixed_forward import layer_of
from lightning_imb.models.scaled_head import ScaledHead
from lightning_imb.utils.errors import InputError

OptimizerFactory = Callable[[Iterable[Any]], Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]

TRAINS = ("head", "scales", "head_and_scales")
BN_MODES = ("frozen", "update")


class Retraining(NamedTuple):
    """The settings of phase 3.

    Attributes:
        loss: Training loss, of classes or of numbers as the network that enters.
        optimizer: Makes the optimizer.
        scheduler: Makes its schedule.
        reset_head: Whether the head starts afresh (PyTorch's default draw, a cosine head its own).
        trains: ``head``; ``scales``: one factor per class in front of the frozen head (LWS); ``head_and_scales``: both.
        head_lr_factor: Of the head's learning rate where its scales are trained too.
        unfreeze: Parts of the extractor that are trained with the head.
        bn_mode: Batch norm of the extractor: ``frozen`` uses and keeps the running statistics of phase 1; ``update``
            normalises each batch by its own and goes on averaging them, as training does.
        max_norm: Threshold of `MaxNorm` on the head's weights; None for no bound.
        normalize: See `EmbeddingTransform`.
        tukey: See `EmbeddingTransform`.
    """

    loss: Any
    optimizer: OptimizerFactory
    scheduler: SchedulerFactory
    reset_head: bool = True
    trains: str = "head"
    head_lr_factor: float = 1.0
    unfreeze: tuple[str, ...] = ()
    bn_mode: str = "frozen"
    max_norm: float | None = None
    normalize: bool = False
    tukey: float = 1.0


def dress(head: nn.Module, trains: str, num_classes: int) -> nn.Module:
    """The head of phase 3: that of phase 1, or that with scales in front."""
    return head if trains == "head" else ScaledHead(head, num_classes)


def undress(head: nn.Module) -> nn.Module:
    """The head of phase 1 inside."""
    return head.head if isinstance(head, ScaledHead) else head


def freeze_for(settings: Retraining, extractor: nn.Module, head: nn.Module) -> None:
    """Let gradients into the parts that are trained, and into no other."""
    extractor.requires_grad_(False)
    for name in settings.unfreeze:
        layer_of(extractor, name).requires_grad_(True)
    head.requires_grad_(True)
    undress(head).requires_grad_(settings.trains != "scales")
    for part in getattr(undress(head), "phase_1_only", ()):
        part.requires_grad_(False)  # logits do not pass it: DDP would wait for its gradients


def set_modes(extractor: nn.Module, unfrozen: Sequence[str], bn_mode: str) -> None:
    """Training mode for what is trained; evaluation mode for the rest, batch norm as ``bn_mode`` says."""
    extractor.eval()
    for name in unfrozen:
        layer_of(extractor, name).train()
    for module in extractor.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train(bn_mode == "update")


def restart(head: nn.Module) -> None:
    """Draw a head anew; scales stay at 1."""
    draw_anew(undress(head))


def parameter_groups(
    network: nn.Module, head: nn.Module, loss: ClassCountLoss, settings: Retraining | None
) -> list[dict[str, Any]]:
    """Trainable parameters in groups that differ in learning rate or weight decay.

    Args:
        network: What is trained.
        head: Its head.
        loss: What it is trained with.
        settings: Of phase 3; None in phase 1.
    """
    slow, undecayed = _slower(head, settings), _undecayed(head, loss)
    trainable = [p for p in network.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [{"params": [p for p in trainable if id(p) not in slow | undecayed]}]
    if slow and settings is not None:
        kept = [p for p in trainable if id(p) in slow - undecayed]
        groups.append({"params": kept, "lr_factor": settings.head_lr_factor})
    if undecayed:
        groups.append({"params": [p for p in trainable if id(p) in undecayed], "weight_decay": 0.0})
    return groups


def _slower(head: nn.Module, settings: Retraining | None) -> set[int]:
    """The weights of a head whose scales are trained too, if they have a rate of their own."""
    if settings is None or settings.trains != "head_and_scales" or settings.head_lr_factor == 1:
        return set()
    return {id(p) for p in undress(head).parameters()}


def _undecayed(head: nn.Module, loss: ClassCountLoss) -> set[int]:
    """Cui et al. 2019: biases that start at the class prior are not decayed towards zero."""
    return set() if loss.head_bias() is None else {id(linear.bias) for linear in linear_heads(head)}


def slow_down(optimizer: Optimizer) -> None:
    """Multiply the learning rate of groups that carry a factor, before a schedule takes it for their start."""
    for group in optimizer.param_groups:
        group["lr"] *= group.pop("lr_factor", 1.0)


def require_linear(head: nn.Module, key: str) -> nn.Linear:
    """The linear head inside.

    Raises:
        InputError: If it is none.
    """
    inner = classifier_of(undress(head))
    if not isinstance(inner, nn.Linear):
        raise InputError(
            f"{key} bounds the weights of a linear head, not of {type(inner).__name__}: use model.head=linear"
        )
    return inner
