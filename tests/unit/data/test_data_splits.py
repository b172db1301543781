import numpy as np
import pytest

from lightning_imb.data.sources import ArraySource
from lightning_imb.data.splits import check_classes, hold_out_test, stratified_split
from lightning_imb.utils.errors import InputError

COUNTS = [100, 37, 10, 4, 2]
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(5), COUNTS))


@pytest.mark.parametrize(
    ("size", "held"),
    [
        (0.1, [10, 4, 1, 1, 1]),
        (0.3, [30, 11, 3, 1, 1]),
        (0.5, [50, 18, 5, 2, 1]),
        (0.99, [99, 36, 9, 3, 1]),
        (1, [1, 1, 1, 1, 1]),
    ],
)
def test_every_class_gives_its_part(size, held):
    rest, chosen = stratified_split(LABELS, size, 0)
    assert np.bincount(LABELS[chosen]).tolist() == held
    assert sorted([*rest, *chosen]) == list(range(len(LABELS)))
    assert (np.diff(rest) > 0).all()
    assert (np.diff(chosen) > 0).all()


def test_split_is_a_function_of_the_seed():
    first, again, other = (stratified_split(LABELS, 0.2, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_split_of_one_class_ignores_the_others():
    longer = np.concatenate([LABELS, np.full(20, 4)])
    first, second = stratified_split(LABELS, 0.2, 0)[1], stratified_split(longer, 0.2, 0)[1]
    assert [i for i in first if LABELS[i] < 4] == [i for i in second if longer[i] < 4]


def test_absent_class_index_is_no_problem():
    _, held = stratified_split([0, 0, 2, 2], 1, 0)
    assert len(held) == 2


@pytest.mark.parametrize("size", [2, 4, 50])
def test_split_larger_than_a_class_names_class_count_and_cure(size):
    with pytest.raises(InputError, match=rf"protocol.val_size={size} asks for {size} of \d+ images of class e.*lower"):
        stratified_split(np.repeat(np.arange(5), [100, 90, 80, 70, 2]), size, 0, list("abcde"))


def test_class_of_one_image_cannot_be_split():
    with pytest.raises(InputError, match="of 1 images of class 1, but one must stay"):
        stratified_split([0, 0, 0, 1], 0.1, 0)


@pytest.mark.parametrize("size", [0, -1, 0.0, 1.0, 1.5, -0.1, True, float("nan")])
def test_bad_size_is_refused(size):
    with pytest.raises(InputError, match=r"protocol.val_size="):
        stratified_split(LABELS, size, 0)


def test_hold_out_test_splits_the_source_and_names_its_setting():
    images = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
    source = ArraySource(images, [0, 1] * 10, ["even", "odd"])
    train, test = hold_out_test(source, 0.2, 3)
    assert (np.bincount(train.labels).tolist(), np.bincount(test.labels).tolist()) == ([8, 8], [2, 2])
    values = [int(part.load(i)) for part in (train, test) for i in range(len(part))]
    assert sorted(values) == list(range(20))
    with pytest.raises(InputError, match=r"set dataset.test_size"):
        hold_out_test(source, None, 3)
    with pytest.raises(InputError, match=r"dataset.test_size=10 .* class even"):
        hold_out_test(source, 10, 3)


def test_missing_classes_are_named():
    check_classes([0, 1, 1, 2], [2, 0, 1], ["a", "b", "c"], "test")
    check_classes([0, 2], [0, 2], ["a", "b", "c"], "test")
    with pytest.raises(InputError, match="the val split has no image of class a, c"):
        check_classes([0, 1, 2], [1, 1], ["a", "b", "c"], "val")
