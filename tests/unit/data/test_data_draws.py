import numpy as np
import pytest

from lightning_imb.data.draws import draw_by_class, draw_in_cycles, instance, shuffled

TARGET = np.random.default_rng(0).permutation(np.repeat([0, 1, 3], [9000, 900, 100]))  # class 2 has no image
SHARES = [0.5, 0.2, 0.0, 0.3]


def numbers(seed=0):
    return np.random.default_rng(seed)


def classes_of(rows):
    return np.bincount(TARGET[rows], minlength=4)


def test_instance_sampling_is_a_permutation():
    assert np.array_equal(instance(TARGET, 3, numbers(5)), numbers(5).permutation(len(TARGET)))


@pytest.mark.parametrize("size", [1, 6, 7, 8, 30])
def test_shuffled_takes_every_row_before_one_comes_again(size):
    rows = shuffled(7, size, numbers())
    assert len(rows) == size
    times = np.bincount(rows, minlength=7)
    assert times.max() - times.min() <= 1
    assert all(len(set(rows[start : start + 7])) == len(rows[start : start + 7]) for start in range(0, size, 7))


@pytest.mark.parametrize("draw", [draw_by_class, draw_in_cycles])
@pytest.mark.parametrize("size", [1, 500, 20_000])
def test_as_many_rows_as_asked_for_and_the_same_for_the_same_random_numbers(draw, size):
    rows = draw(TARGET, SHARES, size, numbers())
    assert rows.shape == (size,)
    assert np.array_equal(rows, draw(TARGET, SHARES, size, numbers()))
    assert classes_of(rows)[2] == 0
    if size > 1:
        assert not np.array_equal(rows, draw(TARGET, SHARES, size, numbers(1)))


def test_independent_draws_spread_as_chance_does():
    rows = draw_by_class(TARGET, SHARES, 100_000, numbers())
    sigma = np.sqrt(100_000 * np.array(SHARES) * (1 - np.array(SHARES)))
    assert (np.abs(classes_of(rows) - 100_000 * np.array(SHARES)) <= 3 * sigma).all()
    times = np.bincount(rows, minlength=len(TARGET))[TARGET == 3]  # each of 100 images about 300 times
    assert np.abs(times - times.mean()).max() < 5 * np.sqrt(times.mean())
    assert np.var(times) == pytest.approx(times.mean(), rel=0.5)  # with replacement: a Poisson spread


@pytest.mark.parametrize("size", [1, 99, 1000, 12_345])
def test_draws_in_cycles_hit_every_share_and_use_a_class_up_before_they_repeat(size):
    rows = draw_in_cycles(TARGET, SHARES, size, numbers())
    # what is over or short of a share is less than one draw of each class
    assert np.abs(classes_of(rows) - size * np.array(SHARES)).max() <= len(SHARES)
    for label in (0, 1, 3):
        times = np.bincount(rows, minlength=len(TARGET))[label == TARGET]
        assert times.max() - times.min() <= 1
        members, in_order = (label == TARGET).sum(), rows[TARGET[rows] == label]
        assert all(
            len(set(in_order[start : start + members])) == len(in_order[start : start + members])
            for start in range(0, len(in_order), members)
        )


def test_equal_shares_are_class_aware_sampling():
    """A shuffled list of all classes, again and again, and another order each time."""
    target = np.repeat([0, 1, 2, 3, 4], [100, 20, 5, 2, 1])
    drawn = target[draw_in_cycles(target, np.full(5, 0.2), 5 * 40 + 3, numbers())]
    lists = drawn[:200].reshape(40, 5)
    assert (np.sort(lists, axis=1) == np.arange(5)).all()
    assert len(np.unique(lists, axis=0)) > 20
    assert len(set(drawn[200:])) == 3


def test_draws_in_cycles_prefer_no_place_of_an_epoch():
    """A rare class, drawn once per epoch or not at all, comes as often as its share says and anywhere."""
    target = np.repeat([0, 1], [50, 3])
    places = [
        place
        for seed in range(3000)
        for place in np.flatnonzero(target[draw_in_cycles(target, [0.98, 0.02], 20, numbers(seed))] == 1)
    ]
    assert len(places) == pytest.approx(3000 * 20 * 0.02, rel=0.1)
    halves = np.bincount(np.array(places) // 10, minlength=2)
    assert abs(halves[0] - halves[1]) < 4 * np.sqrt(len(places))
