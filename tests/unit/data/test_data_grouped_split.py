"""Splits that keep groups of images together."""

import numpy as np
import pytest

from lightning_imb.data.choice import training_rows
from lightning_imb.data.grouped_split import check_both_sides, grouped_rows
from lightning_imb.data.sources import FileSource
from lightning_imb.data.splits import Splits, hold_out_test, stratified_split
from lightning_imb.utils.errors import InputError


def problem(seed=0, images=300, largest=6):
    """Labels of three classes and groups of one to six images, most of one class, a few of two."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, largest + 1, images)
    groups = np.repeat(np.arange(images), sizes)[:images]
    labels = rng.choice(3, images, p=[0.6, 0.3, 0.1])[groups]
    labels[rng.random(images) < 0.02] = 2
    return labels, groups


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_parted_and_no_class_gets_more_than_wanted(seed):
    labels, groups = problem(seed)
    rest, held = stratified_split(labels, 0.2, seed, groups=groups)
    assert sorted([*rest, *held]) == list(range(len(labels)))
    assert not set(groups[rest]) & set(groups[held])
    wanted = np.round(np.bincount(labels) * 0.2)
    got = np.bincount(labels[held], minlength=3)
    assert (got <= wanted).all()
    assert (got >= wanted - 5).all()  # what is missing is less than the largest group


def test_groups_of_one_image_give_exactly_what_is_wanted():
    labels = np.repeat([0, 1], [50, 10])
    held = grouped_rows(labels, np.arange(60)[::-1], np.array([7, 3]), seed=3)
    assert np.bincount(labels[held]).tolist() == [7, 3]


def test_the_seed_decides():
    labels, groups = problem()
    splits = [stratified_split(labels, 0.2, seed, groups=groups)[1].tolist() for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


def test_what_a_group_is_called_does_not_matter():
    labels, groups = problem()
    wanted = np.array([20, 10, 3])
    renamed = grouped_rows(labels, groups * 7 + 100, wanted, seed=0)
    assert grouped_rows(labels, groups, wanted, seed=0).tolist() == renamed.tolist()


@pytest.mark.parametrize("size", [1, 0.05])
@pytest.mark.parametrize("seed", range(3))
def test_a_class_of_pairs_gives_one_pair_where_one_image_is_wanted(size, seed):
    labels = np.repeat([0, 1], 16)
    groups = np.concatenate([np.arange(16), 16 + np.arange(16) // 2])
    rest, held = stratified_split(labels, size, seed, groups=groups)
    assert np.bincount(labels[held]).tolist() == [1, 2]  # single images are as many as wanted
    assert not set(groups[rest]) & set(groups[held])


def test_only_the_smallest_group_is_taken_where_none_is_small_enough():
    labels, groups = np.zeros(12, np.int64), np.repeat([0, 1, 2], [5, 3, 4])
    for seed in range(6):
        assert np.unique(groups[stratified_split(labels, 2, seed, groups=groups)[1]]).tolist() == [1]
    assert grouped_rows(labels, groups, np.array([0]), seed=0).tolist() == []  # none wanted, none taken


def test_a_class_of_one_group_cannot_be_split():
    labels, groups = np.array([0] * 6 + [1] * 4), np.array([0, 1, 2, 3, 4, 5, 9, 9, 9, 9])
    sentence = (
        "all images of class rare belong to one group, .*test_size .*: add images of another group, or set dataset"
    )
    with pytest.raises(InputError, match=sentence):
        stratified_split(labels, 0.5, 0, ["many", "rare"], "dataset.test_size", groups)


def test_a_group_that_is_too_large_in_another_class_asks_for_a_larger_split():
    labels, groups = np.array([0] * 10 + [1] * 2), np.array([0] * 4 + [1] * 4 + [2, 3] + [0, 1])
    with pytest.raises(InputError, match=r"groups of class 1 are too large to hold out size .*: raise size"):
        stratified_split(labels, 1, 0, setting="size", groups=groups)
    assert len(stratified_split(labels, 0.5, 0, groups=groups)[1]) >= 5


def test_both_sides_are_checked():
    labels, groups = np.array([0, 0, 1, 1]), np.arange(4)
    check_both_sides(labels, groups, np.array([0, 2]), None, "size")
    for held in ([0], [0, 2, 3]):
        with pytest.raises(InputError, match="class 1"):
            check_both_sides(labels, groups, np.array(held), None, "size")


@pytest.fixture
def source(tmp_path):
    labels, groups = problem()
    return FileSource(tmp_path, [str(i) for i in range(len(labels))], labels, "abc", 8, 1, groups)


def test_test_and_validation_splits_keep_groups_together(source):
    train, test = hold_out_test(source, 0.2, 0)
    assert not set(train.groups) & set(test.groups)
    chosen, held = training_rows(Splits(train, None, test), list, "random", 0, 0.2, 0)
    assert not set(train.groups[chosen]) & set(train.groups[held])


def test_groups_belong_to_the_fingerprint(source, monkeypatch):
    monkeypatch.setattr(source.store, "stamp", lambda name: "same")
    before = source.fingerprint()
    source.groups = source.groups[::-1]
    assert source.fingerprint() != before
