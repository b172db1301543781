"""Audits of the over-samplers of finished runs."""

import pytest
from helpers.arrays_subject import ArraysSubject
from imblearn.over_sampling import SMOTE, RandomOverSampler

from lightning_imb.resampling import EOS, ClassWise
from lightning_imb.studies.resampler_audit import ResamplerAudit
from lightning_imb.utils.errors import InputError

STUDY = ResamplerAudit(max_rows=1000, memory_mb=64, seed=0)


def test_eos_official_pairs_rows_with_others_than_enemies():
    subject = ArraysSubject(resampler=EOS(k=10, variant="official", random_state=0))
    found = STUDY.look(subject)
    table = found.tables["classes"].set_index("class")
    for entry in subject.balanced.report[1:]:
        row = table.loc[subject.class_names[entry["label"]]]
        assert [row[f"partners_{kind}"] for kind in entry["partners"]] == list(entry["partners"].values())
        assert (row["n"], row["generated"], row["eligible"]) == (entry["n"], entry["generated"], entry["eligible"])
    drawn = {kind: sum(e["partners"][kind] for e in subject.balanced.report[1:]) for kind in ("copy", "enemy")}
    assert found.numbers["partners/copy"] == pytest.approx(drawn["copy"] / 52)
    assert found.numbers["partners/enemy"] == pytest.approx(drawn["enemy"] / 52) != 1
    assert found.numbers["generated"] == 52
    assert found.numbers["copy"] >= found.numbers["partners/copy"]  # a partner that is the base makes a copy
    assert len(found.figures["audit"].axes) == 3


def test_a_class_without_bases_is_named():
    subject = ArraysSubject(resampler=EOS(k=1, random_state=0), noise=0.01)
    found = STUDY.look(subject)
    assert found.numbers["fallbacks"] == 2
    assert found.remarks == ("Fallback nearest_enemy: class 1, class 2.",)


def test_over_samplers_that_tell_nothing_are_judged_by_their_rows():
    found = STUDY.look(ArraysSubject(resampler=RandomOverSampler(random_state=0)))
    assert found.numbers == {"generated": 52, "copy": 1, "near_own": 0, "near_enemy": 0}
    assert "tells nothing" in found.remarks[0]
    assert len(found.figures["audit"].axes) == 2


def test_reports_of_other_over_samplers_are_kept():
    found = STUDY.look(ArraysSubject(counts=(40, 20, 1), resampler=ClassWise(SMOTE(), random_state=0)))
    table = found.tables["classes"]
    assert table["random"].tolist() == [0, 0, 39]  # a single row can only be copied
    assert found.numbers["fallbacks"] == 1
    assert found.remarks == ("Fallback random: class 2.",)
    assert "partners/copy" not in found.numbers


def test_runs_without_over_sampled_embeddings_have_a_remark_alone():
    found = STUDY.look(ArraysSubject())
    assert (found.numbers, found.tables, found.figures) == ({}, {}, {})
    assert found.remarks == ("Nothing over-samples embeddings in this run.",)


def test_images_over_sampled_as_well_are_said():
    found = STUDY.look(ArraysSubject(resampler=RandomOverSampler(random_state=0), images_too=True))
    assert (found.numbers, found.tables, found.figures) == ({}, {}, {})
    assert [text.startswith("The run also over-samples images") for text in found.remarks] == [True]


@pytest.mark.parametrize("changes", [{"max_rows": 0}, {"memory_mb": 0}, {"seed": -1}])
def test_impossible_settings_are_refused(changes):
    with pytest.raises(InputError, match=next(iter(changes))):
        ResamplerAudit(**{"max_rows": 9, "memory_mb": 64, "seed": 0} | changes)
