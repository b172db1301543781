"""Loss and metrics of a step with many classes against cross entropy with ten."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.case import Case, Pair, Settings, Side, Turn

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 128


def plain(turn: Turn, settings: Settings, classes: int) -> None:
    """Cross entropy, forward and backward, and no metrics."""
    import torch.nn.functional as F

    from benchmarks.product import common_overrides, compose_config

    cfg = compose_config(*common_overrides(settings))  # for its threads: the losses alone are to differ
    logits, target = batch(classes)
    repeats = settings.size(200, 2)
    while True:
        turn.begin()
        for _ in range(repeats):
            logits.grad = None
            F.cross_entropy(logits, target).backward()  # type: ignore[no-untyped-call]
        turn.end(units=repeats, threads=cfg.threads)


def ours(turn: Turn, settings: Settings, loss: str, classes: int) -> None:
    """A loss of the product, forward and backward, and its tally of hits."""
    from benchmarks.product import common_overrides, compose_config
    from lightning_imb.build import build_loss
    from lightning_imb.metrics import ClassTally

    cfg = compose_config(f"loss={loss}", *common_overrides(settings))
    logits, target = batch(classes)
    counted = build_loss(cfg.loss, [max(1, 1000 - k) for k in range(classes)])
    tally = ClassTally(classes)
    repeats = settings.size(200, 2)
    while True:
        turn.begin()
        for _ in range(repeats):
            logits.grad = None
            counted(logits, target).backward()
            tally.update(logits.detach().argmax(dim=1), target)
        turn.end(units=repeats, threads=cfg.threads)


def batch(classes: int) -> "tuple[Tensor, Tensor]":
    """Logits (128, K) that want a gradient, and hard labels."""
    import torch

    torch.manual_seed(0)
    return torch.randn(BATCH, classes, requires_grad=True), torch.randint(0, classes, (BATCH,))


def pairs(settings: Settings) -> Sequence[Pair]:
    """Against ten classes: what classes cost; against as many: what the product adds to the softmax."""
    found = []
    for loss, classes, against in (
        ("ce", 1000, 10),
        ("ce", 8142, 10),
        ("ce", 10, 10),
        ("ce", 8142, 8142),
        ("ldam", 8142, 8142),
        ("focal_sigmoid", 8142, 8142),
    ):
        found.append(
            Pair(
                f"loss and metrics per step, {loss}, {classes:,} classes",
                Side(f"cross entropy alone, {against:,} classes", plain, {"classes": against}, product=True),
                Side(f"lightning_imb {loss}", ours, {"loss": loss, "classes": classes}, product=True),
                kind="overhead",
                note=f"batch {BATCH}; a ResNet-32 step takes some hundred times as long",
            )
        )
    return found[:2] if settings.quick else found


CASE = Case("loss and metrics per step at 10, 1,000 and 8,142 classes", pairs, repeats=9)
