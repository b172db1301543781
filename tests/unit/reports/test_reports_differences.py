"""In what two runs differ, and what is advised."""

import pytest

from lightning_imb.reports.collect import collect
from lightning_imb.reports.differences import cure, data_of, difference, different_keys, varying_keys


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
