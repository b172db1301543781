import pytest
import torch
from helpers.posthoc import given, linear

from lightning_imb.models.heads import CosineHead
from lightning_imb.posthoc import WeightRescaling
from lightning_imb.posthoc.weight_rescaling import rarity
from lightning_imb.utils.errors import InputError

CIFAR_10_EXP_100 = (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)


def test_golden_multipliers():
    golden = [1, 1.2916, 1.6685, 2.1547, 2.7842, 3.5944, 4.6424, 5.9976, 7.7615, 10]
    assert torch.allclose(rarity(CIFAR_10_EXP_100, 0.5), torch.tensor(golden, dtype=torch.float64), atol=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0])
def test_rows_are_divided_by_their_relative_count_and_the_bias_stays(gamma):
    counts, head, z = (40, 12, 3, 1), linear(), torch.randn(9, 6)
    adjusted = WeightRescaling(gamma=gamma).adjust(given(head, counts)).head
    rows = [[x / (n / 40) ** gamma for x in row] for n, row in zip(counts, head.weight.tolist(), strict=True)]
    assert torch.allclose(adjusted(z), z @ torch.tensor(rows).T + head.bias, atol=1e-4)


@pytest.mark.parametrize(("gamma", "counts"), [(0.0, (40, 12, 3, 1)), (0.7, (9, 9, 9, 9))])
def test_gamma_0_and_balanced_counts_leave_the_head(gamma, counts):
    head, z = linear(), torch.randn(20, 6)
    assert torch.equal(WeightRescaling(gamma=gamma).adjust(given(head, counts)).head(z), head(z))


def test_two_classes():
    head = linear(classes=2)
    weight, _ = WeightRescaling(gamma=1).adjust(given(head, (8, 2), val=None)).head.linear()
    assert torch.allclose(weight, head.weight * torch.tensor([[1.0], [4.0]]))


def test_a_cosine_head_is_refused():
    with pytest.raises(InputError, match=r"posthoc=weight_rescaling .* CosineHead"):
        WeightRescaling().check(given(CosineHead(6, 4, scale=30)))


def test_a_class_without_samples_is_refused():
    with pytest.raises(InputError, match=r"classes \[1\] have no training sample"):
        WeightRescaling().check(given(counts=(4, 0, 2, 1)))


def test_classes_of_one_size_are_refused_before_training():
    with pytest.raises(InputError, match=r"all classes have 9 training images: choose posthoc=none"):
        WeightRescaling().check_worth(given(counts=(9, 9, 9, 9)))


@pytest.mark.parametrize("gamma", [0, 0.5, "search"])
def test_classes_of_different_sizes_are_not(gamma):
    WeightRescaling(gamma=gamma).check_worth(given(counts=(9, 9, 9, 8)))
