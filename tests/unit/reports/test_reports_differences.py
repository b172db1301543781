"""In what two runs differ, and what is advised."""

import pytest

from lightning_imb.reports.collect import collect
from lightning_imb.reports.differences import cure, data_of, difference, different_keys, unlike, varying_keys


@pytest.fixture
def pair(make_run, sweep):
    """A function that makes two runs which differ in the settings given."""

    def make(first, second, methods=("erm", "erm")):
        for name, method, settings in zip("ab", methods, (first, second), strict=True):
            make_run(name, method=method, seed=ord(name), settings=settings)
        return collect(sweep)

    return make


def test_seed_folder_and_how_a_run_is_carried_out_are_no_difference(pair, sweep):
    first, second = ({"log": f"{sweep}/{name}/log", "threads": ord(name)} for name in "ab")
    runs = pair(first, second)
    assert different_keys(*runs) == []
    assert difference(*runs) == "their settings are the same"
    assert cure(*runs, ["method"]) == "report one of them"


def test_a_setting_that_one_run_lacks_is_a_difference_even_from_null(pair):
    assert different_keys(*pair({"loss": {"gamma": None}}, {})) == ["loss.gamma"]


@pytest.mark.parametrize(
    ("first", "second", "methods", "rows"),
    [
        ({"loss": {"_target_": "A"}}, {"loss": {"_target_": "B", "k": 1}}, ("erm", "erm"), "imbalance.ratio,loss"),
        ({"loss": {"k": 1}}, {"loss": {"k": 2}}, ("erm", "erm"), "imbalance.ratio,loss.k"),
        # the loss follows from the method
        ({"loss": {"_target_": "A"}}, {"loss": {"_target_": "B"}}, ("erm", "eos"), "imbalance.ratio,method"),
    ],
)
def test_the_shortest_cure_is_named(pair, first, second, methods, rows):
    assert f"rows=[{rows}]" in cure(*pair(first, second, methods), ["imbalance.ratio"])


def test_only_the_groups_asked_for_are_named(pair):
    runs = pair({"epochs": 1, "imbalance": {"ratio": 1}}, {"epochs": 2, "imbalance": {"ratio": 2}})
    assert difference(*runs) == "they differ in epochs, imbalance.ratio"
    assert difference(*runs, ["imbalance"]) == "they differ in imbalance.ratio"
    assert "rows=[method,imbalance.ratio]" in cure(*runs, ["method"], ["imbalance"])


def test_what_varies_among_many_is_found_from_the_first(make_run, sweep):
    for name, settings in {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 3, "y": 1}}.items():
        make_run(name, settings=settings)
    assert varying_keys(collect(sweep)) == {"x", "y"}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"epochs": 1}, {"epochs": 2}, True),
        ({"imbalance": {"seed": 0}}, {"imbalance": {"seed": 1}}, False),
        ({"dataset": {"name": "d", "split_seed": 0}}, {"dataset": {"name": "d", "split_seed": 1}}, False),
        ({"dataset": {"name": "d", "augment": {"pad": 1}}}, {"dataset": {"name": "d", "augment": {"pad": 2}}}, True),
    ],
)
def test_data_are_the_same_when_the_same_images_were_drawn(pair, first, second, same):
    a, b = pair(first, second)
    assert (data_of(a) == data_of(b)) == same


@pytest.mark.parametrize(
    ("dataset", "prints", "same"),
    [
        ({}, ("x", "x"), True),
        ({}, ("x", "y"), False),
        ({}, (None, "y"), True),  # of an earlier version: nothing is known
        ({"csv": ("0.csv", "1.csv")}, ("x", "x"), True),  # a copy
        ({"csv": ("0.csv", "1.csv")}, ("x", "y"), False),
        ({"image_size": (32, 64)}, ("x", "y"), True),  # no fingerprint could be the same
        ({"channels": (1, 3)}, ("x", "y"), True),
        ({"data_seed": (0, 1)}, ("x", "y"), True),  # drawn anew with every seed
        ({"in_memory": (True, False)}, ("x", "y"), False),
    ],
)
def test_images_are_those_of_the_same_fingerprint_where_it_tells(make_run, sweep, dataset, prints, same):
    for i, name in enumerate("ab"):
        settings = {"dataset": {"name": "csv", **{key: values[i] for key, values in dataset.items()}}}
        make_run(name, seed=i, settings=settings, fingerprint=prints[i])
    assert (unlike(collect(sweep)) is None) == same


def test_a_run_without_a_fingerprint_does_not_hide_that_others_differ(make_run, sweep):
    for name, fingerprint in {"a": None, "b": "x", "c": "y"}.items():
        make_run(name, seed=ord(name), fingerprint=fingerprint)
    assert [record.path.name for record in unlike(collect(sweep))] == ["b", "c"]


def test_numeric_targets_may_be_drawn_anew_with_every_seed(make_run, sweep):
    bins = {"task": "regression", "target": "y", "bin_edges": [0, 1, 2]}
    for seed in (0, 1):
        make_run(str(seed), seed=seed, fingerprint=str(seed), **bins)
    assert unlike(collect(sweep)) is None
