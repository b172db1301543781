"""What every row of a study has over its control."""

import pytest
from helpers.kept import HITS, STUDY, write

from lightning_imb.reports.collect import collect
from lightning_imb.reports.kept.contrast import Difference, difference
from lightning_imb.reports.kept.documents import renewed
from lightning_imb.reports.kept.gains import gains_grid
from lightning_imb.reports.kept.keep import keep
from lightning_imb.reports.kept.parts import study_grids
from lightning_imb.reports.kept.study import read_study

AGAINST = {"control": {"method": "erm"}, "gains": {"bacc": "test/bacc", "recall of c1": "test/recall/c1"}}


@pytest.fixture
def with_recalls(digits_study, make_whole_run, sweep):
    """The study of CE and EOS with recalls, and one run of SMOTE that has none."""
    for method, found in HITS.items():
        for seed, right in enumerate(found):
            rates = {"test__recall": [n / 10 for n in right]}
            make_whole_run(f"{method}/{seed}", method=method, seed=seed, right=right, **rates)
    make_whole_run("smote/1", method="smote", seed=1)
    keep(collect(sweep), ["method"], digits_study)
    write(digits_study, STUDY | AGAINST)
    return digits_study


def test_every_row_that_was_measured_has_its_difference_from_the_control(with_recalls):
    study = read_study(with_recalls)
    grid = gains_grid(study)
    assert grid.title == "Digits: what each row has over CE, with 95% intervals over seeds"
    assert grid.header == ("", "bacc", "recall of c1")
    assert [row[0] for row in grid.rows] == ["EOS", "SMOTE"]
    for column, score in enumerate(AGAINST["gains"].values(), start=1):
        found = difference(study.find({"method": "eos"}), study.find({"method": "erm"}), score)
        low, high = found.over_seeds
        assert grid.rows[0][column] == f"{100 * found.mean:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
        assert ((0, column) in grid.bold) == found.clear
    assert grid.rows[1][1].endswith(" (n=1)")
    assert "of these 2 intervals" in grid.caption


def test_gains_stand_between_scores_and_differences(with_recalls):
    titles = [grid.title for grid in study_grids(read_study(with_recalls))]
    assert ["over CE" in title for title in titles] == [False, True, False]
    mark = f"<!-- results: {with_recalls.name}:gains -->"
    document = renewed(f"{mark}\n\n<!-- results: end -->\n", with_recalls.parent)
    assert "**+18.33 (" in document
    assert "differences" not in document


def test_without_a_control_there_are_no_gains(digits_study):
    assert gains_grid(read_study(digits_study)).rows == ()


@pytest.mark.parametrize(
    ("over_seeds", "over_images", "clear"),
    [
        ((0.1, 0.3), (0.05, 0.2), True),
        ((-0.3, -0.1), None, True),
        ((0.1, 0.3), (-0.05, 0.2), False),
        ((-0.1, 0.3), (0.05, 0.2), False),
        ((0.0, 0.0), (0.1, 0.2), False),
        (None, (0.05, 0.2), False),
    ],
)
def test_what_is_told_from_0(over_seeds, over_images, clear):
    assert Difference((0.1, 0.2), over_seeds, over_images).clear is clear
