"""Logit adjustment, balanced softmax, Bayias, VS and CDT: written out, and where they are one."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from torch import Tensor

import lightning_imb.conf
from lightning_imb.losses import CDTLoss, ClassCountLoss, CrossEntropyLoss, LADELoss, LogitAdjustmentLoss, VSLoss
from lightning_imb.utils.errors import InputError

COUNTS = [812, 97, 40, 6, 1]
K = len(COUNTS)


@pytest.fixture(params=range(3))
def batch(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(request.param)
    logits = 3 * torch.randn(20, K, generator=generator, dtype=torch.float64)
    return logits, torch.randint(K, (20,), generator=generator)


def written_out(
    batch: tuple[Tensor, Tensor], tau: float = 0, gamma: float = 0, wanted: list[float] | None = None
) -> float:
    """The mean of ``-log softmax(z_c / Delta_c + tau * (log pi_c - log pi_t))_y`` in plain loops."""
    wanted = wanted or [1.0] * K
    losses = []
    for row, label in zip(*(tensor.tolist() for tensor in batch), strict=True):
        seen = [
            z / (max(COUNTS) / n) ** gamma + tau * (math.log(n / sum(COUNTS)) - math.log(share / sum(wanted)))
            for z, n, share in zip(row, COUNTS, wanted, strict=True)
        ]
        losses.append(math.log(sum(math.exp(z) for z in seen)) - seen[label])
    return sum(losses) / len(losses)


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_logit_adjustment_is_its_formula(batch: tuple[Tensor, Tensor], tau: float) -> None:
    assert LogitAdjustmentLoss(COUNTS, tau=tau)(*batch).item() == pytest.approx(written_out(batch, tau), abs=1e-6)


def test_balanced_softmax_counts_each_class_by_its_samples(batch: tuple[Tensor, Tensor]) -> None:
    logits, target = batch
    n = torch.tensor(COUNTS, dtype=torch.float64)
    p = n * logits.exp() / (n * logits.exp()).sum(1, keepdim=True)
    reference = -p[torch.arange(len(target)), target].log().mean()
    assert LogitAdjustmentLoss(COUNTS, tau=1)(*batch).item() == pytest.approx(reference.item(), abs=1e-6)


def test_bayias_prefers_the_classes_of_the_test(batch: tuple[Tensor, Tensor]) -> None:
    wanted = [1, 2, 3, 4, 10]
    loss = LogitAdjustmentLoss(COUNTS, tau=1, target_prior=wanted)
    assert loss(*batch).item() == pytest.approx(written_out(batch, 1, wanted=[float(w) for w in wanted]), abs=1e-6)


def test_a_test_like_the_training_needs_no_adjustment(batch: tuple[Tensor, Tensor]) -> None:
    loss = LogitAdjustmentLoss(COUNTS, tau=1, target_prior=COUNTS)
    assert loss(*batch).item() == pytest.approx(F.cross_entropy(*batch).item(), abs=1e-9)


def test_vector_scaling_is_its_formula(batch: tuple[Tensor, Tensor]) -> None:
    loss = VSLoss(COUNTS, gamma=0.2, tau=1.3)
    assert loss(*batch).item() == pytest.approx(written_out(batch, 1.3, gamma=0.2), abs=1e-6)


def test_temperatures_are_their_formula(batch: tuple[Tensor, Tensor]) -> None:
    assert CDTLoss(COUNTS, gamma=0.4)(*batch).item() == pytest.approx(written_out(batch, gamma=0.4), abs=1e-6)


EQUAL: list[tuple[str, ClassCountLoss, ClassCountLoss]] = [
    ("vs without temperature", VSLoss(COUNTS, gamma=0, tau=1.7), LogitAdjustmentLoss(COUNTS, tau=1.7)),
    ("vs without shift", VSLoss(COUNTS, gamma=0.3, tau=0), CDTLoss(COUNTS, gamma=0.3)),
    ("vs without both", VSLoss(COUNTS, gamma=0, tau=0), CrossEntropyLoss(COUNTS)),
    ("no adjustment", LogitAdjustmentLoss(COUNTS, tau=0), CrossEntropyLoss(COUNTS)),
    ("no temperature", CDTLoss(COUNTS, gamma=0), CrossEntropyLoss(COUNTS)),
    ("uniform Bayias", LogitAdjustmentLoss(COUNTS, target_prior=[5] * K), LogitAdjustmentLoss(COUNTS, tau=1)),
    ("lade without estimate", LADELoss(COUNTS, alpha=0), LogitAdjustmentLoss(COUNTS, tau=1)),
    ("balanced adjustment", LogitAdjustmentLoss([9] * K, tau=2), CrossEntropyLoss(COUNTS)),
    ("balanced vs", VSLoss([9] * K), CrossEntropyLoss(COUNTS)),
    ("balanced cdt", CDTLoss([9] * K), CrossEntropyLoss(COUNTS)),
]


@pytest.mark.parametrize(("left", "right"), [case[1:] for case in EQUAL], ids=[case[0] for case in EQUAL])
def test_equal_losses(batch: tuple[Tensor, Tensor], left: ClassCountLoss, right: ClassCountLoss) -> None:
    assert left(*batch).item() == pytest.approx(right(*batch).item(), abs=1e-9)


@pytest.mark.parametrize("loss", [LogitAdjustmentLoss(COUNTS), VSLoss(COUNTS), CDTLoss(COUNTS)])
def test_soft_targets_are_the_soft_cross_entropy_of_the_adjusted_logits(
    batch: tuple[Tensor, Tensor], loss: LogitAdjustmentLoss
) -> None:
    logits, _ = batch
    shares = torch.rand(len(logits), K, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    shares = shares / shares.sum(1, keepdim=True)
    reference = -(shares * loss.adjusted(logits).log_softmax(1)).sum(1).mean()
    assert loss(logits, shares).item() == pytest.approx(reference.item(), rel=1e-9)


def test_the_two_names_of_one_loss_have_the_same_options() -> None:
    folder = Path(str(lightning_imb.conf.__file__)).parent / "loss"
    assert OmegaConf.load(folder / "balanced_softmax.yaml") == OmegaConf.load(folder / "logit_adjustment.yaml")


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: LogitAdjustmentLoss(COUNTS, tau=-1), "tau"),
        (lambda: LogitAdjustmentLoss(COUNTS, target_prior="balanced"), "target_prior"),
        (lambda: LogitAdjustmentLoss(COUNTS, target_prior=[1, 2]), "target_prior"),
        (lambda: LogitAdjustmentLoss(COUNTS, target_prior=[1, 2, 3, 0, 1]), "target_prior"),
        (lambda: LogitAdjustmentLoss(COUNTS, target_prior=[1, 2, 3, float("nan"), 1]), "target_prior"),
        (lambda: LogitAdjustmentLoss(COUNTS, target_prior=["a"] * K), "target_prior"),
        (lambda: VSLoss(COUNTS, gamma=-0.1), "gamma"),
        (lambda: VSLoss(COUNTS, tau=float("inf")), "tau"),
        (lambda: CDTLoss(COUNTS, gamma="x"), "gamma"),
    ],
)
def test_unusable_option_is_named(build: object, name: str) -> None:
    with pytest.raises(InputError, match=f"^{name} is "):
        build()  # type: ignore[operator]
