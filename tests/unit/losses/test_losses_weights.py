"""Class weights and their schedule against the published vectors and their limits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

import lightning_imb.conf
from lightning_imb.losses.weights import class_weights, drw_weights
from lightning_imb.utils.checked import start_of
from lightning_imb.utils.errors import InputError

CIFAR10_EXP100 = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
EFFECTIVE_9999 = [0.0506, 0.0769, 0.1211, 0.195, 0.3188, 0.5246, 0.8683, 1.4426, 2.4092, 3.9927]
GOLDEN = [
    ("effective", 0.9999, EFFECTIVE_9999),
    ("effective", 0.999, [0.1812, 0.1894, 0.2157, 0.2729, 0.3785, 0.5606, 0.8688, 1.3862, 2.2584, 3.6883]),
    ("effective", 0.99, [0.7838, 0.7838, 0.7838, 0.7838, 0.785, 0.8002, 0.8682, 1.0414, 1.3854, 1.9844]),
    ("inverse", 0.9999, [0.0402, 0.0671, 0.112, 0.1868, 0.3119, 0.5199, 0.8672, 1.4474, 2.4239, 4.0236]),
    ("inverse_sqrt", 0.9999, [0.2445, 0.3158, 0.408, 0.5269, 0.6808, 0.8789, 1.1352, 1.4666, 1.8979, 2.4453]),
    ("none", 0.9999, [1.0] * 10),
]


@pytest.mark.parametrize(("kind", "beta", "expected"), GOLDEN)
def test_golden_vectors_of_cifar10_exp100(kind: str, beta: float, expected: list[float]) -> None:
    weights = class_weights(CIFAR10_EXP100, kind, beta)
    assert weights.dtype == torch.float64
    np.testing.assert_allclose(weights.numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["none", "inverse", "inverse_sqrt", "effective", "auto"])
def test_weights_sum_to_the_number_of_classes(kind: str) -> None:
    weights = class_weights([900, 31, 7, 1], kind, 0.999)
    assert weights.sum().item() == pytest.approx(4, abs=1e-12)
    assert (weights > 0).all()


@pytest.mark.parametrize("kind", ["none", "inverse", "inverse_sqrt", "effective"])
def test_balanced_counts_weigh_one(kind: str) -> None:
    np.testing.assert_allclose(class_weights([37] * 5, kind, 0.9999).numpy(), np.ones(5), rtol=1e-14)


@pytest.mark.parametrize("beta", [0.0, 1e-12])
def test_small_beta_gives_ones(beta: float) -> None:
    np.testing.assert_allclose(class_weights([500, 20, 3], "effective", beta).numpy(), np.ones(3), atol=1e-11)


@pytest.mark.parametrize("beta", [1 - 1e-13, 1.0])
def test_beta_towards_one_gives_inverse_frequency(beta: float) -> None:
    counts = [500, 20, 3]
    inverse = class_weights(counts, "inverse", 0.5)
    np.testing.assert_allclose(class_weights(counts, "effective", beta).numpy(), inverse.numpy(), rtol=1e-9)


def test_a_class_of_one_sample_has_the_effective_number_one() -> None:
    weights = class_weights([1000, 1], "effective", 0.99)
    expected_ratio = 1 / ((1 - 0.99**1000) / (1 - 0.99))
    assert (weights[0] / weights[1]).item() == pytest.approx(expected_ratio, rel=1e-12)


def test_auto_is_the_inverse_of_the_counts() -> None:
    counts = [500, 20, 3]
    assert torch.equal(class_weights(counts, "auto", 0.9), class_weights(counts, "inverse", 0.9))


def test_drw_switches_at_its_start() -> None:
    assert torch.equal(drw_weights(CIFAR10_EXP100, 159, 160, 0.9999), torch.ones(10, dtype=torch.float64))
    for epoch in (160, 161, 199):
        np.testing.assert_allclose(drw_weights(CIFAR10_EXP100, epoch, 160, 0.9999), EFFECTIVE_9999, atol=1e-4)


def test_drw_depends_on_the_epoch_alone() -> None:
    late = drw_weights([90, 9], 5, 3, 0.9)
    drw_weights([90, 9], 0, 3, 0.9)
    assert torch.equal(drw_weights([90, 9], 5, 3, 0.9), late)


def test_drw_with_another_kind() -> None:
    np.testing.assert_allclose(drw_weights([30, 10], 0, 0, 0.9, "inverse").numpy(), [0.5, 1.5])


def test_empty_classes_are_named() -> None:
    with pytest.raises(InputError, match=r"classes \[1, 3\] have no training sample"):
        class_weights([5, 0, 7, 0], "inverse", 0.9)


@pytest.mark.parametrize("counts", [[5], [], [[1, 2], [3, 4]], [3.5, 2.0], [True, True], [5, -1]])
def test_unusable_counts(counts: list[int]) -> None:
    with pytest.raises(InputError, match="class_counts"):
        class_weights(counts, "none", 0.9)


def test_unknown_kind_names_the_choices() -> None:
    with pytest.raises(InputError, match="'efective'; choose one of none, inverse, inverse_sqrt, effective"):
        class_weights([5, 3], "efective", 0.9)


@pytest.mark.parametrize("beta", [-0.1, 1.1, float("nan"), True, "0.9"])
def test_beta_outside_its_range(beta: float) -> None:
    with pytest.raises(InputError, match="beta is"):
        class_weights([5, 3], "effective", beta)


REWEIGHT = Path(str(lightning_imb.conf.__file__)).parent / "reweight"


@pytest.mark.parametrize(
    ("name", "first_epoch"),
    [("none", None), ("class_balanced", 0), ("drw", 160)],
    ids=["none", "class_balanced", "drw"],
)
def test_reweight_options_over_200_epochs(name: str, first_epoch: int | None) -> None:
    values = OmegaConf.load(REWEIGHT / f"{name}.yaml")
    assert set(values) == {"kind", "beta", "start"}
    start = start_of("reweight.start", values.start, 200)
    for epoch in (0, 159, 160, 199):
        weighted = first_epoch is not None and epoch >= first_epoch
        expected = EFFECTIVE_9999 if weighted else [1.0] * 10
        weights = drw_weights(CIFAR10_EXP100, epoch, start, values.beta, values.kind)
        np.testing.assert_allclose(weights.numpy(), expected, atol=1e-4)
