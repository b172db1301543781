"""The generalization gap of finished runs."""

import math

import numpy as np
import pandas as pd
import pytest
from helpers.arrays_subject import ArraysSubject

from lightning_imb.analysis.gap import range_gap
from lightning_imb.resampling import EOS
from lightning_imb.studies.gap import Gap
from lightning_imb.utils.errors import InputError

STUDY = Gap(repetitions=5, seed=0, false_positives=False)


@pytest.fixture(scope="module")
def eos():
    return ArraysSubject(counts=(130, 60, 8), resampler=EOS(k=20, random_state=0))


@pytest.fixture(scope="module")
def found(eos):
    return STUDY.look(eos)


def test_before_are_real_rows_and_after_the_balanced_set(eos, found):
    table = found.tables["classes"].set_index(["stage", "class"])
    test = eos.embeddings("test")
    for c, name in enumerate(eos.class_names):
        there = test[eos.labels("test") == c]
        real, balanced = eos.embeddings("train")[eos.labels("train") == c], eos.balanced.z[eos.balanced.y == c]
        assert table.loc[("before", name), "gap"] == pytest.approx(range_gap(real, there))
        assert table.loc[("after", name), "gap"] == pytest.approx(range_gap(balanced, there))
        assert table.loc[("after", name), "train_rows"] == 130
        assert table.loc[("after", name), "n_train"] == eos.train_counts[c]


def test_balanced_accuracy_of_the_model_stands_beside_every_gap(eos, found):
    for stage in eos.stages:
        right = eos.predicted("test", stage) == eos.labels("test")
        bacc = np.mean([right[eos.labels("test") == c].mean() for c in range(3)])
        assert found.numbers[f"{stage}/bacc"] == pytest.approx(bacc)
        for table in (found.tables["classes"], found.tables["groups"].query("group == 'all'")):
            assert np.allclose(table.loc[table["stage"] == stage, "bacc"], bacc)
        assert any(
            f"BAC {bacc:.3f}" in text.get_text() for text in found.figures["gap"].axes[0].get_legend().get_texts()
        )


def test_means_over_all_classes_and_over_groups(found):
    table = found.tables["classes"].query("stage == 'before'")
    assert table["group"].tolist() == ["many", "medium", "few"]
    assert found.numbers["before/gap"] == pytest.approx(table["gap"].mean())
    assert found.numbers["before/few/gap"] == pytest.approx(table["gap"].iloc[2])
    assert found.numbers["before/few/bacc"] == pytest.approx(table["recall"].iloc[2])
    assert found.numbers["before/rank_correlation"] == -1


def test_eos_narrows_the_gap(found):
    assert found.numbers["after/gap"] < found.numbers["before/gap"]


def test_without_phase_2_the_training_rows_stay_real():
    subject = ArraysSubject(stages=("after",))
    found = STUDY.look(subject)
    assert found.tables["classes"]["train_rows"].tolist() == subject.train_counts
    assert {name.split("/")[0] for name in found.numbers} == {"after"}
    assert "synthetic" not in found.captions["gap"]


def test_each_stage_has_its_own_extractor():
    """Test rows moved along with the training rows leave the gap; a head that does not follow answers otherwise."""
    still, moved = (STUDY.look(ArraysSubject(moved=moved)).numbers for moved in (0.0, 5.0))
    assert moved["before/gap"] == pytest.approx(still["before/gap"], rel=1e-4)
    assert moved["before/bacc"] != still["before/bacc"]


def test_what_has_no_rows_is_empty_and_said():
    subject = ArraysSubject()
    subject.predicted = lambda split, stage="after": np.zeros(len(subject.labels(split)), dtype=np.int64)
    found = STUDY.look(subject)
    table = found.tables["classes"]
    assert table["gap_tp"].notna().tolist() == [True, False, False] * 2
    assert any("true positives (before)" in text and "class 1, class 2" in text for text in found.remarks)
    assert math.isfinite(found.numbers["before/gap_tp"])


def test_false_positives_on_request():
    found = Gap(repetitions=2, seed=0, false_positives=True).look(ArraysSubject())
    assert "gap_fp" in found.tables["classes"]
    assert "after/gap_fp" in found.numbers


def test_runs_are_compared_by_gap_and_balanced_accuracy():
    subjects = [ArraysSubject(row=name, seed=seed) for name in ("erm", "eos") for seed in (0, 1)]
    compared = STUDY.compare(subjects, [STUDY.look(subject) for subject in subjects])
    table = compared.tables["runs"]
    assert list(dict.fromkeys(table["line"])) == ["erm", "eos"]
    assert table.groupby("number")["run"].unique().str[0].tolist() == [subject.label for subject in subjects]
    assert {"gap", "matched", "null", "bacc"} <= set(table)
    assert compared.remarks == ()


def test_runs_of_one_name_stay_apart():
    subjects = [ArraysSubject(stages=("after",), per_test=rows) for rows in (20, 30)]
    compared = STUDY.compare(subjects, [STUDY.look(subject) for subject in subjects])
    assert compared.tables["runs"]["number"].drop_duplicates().tolist() == [1, 2]
    assert all(len(line.get_xdata()) < 2 for line in compared.figures["runs"].axes[0].lines)


def test_more_lines_than_colours_are_in_the_table_only():
    subjects = [ArraysSubject(row=f"k={k}") for k in range(10)]
    found = STUDY.look(subjects[0])
    compared = STUDY.compare(subjects, [found] * 10)
    assert compared.tables["runs"]["line"].nunique() == 10
    assert "8 of 10" in compared.remarks[0]
    assert isinstance(compared.tables["runs"], pd.DataFrame)


@pytest.mark.parametrize("changes", [{"repetitions": 0}, {"seed": -1}, {"false_positives": "no"}])
def test_impossible_settings_are_refused(changes):
    with pytest.raises(InputError):
        Gap(**{"repetitions": 5, "seed": 0, "false_positives": False} | changes)
