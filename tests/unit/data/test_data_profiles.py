from functools import partial

import numpy as np
import pytest

from lightning_imb.data.profiles import (
    balanced,
    balanced_profile,
    exponential,
    exponential_profile,
    natural_profile,
    step,
    step_profile,
    subsample,
)
from lightning_imb.utils.errors import InputError

CIFAR10_EXP = {
    200: [5000, 2775, 1540, 854, 474, 263, 146, 81, 45, 25],
    100: [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50],
    50: [5000, 3237, 2096, 1357, 878, 568, 368, 238, 154, 100],
    10: [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500],
}
CIFAR100_EXP_100 = (
    "500,477,455,434,415,396,378,361,344,328,314,299,286,273,260,248,237,226,216,206,197,188,179,171,163,156,"
    "149,142,135,129,123,118,112,107,102,98,93,89,85,81,77,74,70,67,64,61,58,56,53,51,48,46,44,42,40,38,36,"
    "35,33,32,30,29,27,26,25,24,23,22,21,20,19,18,17,16,15,15,14,13,13,12,12,11,11,10,10,9,9,8,8,7,7,7,6,6,"
    "6,6,5,5,5,5"
)


@pytest.mark.parametrize("ratio", CIFAR10_EXP)
def test_cifar10_exponential_counts_are_the_published_ones(ratio):
    assert exponential(5000, 10, ratio) == CIFAR10_EXP[ratio]


@pytest.mark.parametrize(("ratio", "total"), [(200, 11203), (100, 12406), (50, 13996), (10, 20431)])
def test_cifar10_exponential_totals(ratio, total):
    assert sum(exponential(5000, 10, ratio)) == total


@pytest.mark.parametrize(
    ("ratio", "total", "smallest", "groups"),
    [
        (200, 9502, 2, (30, 31, 39)),
        (100, 10847, 5, (35, 35, 30)),
        (50, 12608, 10, (41, 41, 18)),
        (10, 19573, 50, (69, 31, 0)),
    ],
)
def test_cifar100_exponential_totals_smallest_and_groups(ratio, total, smallest, groups):
    counts = np.array(exponential(500, 100, ratio))
    assert (counts.sum(), counts[-1]) == (total, smallest)
    assert ((counts > 100).sum(), ((counts >= 20) & (counts <= 100)).sum(), (counts < 20).sum()) == groups


def test_cifar100_exponential_100_every_class():
    assert exponential(500, 100, 100) == [int(n) for n in CIFAR100_EXP_100.split(",")]


@pytest.mark.parametrize(
    ("max_count", "classes", "ratio", "tail", "total"),
    [
        (5000, 10, 200, 25, 25125),
        (5000, 10, 100, 50, 25250),
        (5000, 10, 50, 100, 25500),
        (5000, 10, 10, 500, 27500),
        (500, 100, 200, 2, 25100),
        (500, 100, 100, 5, 25250),
        (500, 100, 50, 10, 25500),
        (500, 100, 10, 50, 27500),
    ],
)
def test_step_counts_are_the_published_ones(max_count, classes, ratio, tail, total):
    counts = step(max_count, classes, ratio)
    assert counts == [max_count] * (classes // 2) + [tail] * (classes // 2)
    assert sum(counts) == total


@pytest.mark.parametrize(
    ("max_count", "ratio", "counts"), [(1000, 50, [1000, 647, 419, 271, 175, 113, 73, 47, 30, 20])]
)
def test_test_prior_counts_from_the_same_rule(max_count, ratio, counts):
    assert exponential(max_count, 10, ratio) == counts


def test_odd_number_of_classes_gives_the_middle_one_to_the_tail():
    assert step(100, 5, 10) == [100, 100, 10, 10, 10]


@pytest.mark.parametrize(
    ("classes", "minority", "tail_classes"),
    [(10, 0.1, 1), (10, 0.3, 3), (10, 0.9, 9), (2, 0.9, 1), (2, 0.1, 1)],
)
def test_minority_is_the_share_of_tail_classes(classes, minority, tail_classes):
    assert step(100, classes, 10, minority).count(10) == tail_classes


def test_truncation_survives_rounding_noise():
    # 49 * (1 / 49) and 93 * 93 ** -1.0 are just below 1 in floating point
    for count in range(2, 600):
        assert exponential(count, 2, count) == [count, 1]
        assert step(count, 2, count) == [count, 1]


def test_counts_are_truncated_and_not_rounded():
    assert exponential(5000, 10, 100)[1] == 2997  # 2997.4
    assert step(99, 2, 10) == [99, 9]  # 9.9


@pytest.mark.parametrize("profile", [exponential, step, balanced])
def test_ratio_one_is_balanced(profile):
    assert profile(7, 3, 1) == [7, 7, 7]


@pytest.mark.parametrize("profile", [exponential, step, balanced])
@pytest.mark.parametrize("ratio", [0.01, 0, -3, float("inf"), float("nan")])
def test_ratio_below_one_or_not_finite_is_refused(profile, ratio):
    with pytest.raises(InputError, match=r"imbalance.ratio="):
        profile(100, 10, ratio)


@pytest.mark.parametrize("profile", [exponential, step, balanced])
def test_one_class_is_refused(profile):
    with pytest.raises(InputError, match="at least 2 classes, found 1"):
        profile(100, 1, 1)


@pytest.mark.parametrize(("profile", "emptied"), [(exponential, 97), (step, 50)])
def test_emptied_class_is_named_with_a_ratio_that_works(profile, emptied):
    with pytest.raises(InputError, match=rf"ratio=600 leaves class {emptied} .* at most 500"):
        profile(500, 100, 600)
    assert min(profile(500, 100, 500)) == 1


@pytest.mark.parametrize("minority", [0, 1, -0.5, 1.5])
def test_minority_outside_zero_one_is_refused(minority):
    with pytest.raises(InputError, match=r"imbalance.minority="):
        step(100, 10, 10, minority)


def test_profile_starts_from_the_largest_class():
    assert exponential_profile([5000] * 10, 100) == CIFAR10_EXP[100]
    assert step_profile([5000] * 10, 100, 0.5) == [5000] * 5 + [50] * 5


def test_class_with_fewer_images_keeps_what_it_has():
    # n_max = 1000; the profile asks 1000, 100, 10
    assert exponential_profile([300, 1000, 4], 100) == [300, 100, 4]


def test_balanced_profile_cuts_to_the_smallest_class_and_natural_keeps_all():
    assert balanced_profile([5, 3, 9], 1) == [3, 3, 3]
    assert natural_profile([5, 3, 9], 1) == [5, 3, 9]


@pytest.mark.parametrize("profile", [balanced_profile, natural_profile])
def test_ratio_without_effect_is_refused(profile):
    with pytest.raises(InputError, match="ratio=100 has no effect"):
        profile([5, 5], 100)


@pytest.mark.parametrize(
    "profile", [exponential_profile, partial(step_profile, minority=0.5), balanced_profile, natural_profile]
)
def test_class_without_images_and_no_classes_are_refused(profile):
    with pytest.raises(InputError, match="class 1 has no training image"):
        profile([5, 0, 5], 1)
    with pytest.raises(InputError, match="at least 2 classes"):
        profile([], 1)


def published_subset(labels, counts, seed):
    """The loop of LDAM-DRW, imbalance_cifar.py, on the global generator."""
    np.random.seed(seed)  # noqa: NPY002
    targets, chosen = np.array(labels), []
    for the_class, the_count in zip(np.unique(targets), counts, strict=True):
        idx = np.where(targets == the_class)[0]
        np.random.shuffle(idx)  # noqa: NPY002
        chosen.extend(idx[:the_count])
    return sorted(chosen)


@pytest.mark.parametrize("seed", [0, 10])
def test_ldam_drw_selection_is_the_published_subset(seed):
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(10), 100))
    counts = exponential(100, 10, 20)
    state = np.random.get_state()  # noqa: NPY002
    expected = published_subset(labels, counts, seed)
    np.random.set_state(state)  # noqa: NPY002
    chosen = subsample(labels, counts, seed, "ldam_drw")
    assert chosen.tolist() == expected
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(after[1], state[1])  # the global generator is left alone


@pytest.mark.parametrize("selection", ["random", "ldam_drw"])
def test_selection_has_the_counts_is_sorted_and_depends_on_the_seed_only(selection):
    labels = np.random.default_rng(2).integers(0, 3, 300)
    chosen = subsample(labels, [40, 20, 1], 5, selection)
    assert np.bincount(labels[chosen]).tolist() == [40, 20, 1]
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, subsample(labels.tolist(), [40, 20, 1], 5, selection))
    assert chosen.tolist() != subsample(labels, [40, 20, 1], 6, selection).tolist()


@pytest.mark.parametrize("selection", ["random", "ldam_drw"])
def test_a_higher_ratio_picks_a_part_of_a_lower_one(selection):
    labels = np.repeat([0, 1], 50)
    assert set(subsample(labels, [30, 5], 0, selection)) <= set(subsample(labels, [50, 20], 0, selection))


def test_random_selection_of_one_class_ignores_the_others():
    labels = np.repeat([0, 1], 50)
    longer = np.concatenate([labels, np.zeros(7, dtype=int)])
    first, second = subsample(labels, [9, 9], 0), subsample(longer, [9, 9], 0)
    assert [i for i in first if i >= 50] == [i for i in second if 50 <= i < 100]


def test_natural_counts_select_everything():
    labels = np.array([1, 0, 1, 2])
    assert subsample(labels, [1, 2, 1], 0).tolist() == [0, 1, 2, 3]


def test_subsample_refuses_what_it_cannot_do():
    with pytest.raises(InputError, match="class 1 has 1 images, 2 were asked"):
        subsample([0, 0, 1], [1, 2], 0)
    with pytest.raises(InputError, match="selection='first' is unknown"):
        subsample([0, 1], [1, 1], 0, "first")
    with pytest.raises(InputError, match=r"imbalance.seed=-1"):
        subsample([0, 1], [1, 1], -1)
