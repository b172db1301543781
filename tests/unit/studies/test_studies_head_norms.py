"""Weight norms of the heads of finished runs."""

import numpy as np
import pytest
from helpers.arrays_subject import ArraysSubject

from lightning_imb.studies.head_norms import HeadNormsStudy


def test_norms_of_both_stages_beside_the_class_size():
    subject = ArraysSubject(counts=(40, 20, 10, 5))
    found = HeadNormsStudy().look(subject)
    table = found.tables["classes"]
    for stage in ("before", "after"):
        norms = np.linalg.norm(subject.head(stage).weight, axis=1)
        assert np.allclose(table[f"norm_{stage}"], norms)
        assert found.numbers[f"{stage}/spread"] == pytest.approx(norms.max() / norms.min())
    assert table["n_train"].tolist() == [40, 20, 10, 5]
    assert found.remarks == ()


@pytest.mark.parametrize(("kind", "word"), [("cosine", "cosine"), ("experts", "one weight vector")])
def test_heads_without_norms_have_a_remark_for_each_stage(kind, word):
    found = HeadNormsStudy().look(ArraysSubject(kind=kind))
    assert len(found.remarks) == 2
    assert all(word in remark and "n/a" in remark for remark in found.remarks)
    assert (found.numbers, found.tables, found.figures) == ({}, {}, {})
