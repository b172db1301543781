"""Tables of kept results: rows, verdicts, differences with intervals."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kept import HITS, STUDY, write
from scipy import stats

from lightning_imb.reports.collect import collect
from lightning_imb.reports.kept.contrast import difference
from lightning_imb.reports.kept.keep import keep
from lightning_imb.reports.kept.parts import study_markdown
from lightning_imb.reports.kept.relation import correlation
from lightning_imb.reports.kept.study import Relation, read_study
from lightning_imb.reports.kept.table import contrast_grid, relation_grid, results_grid
from lightning_imb.utils.errors import InputError


def test_every_row_that_shall_be_there_is_there(digits_study):
    grid = results_grid(read_study(digits_study))
    assert grid.warning == ""
    assert grid.header == ("", "n", "bacc", "last epoch", "published", "within ± 1.5", "source", "overrides")
    assert grid.rows[0] == ("CE", "3", "56.67 ± 2.89", "–", "60 to 62", "no, -3.3", "a paper", "`method=erm`")
    assert grid.rows[1][:3] == ("EOS", "3", "75.00 ± 0.00")
    assert grid.rows[2] == ("SMOTE", "–", "–", "–", "70 to 80", "–", "", "")
    assert results_grid(replace(read_study(digits_study), seeds=4)).rows[0][5] == "no, -3.3 (n=3)"
    assert grid.rows[3][4:6] == ("–", "–")
    assert "| :-- | --: | --: | --: | --: | --: | :-- | :-- |" in study_markdown(read_study(digits_study))
    for words in (
        "What it is.",
        "6 runs, 0.0 hours,",
        "1 thread of AMD EPYC, no GPU",
        "torch 2.15.0",
        "6 of 12 runs are",
    ):
        assert words in grid.caption
    assert grid.warning == ""


@pytest.mark.parametrize(
    ("published", "verdict"),
    [([75, 75], "yes"), ([76.4, 80], "yes"), ([60, 73.5], "yes"), ([76.6, 80], "no, -1.6"), ([60, 73], "no, +2.0")],
)
def test_the_verdict_allows_the_tolerance_beyond_the_range(digits_study, published, verdict):
    rows = [{"label": "EOS", "where": {"method": "eos"}, "published": published}, STUDY["rows"][0]]
    write(digits_study, STUDY | {"rows": rows, "contrasts": []})
    assert results_grid(read_study(digits_study)).rows[0][5] == verdict


def test_a_choice_on_the_test_set_is_called_so(make_whole_run, sweep, tmp_path):
    make_whole_run("erm/0", selected_on="test", protocol="paper, best epoch on TEST")
    keep(collect(sweep), ["method"], tmp_path / "x")
    write(tmp_path / "x", STUDY | {"contrasts": []})
    text = study_markdown(read_study(tmp_path / "x"))
    assert "chosen on the TEST set" in text
    assert "paper, best epoch on TEST" in text


def test_differences_are_paired_by_seed_and_by_image(digits_study):
    study = read_study(digits_study)
    found = difference(study.find({"method": "eos"}), study.find({"method": "erm"}), "test/bacc")
    each = np.array([0.15, 0.2, 0.2])
    assert found.by_seed == pytest.approx(each)
    reach = stats.t.ppf(0.975, 2) * each.std(ddof=1) / np.sqrt(3)
    assert found.over_seeds == pytest.approx((each.mean() - reach, each.mean() + reach))
    won = np.zeros((2, 10))
    for erm, eos in zip(HITS["erm"], HITS["eos"], strict=True):
        for k in range(2):
            won[k] += (np.arange(10) < eos[k]) * 1.0 - (np.arange(10) < erm[k]) * 1.0
    gains = won / 3
    error = np.sqrt(sum(of_class.var(ddof=1) / 10 for of_class in gains)) / 2
    assert found.over_images == pytest.approx((found.mean - 1.959964 * error, found.mean + 1.959964 * error), abs=1e-6)
    assert gains.mean() == pytest.approx(found.mean)


def test_a_difference_of_one_seed_has_no_interval_over_seeds(digits_study, make_whole_run, sweep):
    make_whole_run("smote/1", method="smote", seed=1)
    keep(collect(sweep), ["method"], digits_study)
    study = read_study(digits_study)
    found = difference(study.find({"method": "smote"}), study.find({"method": "erm"}), "test/bacc")
    assert (len(found.by_seed), found.over_seeds) == (1, None)
    row = contrast_grid(study).rows[1]
    assert row[1] == "1"
    assert row[3] == "–"
    assert " to " in row[4]


def test_a_difference_to_a_row_that_is_not_there_is_left_out(digits_study):
    assert [row[0] for row in contrast_grid(read_study(digits_study)).rows] == ["EOS - CE"]
    write(digits_study, STUDY | {"contrasts": STUDY["contrasts"][1:]})
    assert "Digits: differences" not in study_markdown(read_study(digits_study))


def test_a_difference_may_be_of_another_score(digits_study, make_whole_run, sweep):
    for method, values in (("erm", (0.3, 0.2)), ("eos", (0.1, 0.1))):
        for seed, ece in enumerate(values):
            make_whole_run(f"{method}/{seed}", method=method, seed=seed, test__ece=ece)
    keep(collect(sweep), ["method"], digits_study)
    write(digits_study, STUDY | {"contrasts": [STUDY["contrasts"][0] | {"score": "test/ece"}]})
    row = contrast_grid(read_study(digits_study)).rows[0]
    reach = 100 * stats.t.ppf(0.975, 1) * 0.05
    assert row == ("EOS - CE", "2", "-15.00", f"{-15 - reach:+.2f} to {-15 + reach:+.2f}", "–")


@pytest.mark.parametrize(("score", "weights"), [("test/recall/c1", {1: 1.0}), ("test/top1", {0: 0.5, 1: 0.5})])
def test_recalls_and_accuracy_have_an_interval_over_images(digits_study, make_whole_run, sweep, score, weights):
    for method, found in HITS.items():
        for seed, right in enumerate(found):
            rates = {"test__recall": [n / 10 for n in right], "test__top1": sum(right) / 20}
            make_whole_run(f"{method}/{seed}", method=method, seed=seed, right=right, **rates)
    keep(collect(sweep), ["method"], digits_study)
    study = read_study(digits_study)
    found = difference(study.find({"method": "eos"}), study.find({"method": "erm"}), score)
    pairs = list(zip(HITS["erm"], HITS["eos"], strict=True))
    gains = {
        k: np.mean([(np.arange(10) < b[k]) * 1.0 - (np.arange(10) < a[k]) for a, b in pairs], axis=0) for k in weights
    }
    error = np.sqrt(sum(weight**2 * gains[k].var(ddof=1) / 10 for k, weight in weights.items()))
    assert found.mean == pytest.approx(sum(weight * gains[k].mean() for k, weight in weights.items()))
    assert found.over_images == pytest.approx((found.mean - 1.959964 * error, found.mean + 1.959964 * error), abs=1e-6)


def test_results_on_other_data_are_not_subtracted(digits_study, make_whole_run, sweep):
    run = make_whole_run("smote/1", method="smote", seed=1)
    run.write_data(run.read_data() | {"fingerprint": "other"})
    keep(collect(sweep), ["method"], digits_study)
    with pytest.raises(InputError, match="different data"):
        contrast_grid(read_study(digits_study))


@pytest.mark.parametrize("changes", [{"protocol": "paper, last epoch"}, {"counts": (40, 5)}])
def test_results_of_other_terms_do_not_stand_in_one_table(digits_study, make_whole_run, sweep, changes):
    make_whole_run("smote/1", method="smote", seed=1, **changes)
    keep([record for record in collect(sweep) if record.find("method") == "smote"], ["method"], digits_study)
    with pytest.raises(InputError, match="different data or protocols"):
        read_study(digits_study)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": ""}, "lacks title"),
        ({"colour": 1}, "unknown key colour"),
        ({"rows": STUDY["rows"][1:], "contrasts": []}, r"method=erm\.json is in no row"),
        ({"rows": [{"label": "x"}]}, "where"),
        ({"rows": [{"label": "x", "where": {}, "hue": 1}]}, "hue"),
        ({"rows": [{"label": "x", "where": {}}]}, "means"),
        ({"rows": [{"label": "x", "where": {"method": "erm"}, "published": [3, 1]}]}, "no range"),
        ({"contrasts": [{"label": "x"}]}, "better"),
        ({"contrasts": [STUDY["contrasts"][0] | {"than": {"method": "ermm"}}]}, "where of no row"),
        ({"columns": {"bacc": "test/bac"}}, "no kept run has the score test/bac:"),
        ({"columns": ["test/bacc"]}, "malformed"),
        ({"seeds": "x"}, "malformed"),
        ({"control": {"method": "erm"}}, "belong together"),
        ({"gains": {"bacc": "test/bacc"}}, "belong together"),
        ({"control": {"method": "ermm"}, "gains": {"bacc": "test/bacc"}}, "the where of a row"),
        ({"control": {"method": "erm"}, "gains": {"bacc": "test/bac"}}, "no kept run has the score test/bac"),
        ({"rows": ["a"]}, "malformed"),
        ({"rows": [{"label": "x", "where": {"method": "erm"}, "published": 72}]}, "malformed"),
        ({"rows": [{"label": "x", "where": None}]}, "malformed"),
    ],
)
def test_a_wrong_study_is_refused(digits_study, changes, words):
    write(digits_study, STUDY | changes)
    with pytest.raises(InputError, match=words):
        read_study(digits_study)


@pytest.mark.parametrize("text", ["- a list", "a: [", ""])
def test_a_study_that_is_no_mapping_is_refused(tmp_path, text):
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(InputError, match=r"study\.yaml"):
        read_study(tmp_path)


@pytest.fixture
def related(make_whole_run, sweep, tmp_path):
    """Seven rows, of which the last has another family, and how their scores go with their loss."""
    digits_study, methods = tmp_path / "related", [f"m{i}" for i in range(7)]
    for i, (method, loss) in enumerate(zip(methods, (0.1, 0.3, 0.2, 0.5, 0.4, 0.6, 0.0), strict=True)):
        family = {"family": "a" if i < 6 else "b"}.items()
        make_whole_run(f"{method}/0", method=method, right=(i, i), test__loss=loss, test__constant=1.0, settings=family)
    keep(collect(sweep), ["method", "family"], digits_study)
    rows = [{"label": method, "where": {"method": method}} for method in methods]
    relation = {"label": "loss and bacc", "x": "test/loss", "y": "test/bacc"}
    write(
        digits_study,
        STUDY | {"rows": rows, "contrasts": [], "relations": [relation, relation | {"among": {"family": "a"}}]},
    )
    return read_study(digits_study)


def test_what_goes_together_is_ranked_over_rows(related):
    everything, some = (correlation(related, relation) for relation in related.relations)
    assert (everything.rows, some.rows) == (7, 6)
    ranks = np.array([1, 3, 2, 5, 4, 6])
    assert some.rho == pytest.approx(1 - 6 * ((ranks - np.arange(1, 7)) ** 2).sum() / (6 * 35))
    reach = 1.959964 * np.sqrt((1 + some.rho**2 / 2) / 3)
    assert some.interval == pytest.approx(tuple(np.tanh(np.arctanh(some.rho) + np.array([-reach, reach]))), abs=1e-6)
    assert relation_grid(related).rows[1][:3] == ("loss and bacc", "6", "+0.89")


@pytest.mark.parametrize("y", ["test/none", "test/constant"])
def test_nothing_is_said_of_too_few_rows_or_a_number_that_never_changes(related, y):
    assert correlation(related, Relation("x", "test/loss", y, {})) is None


def test_a_perfect_order_has_no_interval(related):
    found = correlation(related, Relation("x", "test/loss", "test/loss", {}))
    assert (found.rho, found.interval) == (1.0, None)
