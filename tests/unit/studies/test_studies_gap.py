"""The generalization gap of finished runs."""

import math

import numpy as np
import pandas as pd
import pytest
from helpers.arrays_subject import ArraysSubject
from imblearn.over_sampling import RandomOverSampler

from lightning_imb.analysis.gap import range_gap
from lightning_imb.resampling import EOS
from lightning_imb.studies.gap import Gap
from lightning_imb.studies.kept import read_kept, write_kept
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


def undefined(found, stage):
    """Which gaps are defined for no class of a stage, in the table and in the numbers of all groups."""
    table = found.tables["classes"].query("stage == @stage")
    numbers = pd.Series({name: x for name, x in found.numbers.items() if name.startswith(f"{stage}/")})
    lost = numbers.isna().groupby(numbers.index.str.split("/").str[-1]).all()
    measured = table.columns[table.columns.get_loc("gap") :]
    return {name for name in measured if table[name].isna().all()}, set(lost.index[lost]) - {"rank_correlation"}


def test_yardsticks_are_left_out_where_training_rows_are_synthetic(eos, found):
    assert undefined(found, "before") == (set(), set())
    columns, numbers = undefined(found, "after")
    assert columns == {"matched", "matched_sd", "null", "null_sd", "excess"}
    assert numbers == {"matched", "null", "excess"}
    assert sum("192 training rows" in text and "excess" in text for text in found.remarks) == 1  # 3 * 130 - 198
    assert "synthetic" in found.captions["gap"]


def test_copies_are_no_excess():
    """They leave the gap, and would still push the excess of the small classes up."""
    copied = STUDY.look(ArraysSubject(resampler=RandomOverSampler(random_state=0))).numbers
    assert copied["after/gap"] == pytest.approx(copied["before/gap"])
    assert math.isnan(copied["after/excess"])
    assert math.isfinite(copied["before/excess"])


def test_a_balanced_set_without_synthetic_rows_keeps_its_yardsticks():
    found = STUDY.look(ArraysSubject(counts=(20, 20), resampler=RandomOverSampler(random_state=0)))
    assert undefined(found, "after") == (set(), set())
    assert not any("synthetic" in text for text in found.remarks)
    assert "synthetic" not in found.captions["gap"]


def test_images_over_sampled_as_well_are_said():
    found = STUDY.look(ArraysSubject(resampler=RandomOverSampler(random_state=0), images_too=True))
    assert sum("also over-samples images" in text for text in found.remarks) == 1
    assert undefined(found, "after") == (set(), set())


def test_marks_are_said_to_be_a_division_of_the_pooled_rows(found):
    caption = found.captions["gap"]
    assert "random division of the pooled rows" in caption
    assert "real shift widens it" in caption
    assert "class size alone" not in caption


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
    assert "not defined" not in compared.captions["runs"]


def test_runs_read_back_are_compared_where_a_gap_is_defined(eos, found, tmp_path):
    write_kept(tmp_path, STUDY, "key", found)
    read = read_kept(tmp_path, "key")
    assert undefined(read, "after") == undefined(found, "after")
    compared = STUDY.compare([eos, eos], [read, read])
    table = compared.tables["runs"].query("group == 'all'")
    assert table["matched"].notna().tolist() == [True, False] * 2
    assert "not defined where training rows are synthetic" in compared.captions["runs"]
    assert compared.figures["runs"].axes[1].get_xlabel().endswith("(where defined)")


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
