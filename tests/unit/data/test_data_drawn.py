import numpy as np
import pytest

from lightning_imb.data.drawn import Draws
from lightning_imb.data.laws import Normal
from lightning_imb.utils.errors import InputError


def draws(law=None, data_seed=0, test_seed=0):
    return Draws(law, [1, 10], data_seed, test_seed)


def targets(split, **settings):
    return draws(**settings).of(split, 50, "size").targets()


def test_the_test_targets_know_neither_law_nor_data_seed():
    shared = targets("test")
    assert (targets("test", law=Normal(5.5, 1, None), data_seed=7) == shared).all()
    assert (targets("test", test_seed=1) != shared).all()
    assert ((shared >= 1) & (shared <= 10)).all()


def test_splits_and_seeds_draw_different_targets():
    drawn = [targets(split, data_seed=seed) for split in ("train", "val") for seed in (0, 1)] + [targets("test")]
    assert len({tuple(values) for values in drawn}) == 5


def test_without_a_law_training_targets_are_drawn_as_those_of_the_test():
    assert draws().of("train", 5, "size").law.low == 1
    law = Normal(5.5, 1, None)
    assert draws(law).of("val", 5, "size").law is law


def test_other_random_numbers_do_not_depend_on_the_law():
    one, other = (draws(law).of("train", 9, "size") for law in (None, Normal(5.5, 1, None)))
    assert (one.random(1).random(9) == other.random(1).random(9)).all()
    assert (one.random(0).random(9) != one.random(1).random(9)).all()


@pytest.mark.parametrize(
    ("settings", "size", "message"),
    [
        ({}, 0, r"dataset.train_size is 0; give a whole number >= 1"),
        ({}, 1.5, r"dataset.train_size is 1.5"),
        ({}, True, r"dataset.train_size is True"),
        ({"data_seed": -1}, 5, r"dataset.data_seed is -1; give a whole number >= 0"),
    ],
)
def test_sizes_and_seeds_are_whole_numbers(settings, size, message):
    with pytest.raises(InputError, match=message):
        draws(**settings).of("train", size, "dataset.train_size")


def test_a_bad_test_seed_is_refused():
    with pytest.raises(InputError, match=r"dataset.test_seed is None"):
        draws(test_seed=None).of("test", 5, "dataset.test_size")


def test_streams_of_numpy_are_those_of_the_key():
    drawn = draws(data_seed=3).of("val", 4, "size").random(1).random(4)
    assert (drawn == np.random.default_rng((3, 1, 1)).random(4)).all()
