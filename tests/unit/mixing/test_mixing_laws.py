import itertools

import pytest
import torch

from lightning_imb.mixing.laws import LAWS, kept_shares, majors

LONG_TAIL = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
STEP = [5000] * 5 + [50] * 5


def shares(counts, law, lam_min=0.6, threshold=None, power=0.1):
    return kept_shares(counts, law, lam_min, threshold, power)


@pytest.mark.parametrize("law", LAWS)
def test_larger_classes_keep_less(law):
    kept = shares(LONG_TAIL, law).tolist()
    assert all(a <= b for a, b in itertools.pairwise(kept))
    assert kept[-1] == 1
    assert min(kept) >= 0.6


@pytest.mark.parametrize("law", ["linear", "log", "fixed"])
def test_the_largest_class_keeps_the_least(law):
    assert shares(LONG_TAIL, law)[0] == pytest.approx(0.6)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("counts", [[7, 7, 7], [1, 1]])
def test_balanced_counts_keep_everything(law, counts):
    assert (shares(counts, law) == 1).all()


def test_in_a_step_the_laws_coincide():
    wanted = torch.tensor([0.6] * 5 + [1.0] * 5, dtype=torch.float64)
    for law in ("fixed", "step", "linear", "log"):
        torch.testing.assert_close(shares(STEP, law), wanted)
    torch.testing.assert_close(shares(STEP, "power", power=0.2), wanted)  # 100^-.2 = .398 < .6


def test_formulas_written_out():
    n = torch.tensor(LONG_TAIL, dtype=torch.float64)
    torch.testing.assert_close(shares(LONG_TAIL, "linear"), 1 - 0.4 * (n - 50) / 4950)
    torch.testing.assert_close(shares(LONG_TAIL, "log"), 1 - 0.4 * (n / 50).log() / torch.tensor(100.0).double().log())
    torch.testing.assert_close(shares(LONG_TAIL, "power"), torch.maximum((50 / n) ** 0.1, torch.tensor(0.6)))


def test_major_means_more_than_the_mean_or_the_threshold():
    n = torch.tensor(LONG_TAIL, dtype=torch.float64)
    assert majors(n, None).tolist() == [True] * 3 + [False] * 7  # the mean is 1240.6
    assert majors(n, 300).tolist() == [True] * 6 + [False] * 4
    assert majors(torch.tensor(STEP, dtype=torch.float64), None).tolist() == [True] * 5 + [False] * 5


@pytest.mark.parametrize("threshold", [0.0, 10.0, 49.0])
def test_a_threshold_below_all_classes_spares_the_smallest(threshold):
    assert shares(STEP, "fixed", threshold=threshold).tolist() == [0.6] * 5 + [1.0] * 5
    assert (shares([50, 50, 50], "fixed", threshold=threshold) == 1).all()
