"""Scores of a regression, against plain loops over the samples."""

import math
import statistics

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from lightning_imb.metrics import baselines, error_scores, target_regions
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, equal_bins

BINS = equal_bins(1, 10, 9)
TRAIN = [0, 1, 19, 20, 100, 101, 500, 0, 7]  # both sides of every limit between regions
REGION = ["zero", "few", "few", "medium", "medium", "many", "many", "zero", "few"]


def draw(n=400, seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.uniform(1, 9, n)  # the last bin stays empty
    return targets + rng.normal(0.3, 0.7, n), targets


def reference(predictions, targets, edges, train):
    """Every score in a loop of its own."""
    errors = [p - t for p, t in zip(predictions, targets, strict=True)]
    bins = [max(b for b in range(len(train)) if b == 0 or t >= edges[b]) for t in targets]
    mean = statistics.fmean

    def of(members):
        chosen = [e for e, b in zip(errors, bins, strict=True) if b in members]
        if not chosen:
            return None
        return {
            "mse": mean(e * e for e in chosen),
            "mae": mean(abs(e) for e in chosen),
            "gm": math.exp(mean(math.log(max(abs(e), 1e-12)) for e in chosen)),
            "bias": mean(chosen),
        }

    whole, each = of(range(len(train))), [of([b]) for b in range(len(train))]
    found = {name: whole[name] for name in ("mse", "mae", "gm")} | {"rmse": math.sqrt(whole["mse"])}
    for name in ("mse", "mae"):
        found[f"{name}_balanced"] = mean(b[name] for b in each if b)
    limits = {"many": (101, 1e9), "medium": (20, 100), "few": (1, 19), "zero": (0, 0)}
    for region, (low, high) in limits.items():
        scores = of([b for b, n in enumerate(train) if low <= n <= high])
        found |= {f"{name}_{region}": scores[name] for name in ("mse", "mae", "gm")} if scores else {}
    return found | {f"bin_{name}": [b and b[name] for b in each] for name in ("mse", "mae", "gm", "bias")}


def same(found, wanted):
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        if isinstance(value, list):
            assert [x is None for x in found[name]] == [x is None for x in value], name
            assert [x for x in found[name] if x is not None] == pytest.approx([x for x in value if x is not None])
        else:
            assert found[name] == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_plain_loops(seed):
    predictions, targets = draw(seed=seed)
    found = error_scores(predictions, targets, BINS, TRAIN)
    del found["r2"], found["pearson"]
    same(found, reference(predictions, targets, BINS.edges, TRAIN))


def test_scores_agree_with_other_libraries():
    predictions, targets = draw()
    found = error_scores(predictions, targets, BINS, TRAIN)
    assert found["mse"] == pytest.approx(mean_squared_error(targets, predictions))
    assert found["mae"] == pytest.approx(mean_absolute_error(targets, predictions))
    assert found["gm"] == pytest.approx(stats.gmean(np.abs(predictions - targets)))
    assert found["r2"] == pytest.approx(r2_score(targets, predictions))
    assert found["pearson"] == pytest.approx(stats.pearsonr(targets, predictions).statistic)


def test_regions_by_training_samples():
    assert target_regions(TRAIN) == REGION
    assert target_regions([0, 3, 4, 5], few=4, many=4) == ["zero", "few", "medium", "many"]


def test_a_region_is_a_mean_over_samples_and_the_balanced_score_one_over_bins():
    bins = TargetBins((0.0, 1.0, 2.0))
    found = error_scores([1.5, 1.5, 1.5, 4.5], [0.5, 0.5, 0.5, 1.5], bins, [5, 5])
    assert found["mse_few"] == (3 * 1 + 9) / 4
    assert found["mse_balanced"] == (1 + 9) / 2
    assert found["mae_balanced"] == (1 + 3) / 2


def test_a_region_without_samples_has_no_key_and_an_empty_bin_no_number():
    found = error_scores([2.0], [1.5], BINS, [200, *[0] * 8])
    assert {name for name in found if name.startswith("mse_")} == {"mse_balanced", "mse_many"}
    assert found["bin_bias"] == [0.5, *[None] * 8]


def test_targets_beyond_the_ends_belong_to_the_outer_bins():
    found = error_scores([0.0, 0.0], [-3.0, 12.0], BINS, TRAIN)
    assert found["bin_bias"] == [3.0, *[None] * 7, -12.0]


def test_an_exact_hit_counts_as_the_floor_in_the_geometric_mean():
    found = error_scores([1.0, 3.0], [1.0, 2.0], BINS, TRAIN)
    assert found["gm"] == pytest.approx(1e-6)
    assert error_scores([1.0, 3.0], [1.0, 2.0], BINS, TRAIN, floor=1e-4)["gm"] == pytest.approx(1e-2)
    assert found["mse"] == 0.5


@pytest.mark.parametrize("constant", [0.1, 5.5, 0.0])
def test_constant_predictions_have_no_correlation(constant):
    _, targets = draw()
    found = error_scores([constant] * len(targets), targets, BINS, TRAIN)
    assert found["pearson"] is None
    assert found["r2"] <= 1e-12


def test_targets_that_are_all_the_same_have_neither_r2_nor_correlation():
    found = error_scores([1.0, 2.0, 3.0], [0.1] * 3, BINS, TRAIN)
    assert (found["r2"], found["pearson"]) == (None, None)


def test_perfect_predictions():
    _, targets = draw()
    found = error_scores(targets, targets, BINS, TRAIN)
    assert (found["mse"], found["mae_balanced"], found["r2"]) == (0, 0, 1)
    assert found["pearson"] == pytest.approx(1)


def test_half_precision_predictions_are_scored_in_double_precision():
    targets = np.linspace(1, 10, 20_001)
    predictions = (targets + 1).astype(np.float16)
    wanted = float(np.mean((predictions.astype(np.float64) - targets) ** 2))
    assert error_scores(predictions, targets, BINS, TRAIN)["mse"] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("predictions", "targets", "train", "message"),
    [
        ([], [], TRAIN, r"predictions have shape \(0,\)"),
        ([1.0, 2.0], [1.0], TRAIN, "2 predictions for 1 targets"),
        ([[1.0], [2.0]], [1.0, 2.0], TRAIN, r"predictions have shape \(2, 1\)"),
        ([1.0, np.nan, np.inf], [1.0, 2.0, 3.0], TRAIN, "2 of 3 predictions are not finite, the first in row 1"),
        ([1.0], [np.inf], TRAIN, "1 of 1 targets are not finite"),
        ([1.0], [1.0], TRAIN[1:], "train_counts has 8 entries for 9 bins"),
    ],
)
def test_unusable_numbers(predictions, targets, train, message):
    with pytest.raises(InputError, match=message):
        error_scores(predictions, targets, BINS, train)


def test_regions_out_of_order():
    with pytest.raises(InputError, match="few must not be above many"):
        error_scores([1.0], [1.0], BINS, TRAIN, few=200)


def test_baselines_against_loops():
    rng = np.random.default_rng(1)
    train, test = rng.normal(5.5, 1, 99), rng.uniform(1, 9, 200)
    mean, median = statistics.fmean(train), statistics.median(train)
    best_mean, best_median = statistics.fmean(test), statistics.median(test)
    bins = [[t for t in test if low <= t < high] for low, high in zip(BINS.edges, BINS.edges[1:], strict=False)]
    wanted = {
        "baseline/train_mean_mse": statistics.fmean((t - mean) ** 2 for t in test),
        "baseline/train_mean_mae": statistics.fmean(abs(t - mean) for t in test),
        "baseline/train_median_mae": statistics.fmean(abs(t - median) for t in test),
        "baseline/optimal_mse": statistics.fmean((t - best_mean) ** 2 for t in test),
        "baseline/optimal_mae": statistics.fmean(abs(t - best_median) for t in test),
        "baseline/train_mean_bin_mse": [statistics.fmean((t - mean) ** 2 for t in b) if b else None for b in bins],
    }
    same(baselines(train, test, BINS), wanted)


def test_baselines_on_an_even_grid_are_the_derived_yardsticks():
    test = np.linspace(1, 10, 9001)
    even, low = baselines(test, test, BINS), baselines(np.linspace(1, 5, 4001), test, BINS)
    for constant in ("train_mean", "optimal"):
        assert even[f"baseline/{constant}_mse"] == pytest.approx(6.75, rel=1e-3)
    for constant in ("train_mean", "train_median", "optimal"):
        assert even[f"baseline/{constant}_mae"] == pytest.approx(2.25, rel=1e-3)
    assert low["baseline/train_mean_mse"] == pytest.approx(13.0, rel=1e-3)


def test_no_constant_beats_the_optimal_one():
    rng = np.random.default_rng(2)
    test = rng.exponential(2, 300)
    for constant in (0.0, 1.0, float(np.median(test)), float(test.mean()), 9.0):
        found, scores = baselines([constant], test, BINS), error_scores([constant] * 300, test, BINS, TRAIN)
        assert found["baseline/train_mean_mse"] == pytest.approx(scores["mse"])
        assert found["baseline/train_mean_bin_mse"] == scores["bin_mse"]
        assert scores["mse"] >= found["baseline/optimal_mse"] - 1e-12
        assert scores["mae"] >= found["baseline/optimal_mae"] - 1e-12


@pytest.mark.parametrize(
    ("train", "test", "named"), [([], [1.0], "training targets"), ([1.0], [np.nan], "test targets")]
)
def test_baselines_of_unusable_targets(train, test, named):
    with pytest.raises(InputError, match=named):
        baselines(train, test, BINS)
