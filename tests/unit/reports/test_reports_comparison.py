"""Runs grouped into rows, and what may not be compared."""

import numpy as np
import pytest

from lightning_imb.reports.collect import collect
from lightning_imb.reports.comparison import Summary, best_of, compare, leaders
from lightning_imb.utils.errors import InputError

BACC = ["test/bacc"]
SMOTE = {"_target_": "imblearn.over_sampling.SMOTE"}


def test_mean_and_sample_std_over_seeds(make_run, sweep):
    values = {"erm": [0.5, 0.6, 0.75], "eos": [0.8]}
    for method, scores in values.items():
        for seed, bacc in enumerate(scores):
            make_run(f"{method}/{seed}", method=method, seed=seed, bacc=bacc)
    comparison = compare(collect(sweep), "method", BACC)
    rows = {row.labels[0]: row for row in comparison.rows}
    assert rows["erm"].n == 3
    assert rows["erm"].scores["test/bacc"].mean == pytest.approx(np.mean(values["erm"]))
    assert rows["erm"].scores["test/bacc"].std == pytest.approx(np.std(values["erm"], ddof=1))
    assert (rows["eos"].scores["test/bacc"].mean, rows["eos"].scores["test/bacc"].std) == (0.8, None)
    assert (rows["eos"].seeds, rows["erm"].seeds) == ((0,), (0, 1, 2))


def test_protocols_are_not_mixed(make_run, sweep):
    make_run("a", method="a")
    make_run("b", method="b", protocol="paper, last epoch")
    with pytest.raises(InputError, match="holdout, best epoch on validation; paper, last epoch"):
        compare(collect(sweep), "method", BACC)
    comparison = compare(collect(sweep), ["method", "protocol"], BACC)  # each line says which one it is
    assert [row.labels[1] for row in comparison.rows] == [
        "holdout, best epoch on validation",
        "paper, last epoch",
    ]


def test_different_data_are_not_compared_unless_the_rows_tell_them_apart(make_run, sweep):
    for ratio in (10, 100):
        for method in ("erm", "eos"):
            settings = {"imbalance": {"ratio": ratio}}
            make_run(f"{method}{ratio}", method=method, counts=(1000, 1000 // ratio), settings=settings)
    with pytest.raises(InputError, match=r"different data .*imbalance\.ratio"):
        compare(collect(sweep), "method", BACC)
    comparison = compare(collect(sweep), ["method", "imbalance.ratio"], BACC)
    assert sorted(row.labels for row in comparison.rows) == [
        ("eos", "10"),
        ("eos", "100"),
        ("erm", "10"),
        ("erm", "100"),
    ]
    assert comparison.train_counts is None


def test_a_hidden_axis_is_no_seed(make_run, sweep):
    for k in (5, 10):
        make_run(f"k{k}", method="eos", settings={"resampler": {"k": k}})
    with pytest.raises(InputError, match=r"k10 and .*k5 share row eos and seed 0 \(they differ in resampler\.k\)"):
        compare(collect(sweep), "method", BACC)
    assert len(compare(collect(sweep), ["method", "resampler.k"], BACC).rows) == 2


@pytest.mark.parametrize(
    ("setting", "refused"),
    [
        ({"epochs": 3}, True),
        ({"loss": {"gamma": 1}}, True),
        ({"resampler": {"random_state": 1}}, False),
        ({"represent_from": "logs/runs/another/seed"}, False),
    ],
)
def test_only_the_seed_may_differ_within_a_row(make_run, sweep, setting, refused):
    make_run("a", seed=0)
    make_run("b", seed=1, settings=setting)
    records = collect(sweep)
    if not refused:
        assert compare(records, "method", BACC).rows[0].n == 2
        return
    with pytest.raises(InputError, match=next(iter(setting))):
        compare(records, "method", BACC)


def test_how_a_run_is_carried_out_never_splits_a_row(make_run, sweep):
    free = {"threads": 1, "store": False, "paths": {"store": "s"}, "resume": "never", "num_workers": 2, "cache": False}
    for seed, (key, value) in enumerate(free.items()):
        make_run(str(seed), seed=seed, settings={key: value})
    assert compare(collect(sweep), "method", BACC).rows[0].n == len(free)


def test_an_unknown_key_or_score_is_named_with_what_there_is(make_run, sweep):
    make_run("a", settings={"resampler": {"k": 5}})
    records = collect(sweep)
    with pytest.raises(InputError, match=r"no setting 'resampler\.q' .* use one of resampler\.k"):
        compare(records, "resampler.q", BACC)
    with pytest.raises(InputError, match=r"No run has the score test/bac: use one of test/bacc\."):
        compare(records, "method", ["test/bac"])


def test_a_run_without_the_setting_of_a_row_gets_a_dash(make_run, sweep):
    make_run("eos", method="eos", settings={"resampler": {"k": 5}})
    make_run("erm", method="erm")
    rows = compare(collect(sweep), ["method", "resampler.k"], BACC).rows
    assert [row.labels for row in rows] == [("eos", "5"), ("erm", "–")]


@pytest.mark.parametrize("cured", [False, True])
def test_an_overridden_group_is_refused_and_the_named_cure_works(make_run, sweep, cured):
    """``method=eos resampler=smote`` still calls itself eos."""
    classes = {"lightning_imb.resampling.EOS": {"k": 10}, "lightning_imb.resampling.ClassWise": {"sampler": SMOTE}}
    for seed, (name, arguments) in enumerate(classes.items()):
        make_run(str(seed), method="eos", seed=seed, settings={"resampler": {"_target_": name, **arguments}})
    if cured:
        rows = compare(collect(sweep), ["method", "resampler"], BACC).rows
        assert [row.labels for row in rows] == [("eos", "EOS"), ("eos", "SMOTE")]
        return
    with pytest.raises(InputError, match=r"differ in resampler\._target_.*rows=\[method,resampler\]"):
        compare(collect(sweep), "method", BACC)


def test_the_cure_for_a_plain_key_is_the_key(make_run, sweep):
    for seed in (0, 1):
        make_run(str(seed), seed=seed, settings={"loss": {"_target_": "a.Focal", "gamma": seed}})
    with pytest.raises(InputError, match=r"rows=\[method,loss\.gamma\]"):
        compare(collect(sweep), "method", BACC)


def test_methods_on_other_data_of_the_same_size_are_not_compared(make_run, sweep):
    for method, dataset in {"erm": "cifar10", "eos": "svhn"}.items():
        make_run(method, method=method, settings={"dataset": {"name": dataset}}, dataset=dataset)
    with pytest.raises(InputError, match=r"different data \(they differ in dataset\.name\).*rows=\[method,dataset\]"):
        compare(collect(sweep), "method", BACC)
    assert len(compare(collect(sweep), ["method", "dataset"], BACC).rows) == 2


def test_methods_on_other_images_of_the_same_counts_are_not_compared(make_run, sweep):
    for fold, method in enumerate(("erm", "eos")):
        settings = {"dataset": {"name": "csv", "csv": f"fold{fold}.csv"}}
        make_run(method, method=method, settings=settings, fingerprint=str(fold))
    sentence = r"different data \(other files, labels or sizes.*differ in dataset\.csv\).*rows=\[method,dataset\.csv\]"
    with pytest.raises(InputError, match=sentence):
        compare(collect(sweep), "method", BACC)
    assert len(compare(collect(sweep), ["method", "dataset.csv"], BACC).rows) == 2


def test_seeds_on_images_that_were_changed_in_between_are_no_row(make_run, sweep):
    for seed in range(3):
        make_run(str(seed), seed=seed, fingerprint="relabelled" if seed == 2 else "as it was")
    with pytest.raises(InputError, match=r"/0 and .*/2 .*other files, labels or sizes.*: report one of them") as caught:
        compare(collect(sweep), "method", BACC)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("key", "best"), [("csv", []), ("image_size", [2])])
def test_the_best_is_one_on_the_same_images(make_run, sweep, key, best):
    """Folds are other images; sizes are not, whatever their fingerprints."""
    for i in range(3):
        settings = {"dataset": {"name": "csv", key: f"{i}"}}
        make_run(str(i), bacc=0.5 + i / 10, settings=settings, fingerprint=str(i))
    rows = compare(collect(sweep), f"dataset.{key}", BACC).rows
    assert leaders(rows, "test/bacc", "mean") == best


def test_a_key_that_does_not_choose_the_data_does_not_excuse_other_data(make_run, sweep):
    for k, ratio in ((5, 10), (7, 20)):
        make_run(str(k), settings={"resampler": {"k": k}, "imbalance": {"ratio": ratio}})
    with pytest.raises(InputError, match=r"different data.*rows=\[resampler\.k,imbalance\.ratio\]"):
        compare(collect(sweep), "resampler.k", BACC)


def test_rows_of_other_classes_have_scores_and_no_common_class_names(make_run, sweep):
    for name, counts in {"digits": (9, 8, 7), "flowers": (5, 5)}.items():
        make_run(name, counts=counts, settings={"dataset": {"name": name}}, dataset=name)
    comparison = compare(collect(sweep), ["method", "dataset"], BACC)
    assert (len(comparison.rows), comparison.class_names) == (2, None)


@pytest.mark.parametrize(
    ("rule", "scores", "best"),
    [
        ("mean", [0.5, 0.51], 1),
        ("mean", [0.5, 0.5], None),  # shared
        ("clear", [0.5, 0.51], None),  # one value each: the noise is not known
        ("none", [0.5, 0.9], None),
        ("mean", [None, 0.9], None),  # nothing to compare with
    ],
)
def test_what_counts_as_the_best_can_be_chosen(rule, scores, best):
    summaries = [Summary(() if score is None else (score,)) for score in scores]
    assert best_of(summaries, "test/bacc", rule) == best
