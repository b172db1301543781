"""Bags of REBAGG: their sizes, what their rare rows are, and that no made row joins low and high targets."""

from collections import Counter

import numpy as np
import pytest

from lightning_imb.resampling.regression.bags import RARE_SHARES, Bagging
from lightning_imb.resampling.regression.rarity import Rarity

RARITY = Rarity([[1, 1], [5.5, 0], [10, 1]], 0.5, None, "posthoc")


def rows(low=4, normal=50, high=6, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.concatenate([rng.uniform(1, 3, low), rng.uniform(4, 7, normal), rng.uniform(8, 10, high)]))
    return np.column_stack([y, rng.normal(size=len(y))]), y


def draw(variant, over, z, y, seed=0, k=5):
    return Bagging(variant, over, k).draw(z, y, RARITY.partitions(y), np.random.default_rng(seed))


def is_rare(y):
    return (y < 3.5) | (y > 7.5)


@pytest.mark.parametrize("over", ["copies", "smoter"])
@pytest.mark.parametrize("variant", ["balance", "variation"])
def test_a_bag_has_as_many_rows_as_there_are_and_as_many_rare_ones_as_it_says(variant, over):
    z, y = rows()
    shares = set()
    for seed in range(40):
        bag = draw(variant, over, z, y, seed)
        assert len(bag.z) == len(bag.y) == len(y)
        assert int(is_rare(bag.y).sum()) == bag.counts["rare"] == len(y) - bag.counts["normal"]
        shares.add(bag.counts["rare"])
    assert shares == ({30} if variant == "balance" else {round(share * 60) for share in RARE_SHARES})


def test_copies_are_drawn_with_replacement_and_made_of_nothing_else():
    z, y = rows()
    bag = draw("balance", "copies", z, y)
    assert bag.counts["interpolated"] == 0
    real = {(row.tobytes(), value) for row, value in zip(z, y, strict=True)}
    drawn = Counter((row.tobytes(), value) for row, value in zip(bag.z, bag.y, strict=True))
    assert set(drawn) <= real
    assert max(drawn.values()) > 1
    assert len([1 for _, value in drawn if not is_rare(value)]) < 50  # normal ones repeat too


def test_smoter_takes_all_rare_rows_and_interpolates_what_is_missing_within_low_or_high_ones():
    z, y = rows()
    bag = draw("balance", "smoter", z, y)
    real = {row.tobytes() for row in z}
    rare = [row.tobytes() for row in bag.z[is_rare(bag.y)]]
    assert {row.tobytes() for row in z[is_rare(y)]} <= set(rare)
    assert sum(row not in real for row in rare) == bag.counts["interpolated"] == 30 - 10
    np.testing.assert_allclose(bag.z[:, 0], bag.y, atol=1e-12)  # z's first feature is the target: so it is between


def test_smoter_repeats_no_rare_row_where_there_are_enough():
    z, y = rows(low=20, normal=10, high=20)
    bag = draw("balance", "smoter", z, y)
    rare = bag.y[is_rare(bag.y)]
    assert len(set(rare)) == len(rare) == 25
    assert bag.counts["interpolated"] == 0


def test_a_row_that_is_alone_in_its_run_is_copied():
    z, y = rows(low=1, high=3)
    bag = draw("balance", "smoter", z, y)
    low = bag.y < 3.5
    assert low.sum() > 1
    assert (bag.z[low] == z[y < 3.5]).all()
