"""An expected order: steps, constants, trend, and what so few runs can show."""

import itertools
import math

import numpy as np
import pytest
from helpers.regression_runs import record
from scipy import stats

from lightning_imb.reports.ordering import orderings
from lightning_imb.reports.ordering_grid import ordering_grid, ordering_sentences
from lightning_imb.reports.paired import holm
from lightning_imb.utils.errors import InputError

ORDER = ["uniform", "normal", "missing"]
LEVELS = {"uniform": 0.1, "normal": 0.2, "missing": 1.0}


def study(seeds=8, methods=("reg_mse",), levels=LEVELS, noise=0.01, constant=6.75, **more):
    random = np.random.default_rng(0)
    return [
        record(law, seed, method, mse=mse + noise * random.normal(), baseline__train_mean_mse=constant, **more)
        for method in methods
        for law, mse in levels.items()
        for seed in range(seeds)
    ]


def checked(records, order=ORDER, keys=("imbalance",), metric="test/mse", first=None):
    return orderings(records, keys, order, metric, first)[0]


def claims(one, kind):
    return {statement.claim: statement for statement in one.statements if statement.kind == kind}


def test_a_clear_order_is_seen_with_the_numbers_of_the_tests():
    records = study()
    (one,) = checked(records)
    scores = np.array([[r.score("test/mse") for r in records if r.label("imbalance") == law] for law in ORDER]).T
    steps = claims(one, "step")
    assert list(steps) == ["uniform is better than normal", "normal is better than missing"]
    for i, step in enumerate(steps.values()):
        gaps = scores[:, i] - scores[:, i + 1]
        assert step.n == 8
        assert step.mean == pytest.approx(gaps.mean())
        assert step.p == pytest.approx(stats.wilcoxon(gaps, alternative="less", method="exact").pvalue)
    (trend,) = claims(one, "trend").values()
    assert trend.p == pytest.approx(stats.page_trend_test(scores).pvalue)
    assert [s.p_holm for s in one.statements] == holm([s.p for s in one.statements])
    assert len(claims(one, "constant")) == 3
    assert {s.verdict for s in one.statements} == {one.verdict} == {"seen"}


def test_an_order_the_wrong_way_round_is_not_seen_and_its_trend_neither():
    (one,) = checked(study(), ORDER[::-1])
    assert {s.verdict for s in one.statements if s.kind != "constant"} == {one.verdict} == {"not seen"}
    assert all(s.mean > 0 for s in claims(one, "step").values())


def test_one_step_that_is_not_seen_takes_the_whole_order_with_it():
    records = study(levels={"normal": 0.1, "missing": 1.0}, noise=0)
    records += [record("uniform", seed, mse=0.11 if seed < 3 else 0.09) for seed in range(8)]
    (one,) = checked(records)
    assert [s.verdict for s in claims(one, "step").values()] == ["not seen", "seen"]
    assert one.verdict == "not seen"
    assert next(iter(claims(one, "trend").values())).verdict == "seen"  # which speaks of some step, not of each


@pytest.mark.parametrize(("seeds", "verdict"), [(1, "too few"), (6, "too few"), (7, "seen")])
def test_so_few_runs_that_nothing_could_be_seen_are_said_to_be_too_few(seeds, verdict):
    """Five claims of signed ranks at 2^-n each, the trend first: 5 / 2^6 is above 0.05 and 5 / 2^7 below."""
    (one,) = checked(study(seeds=seeds))
    assert one.verdict == verdict
    assert {s.verdict for s in claims(one, "constant").values()} == {verdict}
    assert claims(one, "step")["uniform is better than normal"].smallest == 0.5**seeds


def test_no_data_has_a_smaller_corrected_p_than_the_smallest():
    for seeds, noise in itertools.product((2, 5, 8), (0.01, 2.0)):
        for statement in checked(study(seeds=seeds, noise=noise))[0].statements:
            assert statement.p_holm >= statement.smallest_holm * (1 - 1e-9)


def test_a_level_that_says_what_a_constant_says_does_not_beat_it():
    records = study(constant=0.2, noise=0)
    found = claims(checked(records)[0], "constant")
    words = "beats the mean of its training targets"
    verdicts = {claim.removesuffix(f" {words}"): s.verdict for claim, s in found.items()}
    assert verdicts == {"uniform": "seen", "normal": "not seen", "missing": "not seen"}
    assert found[f"missing {words}"].mean == pytest.approx(0.8)


def test_of_a_score_the_highest_is_the_best_and_has_no_constant():
    levels = {law: 1 - mse for law, mse in LEVELS.items()}
    records = [record(law, seed, r2=r2 + seed / 1000) for law, r2 in levels.items() for seed in range(8)]
    (one,) = checked(records, metric="test/r2")
    assert one.verdict == "seen"
    assert claims(one, "step")["uniform is better than normal"].mean == pytest.approx(0.1)
    assert claims(one, "constant") == {}
    assert "no run has recorded what a constant scores in it; Holm" in ordering_grid([one], ()).caption


def test_two_levels_have_a_step_and_no_trend():
    (one,) = checked(study(), ORDER[:2])
    assert (len(claims(one, "step")), claims(one, "trend")) == (1, {})
    assert "below 3 levels there is no trend to test" in ordering_grid([one], ()).caption


def test_levels_outside_the_order_do_not_count():
    extra = [record("exotic", seed, mse=0.0, baseline__train_mean_mse=6.75) for seed in range(3)]
    (one,) = checked(study() + extra)
    assert one.verdict == "seen"
    assert {s.n for s in one.statements} == {8}


def test_seeds_that_not_all_levels_have_are_paired_where_they_can_be():
    records = [r for r in study() if (r.label("imbalance"), r.seed) != ("missing", 7)]
    (one,) = checked(records)
    assert [s.n for s in claims(one, "step").values()] == [8, 7]
    assert [s.n for s in claims(one, "trend").values()] == [7]


def test_each_value_of_the_other_keys_has_an_order_of_its_own_the_control_first():
    records = study(methods=("reg_lds", "reg_mse")) + study(methods=("reg_bmc",), levels={"uniform": 0.1})
    keys = ("imbalance", "method")
    found, left_out = orderings(records, keys, ORDER, "test/mse", "reg_mse")
    assert [one.of for one in found] == [("reg_mse",), ("reg_lds",)]
    assert left_out == ["reg_bmc: no order is checked, there is no run with imbalance=normal, missing"]
    grid = ordering_grid(found, ["method"])
    assert grid.header[:3] == ("method", "statement", "result")
    assert [row[:3] for row in grid.rows[:2]] == [
        ("reg_mse", "uniform is better than normal", "seen"),
        ("reg_mse", "normal is better than missing", "seen"),
    ]
    assert grid.breaks == {5, 11}
    with pytest.raises(InputError, match=r"no 'erm' among the values of method: leave out control="):
        orderings(records, keys, ORDER, "test/mse", "erm")


@pytest.mark.parametrize(
    ("order", "keys", "sentence"),
    [
        (
            ["uniform", "skewed"],
            ("imbalance",),
            r"order=\[uniform,skewed\] are not values of one key.*imbalance has uni",
        ),
        (["uniform", "reg_mse"], ("imbalance", "method"), r"are not values of one key.*method has reg_mse"),
    ],
)
def test_an_order_of_unknown_values_is_refused(order, keys, sentence):
    with pytest.raises(InputError, match=sentence):
        checked(study(seeds=2), order, keys)


def test_no_method_with_all_laws_is_refused():
    records = [record(law, 0, f"reg_{law}", mse=0.5) for law in ORDER]
    with pytest.raises(
        InputError, match=r"No runs have all of order=\[uniform,normal,missing\]: reg_uniform: no order"
    ):
        checked(records, keys=("imbalance", "method"))


def test_methods_can_be_ordered_too():
    records = [record("normal", seed, m, mse=0.1 * i + seed / 100) for i, m in enumerate("abc") for seed in range(8)]
    (one,) = checked(records, list("abc"), ("method",))
    assert (one.levels, one.verdict) == (("a", "b", "c"), "seen")


def test_sentences_say_it_in_words():
    seen, few = checked(study()), checked(study(seeds=3))
    (sentence,) = ordering_sentences(seen)
    assert sentence.startswith(
        "The order uniform, normal, missing in test/mse is seen: uniform is better than normal: "
    )
    assert "seen (n = 8, mean difference -0." in sentence
    assert sentence.endswith("3 of 3 are seen to beat the mean of their training targets.")
    (sentence,) = ordering_sentences(few)
    assert "cannot be told from so few runs: uniform is better than normal: too few runs to tell (n = 3" in sentence
    assert "no corrected p below 0.05 is possible with so few" in ordering_grid(few, ()).caption
    assert all(math.isfinite(s.p_holm) for one in few for s in one.statements)
