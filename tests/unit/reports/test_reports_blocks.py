"""What is paired with what."""

import numpy as np
import pytest

from lightning_imb.reports.blocks import arrange
from lightning_imb.reports.collect import collect
from lightning_imb.utils.errors import InputError

METRIC = "test/bacc"
RETRAINED = {"retrain": {"enabled": True}}


@pytest.fixture
def grid_of_runs(make_run):
    """A function that makes runs of two methods over seeds and ratios, scored by a function of all three."""

    def make(score, methods=("erm", "eos"), ratios=(10, 100), seeds=(0, 1, 2), settings=()):
        for method in methods:
            for ratio in ratios:
                for seed in seeds:
                    chosen = {"imbalance": {"ratio": ratio}, **(RETRAINED if method == "eos" else {}), **dict(settings)}
                    name, counts = f"{method}/{ratio}/{seed}", (1000, 1000 // ratio)
                    bacc = score(method, ratio, seed)
                    make_run(name, method=method, seed=seed, bacc=bacc, counts=counts, settings=chosen)

    return make


def test_a_block_is_seed_and_whatever_varies_within_a_level(grid_of_runs, sweep):
    grid_of_runs(lambda method, ratio, seed: (method == "eos") / 2 + seed / 100 + ratio / 1000)
    blocks = arrange(collect(sweep), ["method"], METRIC)
    assert blocks.levels == ("eos", "erm")
    assert blocks.keys == {"seed": 3, "imbalance.ratio": 2}  # neither method nor what belongs to it
    assert blocks.scores.shape == (6, 2)
    np.testing.assert_allclose(blocks.scores[:, 0] - blocks.scores[:, 1], 0.5)
    assert blocks.repeats == (1, 1)
    assert blocks.protocols == ("holdout, best epoch on validation",)


def test_a_missing_run_leaves_a_hole_and_pairs_nothing_else(grid_of_runs, make_run, sweep):
    grid_of_runs(lambda method, ratio, seed: seed / 10, ratios=(10,))
    make_run("eos/10/7", method="eos", seed=7, counts=(1000, 100), settings={"imbalance": {"ratio": 10}, **RETRAINED})
    blocks = arrange(collect(sweep), ["method"], METRIC)
    assert np.isnan(blocks.scores).sum() == 1
    assert blocks.complete.shape == (3, 2)


def test_named_blocks_without_seed_take_the_mean_over_seeds(grid_of_runs, sweep):
    grid_of_runs(lambda method, ratio, seed: ratio / 1000 + seed / 10)
    blocks = arrange(collect(sweep), ["method"], METRIC, blocks=["dataset", "imbalance.ratio"])
    assert sorted(blocks.scores[:, 0]) == pytest.approx([0.11, 0.2])
    assert (blocks.keys, blocks.repeats) == ({"dataset": 1, "imbalance.ratio": 2}, (3, 3))


def test_means_are_over_the_seeds_that_all_levels_of_the_block_have(make_run, sweep):
    """Seed 9 is an easy one that only eos has: it must not lift the mean of eos over that of erm."""
    for method, seeds in {"eos": (0, 1, 9), "erm": (0, 1, 2)}.items():
        for seed in seeds:
            make_run(f"{method}/{seed}", method=method, seed=seed, bacc=0.9 if seed == 9 else seed / 10)
    make_run("erm/7", seed=7, test__bacc=None)  # no value, nothing to leave out
    blocks = arrange(collect(sweep), ["method"], METRIC, blocks=["dataset"])
    assert blocks.scores.tolist() == [[0.05, 0.05]]
    assert (blocks.repeats, blocks.unpaired) == ((2, 2), 2)


def test_a_block_without_a_common_seed_compares_nothing(make_run, sweep):
    for seed, method in enumerate(("eos", "erm")):
        make_run(method, method=method, seed=seed)
    with pytest.raises(InputError, match="No two values of method share a block"):
        arrange(collect(sweep), ["method"], METRIC, blocks=["dataset"])


def test_a_level_that_lacks_a_block_takes_no_seeds_from_the_others(grid_of_runs, make_run, sweep):
    grid_of_runs(lambda method, ratio, seed: seed / 10)
    settings = {"imbalance": {"ratio": 10}}
    make_run("smote", method="smote", seed=0, bacc=0.0, counts=(1000, 100), settings=settings)
    blocks = arrange(collect(sweep), ["method"], METRIC, blocks=["imbalance.ratio"])
    np.testing.assert_array_equal(blocks.scores, [[0.0, 0.0, 0.0], [0.1, 0.1, np.nan]])
    assert (blocks.repeats, blocks.unpaired) == ((1, 3), 4)


def test_a_setting_tuned_for_one_level_does_not_pair_by_itself(make_run, sweep):
    for seed, lr in ((0, 0.1), (1, 0.2)):
        make_run(f"eos{seed}", method="eos", seed=seed, settings={"retrain": {"lr": lr}})
        make_run(f"erm{seed}", method="erm", seed=seed)
    records = collect(sweep)
    with pytest.raises(InputError, match=r"No two values of method share a block.*\(retrain\.lr\).*blocks=\[seed"):
        arrange(records, ["method"], METRIC)


def test_a_level_with_a_second_axis_is_refused_where_blocks_leave_it_open(make_run, sweep):
    for k in (5, 10):
        make_run(f"eos{k}", method="eos", settings={"resampler": {"k": k}})
    make_run("erm", method="erm")
    with pytest.raises(InputError, match=r"share eos and a block and seed 0 \(they differ in resampler\.k\).*rows="):
        arrange(collect(sweep), ["method"], METRIC, blocks=["seed"])
    blocks = arrange(collect(sweep), ["method", "resampler.k"], METRIC)
    assert blocks.levels == ("eos 10", "eos 5", "erm –")
    assert blocks.scores.shape == (1, 3)


def test_other_data_never_pair(grid_of_runs, make_run, sweep):
    grid_of_runs(lambda *_: 0.5, methods=("erm",), ratios=(10,))
    for seed in range(3):
        make_run(f"eos/{seed}", method="eos", seed=seed, counts=(1000, 10), settings={"imbalance": {"ratio": 100}})
    with pytest.raises(InputError, match="No two values of method share a block"):
        arrange(collect(sweep), ["method"], METRIC)
    with pytest.raises(InputError, match=r"different data \(they differ in imbalance\.ratio\): add .* to blocks="):
        arrange(collect(sweep), ["method"], METRIC, blocks=["seed"])


def folds(make_run, fold_of, seeds=range(6)):
    """Runs of two methods on folds of equal counts: ``fold_of(method, seed)``."""
    for method in ("erm", "eos"):
        for seed in seeds:
            fold = fold_of(method, seed)
            settings = {"dataset": {"name": "csv", "csv": f"fold{fold}.csv"}}
            make_run(f"{method}/{seed}", method=method, seed=seed, settings=settings, fingerprint=f"of {fold}")


@pytest.mark.parametrize("blocks", [None, ["seed"], ["dataset"]])
def test_other_images_of_the_same_counts_never_pair(make_run, sweep, blocks):
    folds(make_run, lambda method, seed: int(method == "eos"))
    sentence = r"different data \(other files, labels or sizes.*they differ in dataset\.csv\).* on the same data\."
    with pytest.raises(InputError, match=sentence):
        arrange(collect(sweep), ["method"], METRIC, blocks=blocks)


def test_images_that_were_changed_between_two_methods_never_pair(make_run, sweep):
    for method in ("erm", "eos"):
        make_run(method, method=method, fingerprint=f"before {method}")
    with pytest.raises(
        InputError, match=r"different data \(other files, labels or sizes, by the fingerprint in [^;]*\)"
    ):
        arrange(collect(sweep), ["method"], METRIC)


@pytest.mark.parametrize("key", ["csv", "split_seed"])
def test_data_that_vary_within_every_level_are_blocks(make_run, sweep, key):
    for method in ("erm", "eos"):
        for data in (0, 1, 2):
            settings = {"dataset": {"name": "csv", key: data}}
            make_run(f"{method}/{data}", method=method, settings=settings, fingerprint=f"of {data}")
    blocks = arrange(collect(sweep), ["method"], METRIC)
    assert blocks.keys == {f"dataset.{key}": 3}
    assert blocks.complete.shape == (3, 2)


def test_other_seeds_never_pair(make_run, sweep):
    make_run("eos", method="eos", seed=0)
    make_run("erm", method="erm", seed=1)
    with pytest.raises(InputError, match="have seeds 0 and 1"):
        arrange(collect(sweep), ["method"], METRIC)


def test_the_same_run_twice_is_refused(make_run, sweep):
    for name in ("a", "b"):
        make_run(name, method="eos")
    make_run("c", method="erm")
    with pytest.raises(InputError, match=r"their settings are the same\): report one of them"):
        arrange(collect(sweep), ["method"], METRIC)


def test_protocols_are_compared_only_within_blocks(make_run, sweep):
    for method in ("eos", "erm"):
        for protocol in ("holdout", "paper"):
            bacc = 0.9 if protocol == "paper" else 0.1
            settings = {"protocol": {"name": protocol}}
            make_run(f"{method}/{protocol}", method=method, protocol=protocol, bacc=bacc, settings=settings)
    records = collect(sweep)
    with pytest.raises(InputError, match=r"chose their epoch in different ways.*blocks=\[seed,protocol\]"):
        arrange(records, ["method", "protocol"], METRIC)
    blocks = arrange(records, ["method"], METRIC, blocks=["seed", "protocol"])
    assert blocks.scores.tolist() == [[0.1, 0.1], [0.9, 0.9]]


def test_one_level_is_nothing_to_compare(make_run, sweep):
    make_run("a")
    with pytest.raises(InputError, match="erm is the only value of method"):
        arrange(collect(sweep), ["method"], METRIC)


def test_an_unknown_block_or_score_is_named(grid_of_runs, sweep):
    grid_of_runs(lambda *_: 0.5)
    records = collect(sweep)
    with pytest.raises(InputError, match="no setting 'sed'"):
        arrange(records, ["method"], METRIC, blocks=["sed"])
    with pytest.raises(InputError, match="No run has the score test/x"):
        arrange(records, ["method"], "test/x")


def test_how_a_run_is_carried_out_is_no_axis(grid_of_runs, make_run, sweep):
    grid_of_runs(lambda *_: 0.5, methods=("erm",), ratios=(10,))
    shared = {"imbalance": {"ratio": 10}, **RETRAINED}
    for seed, free in enumerate(({"threads": 4}, {"store": False}, {"paths": {"store": "s"}})):
        settings = shared | free | {"represent_from": f"runs/{seed}"}
        make_run(f"eos/{seed}", method="eos", seed=seed, counts=(1000, 100), settings=settings)
    blocks = arrange(collect(sweep), ["method"], METRIC)
    assert blocks.keys == {"seed": 3}
    assert blocks.complete.shape == (3, 2)
