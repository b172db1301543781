"""The paired comparison as text."""

import csv
import io

import numpy as np
import pytest

from lightning_imb.reports.blocks import Blocks
from lightning_imb.reports.grid import to_markdown
from lightning_imb.reports.latex import to_latex
from lightning_imb.reports.paired import compare_pairs
from lightning_imb.reports.paired_tables import pairs_csv, pairs_grid, ranks_grid
from lightning_imb.reports.ranks import rank_test

PROTOCOL = "holdout, best epoch on validation"


def blocks(scores, metric="test/bacc", keys=None, repeats=(1, 1), selected_on_test=False):
    scores = np.array(scores, dtype=float)
    levels = ("eos", "erm", "smote", "random")[: scores.shape[1]]
    keys = keys or {"seed": len(scores)}
    return Blocks(metric, ("method",), levels, keys, scores, repeats, (PROTOCOL,), selected_on_test)


def grid(given, kind="t"):
    return pairs_grid(compare_pairs(given, kind=kind), given)


STEADY = [[0.7 + i / 100, 0.5, 0.6 + i / 50] for i in range(8)]


def test_a_line_per_pair():
    found = grid(blocks([[0.6, 0.5], [0.7, 0.5], [0.8, 0.5]]))
    assert found.header[:6] == ("first", "second", "blocks", "median", "mean", "95% interval (t)")
    assert found.header[6:] == ("effect", "p", "p (Holm)")
    assert found.rows == (("eos", "erm", "3", "+0.200", "+0.200", "[-0.048, +0.448]", "+1.00", "0.25", "0.25"),)


@pytest.mark.parametrize(
    ("kind", "said", "unsaid"),
    [
        ("t", ["Student's t, from 2 blocks on"], ["BCa", "too narrow"]),
        (
            "bootstrap",
            ["BCa bootstrap of 9999 draws, from 5 blocks on", "too narrow with few", "84 % of cases with 5 blocks"],
            ["Student"],
        ),
    ],
)
@pytest.mark.parametrize("form", [to_markdown, to_latex])
def test_every_table_says_how_its_intervals_were_made(kind, said, unsaid, form):
    text = form(grid(blocks(STEADY), kind)).replace(r"\%", "%")
    assert f"95% interval ({kind})" in text
    for words in said:
        assert words in text
    for words in unsaid:
        assert words not in text


def test_a_bootstrap_of_few_blocks_shows_a_dash():
    assert grid(blocks(STEADY[:4]), "bootstrap").rows[0][5] == "–"


def test_significant_pairs_are_stressed():
    close = [[eos, erm, eos + (-1) ** i * (i + 1) / 1000] for i, (eos, erm, _) in enumerate(STEADY)]
    found = grid(blocks(close))
    significant = {i for i, row in enumerate(found.rows) if float(row[8]) < 0.05}
    assert {i for i, _ in found.bold} == significant == {0, 2}


def test_pairs_that_never_meet_show_dashes():
    found = grid(blocks([[0.6, 0.5, np.nan], [0.7, np.nan, 0.4]]))
    assert found.rows[2] == ("erm", "smote", "0", *["–"] * 6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (blocks(STEADY), ["test set", f"protocol: {PROTOCOL}", "8 blocks, told apart by seed (8)", "Pratt"]),
        (blocks(STEADY), ["Holm's correction over 3 pairs", "no p below 2/2^8 = 0.00781", "below 0.0234 after"]),
        (blocks(STEADY), ["seeds of one data split share its images"]),
        (blocks([*STEADY, [0.5, 0.5, np.nan]]), ["9 blocks", "1 of them not complete"]),
        (blocks(STEADY, keys={"dataset": 4, "imbalance.ratio": 2}), ["told apart by dataset (4) and imbalance.ratio"]),
        (blocks(STEADY, repeats=(2, 3)), ["each score the mean over 2 to 3 seeds that all compared"]),
        (blocks(STEADY, metric="val/bacc"), ["validation set"]),
    ],
)
def test_the_caption_says_what_the_numbers_rest_on(given, words):
    caption = grid(given).caption
    for word in words:
        assert word in caption


def test_the_floor_counts_differences_other_than_zero():
    tied = [[0.5, 0.5]] * 16 + [[0.5 + i / 100, 0.5] for i in range(1, 5)]
    assert "with 4 differences other than zero no p below 2/2^4 = 0.125" in grid(blocks(tied)).caption


def test_holm_has_no_floor_where_pairs_have_different_numbers_of_differences():
    uneven = [[0.7, 0.5, 0.7 if i < 3 else 0.6] for i in range(8)]  # 8, 5 and 8 differences
    caption = grid(blocks(uneven)).caption
    assert "no p below 2/2^5" in caption
    assert "after the correction" not in caption


def test_what_is_not_so_is_not_said():
    many = grid(blocks(np.random.default_rng(0).random((12, 2)), keys={"dataset": 12})).caption
    for word in ("no p below", "Holm", "share its images", "not complete", "mean over"):
        assert word not in many


def test_a_choice_on_the_test_set_is_said_loudly():
    assert "TEST" in grid(blocks(STEADY, selected_on_test=True)).warning
    assert grid(blocks(STEADY)).warning == ""


def test_of_a_loss_the_title_says_that_lower_is_better():
    assert grid(blocks(STEADY, metric="test/loss")).title.endswith("lower is better")
    assert "lower" not in grid(blocks(STEADY)).title


def test_ranks_have_the_best_first_and_the_tests_below():
    given = blocks(STEADY)
    found = ranks_grid(rank_test(given), given)
    assert [row[0] for row in found.rows] == ["eos", "smote", "erm"]
    assert [row[1:] for row in found.rows][2] == ("3.00", "0.500")
    for word in ("Friedman: χ²(2) =", "Iman and Davenport: F(2, 14)", "CD = 1.17", "below 10 blocks"):
        assert word in found.caption


def test_ranks_say_what_they_rest_on_as_pairs_do():
    given = blocks(STEADY, selected_on_test=True)
    found = ranks_grid(rank_test(given), given)
    for word in ("test set", f"protocol: {PROTOCOL}", "told apart by seed (8)", "seeds of one data split share"):
        assert word in found.caption
    assert found.warning == grid(given).warning != ""


def test_ranks_that_do_not_differ_are_not_to_be_looked_at_in_pairs():
    given = blocks(np.random.default_rng(3).random((20, 3)))
    test = rank_test(given)
    assert test.p_f > 0.05
    caption = ranks_grid(test, given).caption
    assert "no pair may be called different" in caption
    assert "rough" not in caption


def test_csv_has_full_precision_and_empty_fields():
    given = blocks([[1 / 3, 0.0], [2 / 3, 0.0]])
    (line,) = csv.DictReader(io.StringIO(pairs_csv(compare_pairs(given), given)))
    assert float(line["mean"]) == pytest.approx(0.5, abs=1e-12)
    assert (line["first"], line["second"], line["blocks"], line["protocol"]) == ("eos", "erm", "2", PROTOCOL)
    reach = 12.706 / 6  # half of 1/3 by t(0.975, 1)
    assert (float(line["low"]), float(line["high"])) == pytest.approx((0.5 - reach, 0.5 + reach), abs=1e-3)
    assert (line["p"], line["interval"]) == ("0.5", "t")
    (line,) = csv.DictReader(io.StringIO(pairs_csv(compare_pairs(given, kind="bootstrap"), given)))
    assert (line["low"], line["high"], line["interval"]) == ("", "", "bootstrap")
