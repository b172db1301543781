"""Maps of the embeddings of finished runs."""

import math

import numpy as np
import pytest
from helpers.arrays_subject import ArraysSubject

from lightning_imb.analysis.embedding_map import most_confused
from lightning_imb.resampling import EOS
from lightning_imb.studies.embedding_map import EmbeddingMap
from lightning_imb.studies.map_points import gather
from lightning_imb.utils.errors import InputError

SETTINGS = {
    "classes": "auto",
    "n_classes": 2,
    "max_points": 12,
    "method": "pca",
    "perplexity": 5.0,
    "neighbors": 3,
    "reach": 0.1,
    "cells": 20,
    "seed": 0,
}


def study(**changes):
    return EmbeddingMap(**SETTINGS | changes)


@pytest.fixture(scope="module")
def eos():
    return ArraysSubject(counts=(40, 20, 8, 5), resampler=EOS(k=20, random_state=0))


@pytest.fixture(scope="module")
def found(eos):
    return study(classes=["class 0", "class 2"]).look(eos)


def test_points_of_all_kinds_up_to_the_limit(eos, found):
    table = found.tables["points"]
    sizes = table.groupby(["kind", "class"]).size()
    assert sizes["train"].tolist() == [12, 8]
    assert sizes["test"].tolist() == [12, 12]
    assert sizes["synthetic"].to_dict() == {"class 2": 12}
    for kind, labels in (("train", eos.labels("train")), ("test", eos.labels("test")), ("synthetic", eos.balanced.y)):
        rows = table[table["kind"] == kind]
        assert [eos.class_names[c] for c in labels[rows["row"]]] == rows["class"].tolist()
    assert (table.loc[table["kind"] == "synthetic", "row"] >= eos.balanced.n_real).all()


def test_answers_are_those_of_each_stage_among_all_classes(eos, found):
    table = found.tables["points"]
    for stage in eos.stages:
        test = table[table["kind"] == "test"]
        assert [eos.class_names[c] for c in eos.predicted("test", stage)[test["row"]]] == test[
            f"answer_{stage}"
        ].tolist()
        made = table[table["kind"] == "synthetic"]
        answers = eos.classify(eos.balanced.z[made["row"]], stage).argmax(axis=1)
        assert [eos.class_names[c] for c in answers] == made[f"answer_{stage}"].tolist()
        assert found.numbers[f"{stage}/recall"] == (test[f"answer_{stage}"] == test["class"]).mean()
        assert found.numbers[f"{stage}/synthetic_own"] == (made[f"answer_{stage}"] == made["class"]).mean()
        assert 0 <= found.numbers[f"{stage}/faithful"] <= 1
        assert f"{found.numbers[f'{stage}/faithful']:.0%}" in found.captions["map"]


def test_auto_takes_the_classes_confused_before(eos):
    expected = most_confused(eos.labels("test"), eos.predicted("test", "before"), 4, 3)
    shown = study(n_classes=3).look(eos).tables["points"]["class"].unique()
    assert sorted(shown) == [eos.class_names[c] for c in expected]
    few = ArraysSubject(counts=(9, 5))
    assert few.num_classes == len(study(n_classes=4).look(few).tables["points"]["class"].unique())


def test_a_new_extractor_leaves_synthetic_points_without_an_answer_of_the_old_head():
    subject = ArraysSubject(resampler=EOS(k=20, random_state=0), moved=1.0)
    found = study(classes=["class 1", "class 2"]).look(subject)
    made = found.tables["points"].query("kind == 'synthetic'")
    assert (made["answer_before"] == "").all()
    assert (made["answer_after"] != "").all()
    assert math.isnan(found.numbers["before/synthetic_own"])
    assert "before" in found.remarks[0]


def test_without_synthetic_points_there_is_one_remark():
    found = study().look(ArraysSubject(stages=("after",)))
    assert len(found.figures["map"].axes) == 1
    assert "no synthetic points" in found.remarks[0]


def test_the_same_seed_draws_the_same_points(eos):
    first, second, third = (gather(eos, [0, 2], 5, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.row, second.row)
    assert not np.array_equal(first.row, third.row)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "isomap"},
        {"n_classes": 1},
        {"n_classes": 9},
        {"max_points": 1},
        {"neighbors": 0},
        {"reach": 0},
        {"cells": 1},
        {"seed": -1},
        {"classes": ["class 0"]},
        {"classes": ["class 0", "class 0"]},
        {"classes": "class 0"},
        {"classes": list("abcdef")},
    ],
)
def test_impossible_settings_are_refused(changes):
    with pytest.raises(InputError, match=next(iter(changes))):
        study(**changes)


def test_classes_that_the_run_has_not_are_refused(eos):
    with pytest.raises(InputError, match="'cat'"):
        study(classes=["class 0", "cat"]).look(eos)
