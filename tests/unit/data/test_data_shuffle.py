import itertools
import math

import numpy as np
import pytest
import torch

from lightning_imb.data.shuffle import GroupedBatches, ShuffledBatches, batch_key


def rows(sampler):
    return torch.cat([request.indices for request in sampler]).tolist()


def test_every_row_once_and_another_order_each_epoch():
    sampler = ShuffledBatches(103, 10, seed=0)
    first = rows(sampler)
    sampler.set_epoch(1)
    second = rows(sampler)
    assert sorted(first) == sorted(second) == list(range(103))
    assert first != second


def test_order_and_keys_depend_on_seed_and_epoch_alone():
    once = ShuffledBatches(50, 8, seed=3, epoch=7)
    again = ShuffledBatches(50, 8, seed=3)
    again.set_epoch(7)
    assert rows(once) == rows(again)
    assert [r.key for r in once] == [r.key for r in again]
    assert rows(once) != rows(ShuffledBatches(50, 8, seed=4, epoch=7))


def test_keys_of_all_batches_differ():
    keys = {
        batch_key(seed, epoch, batch, rank)
        for seed in range(3)
        for epoch in range(20)
        for batch in range(50)
        for rank in range(2)
    }
    assert len(keys) == 3 * 20 * 50 * 2
    assert all(0 <= key < 2**63 for key in keys)


def of_all_ranks(size, batch_size, world, **changes):
    return [list(ShuffledBatches(size, batch_size, 0, 2, r, world, **changes)) for r in range(world)]


def backwards_in_thirds(epoch, random):
    """Draws 101 rows, with replacement: some of 34 three times."""
    return np.arange(101)[::-1] // 3 + epoch


@pytest.mark.parametrize("order", [None, backwards_in_thirds])
@pytest.mark.parametrize("world", [2, 3, 4])
def test_all_ranks_together_see_each_row_as_often_as_a_single_process(world, order):
    one = rows(ShuffledBatches(101, 8 * world, seed=0, epoch=2, order=order))
    steps = list(zip(*of_all_ranks(101, 8, world, order=order), strict=True))
    seen = [sorted(row for request in step for row in request.indices.tolist()) for step in steps]
    bounds = [*range(0, 8 * world * len(seen), 8 * world), len(one)]  # the same global batches; the last has the rest
    assert seen == [sorted(one[start:stop]) for start, stop in itertools.pairwise(bounds)]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 8])
@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_ranks_have_equally_many_batches_and_none_of_a_single_row(world, batch_size):
    for size in range(3 * world, 60):
        ranks = of_all_ranks(size, batch_size, world)
        assert sorted(row for rank in ranks for request in rank for row in request.indices.tolist()) == list(
            range(size)
        )
        assert {len(rank) for rank in ranks} == {len(ShuffledBatches(size, batch_size, 0, world_size=world))}
        sizes = [[len(request.indices) for request in rank] for rank in ranks]
        assert all(max(step) - min(step) <= 1 for step in zip(*sizes, strict=True))
        assert min(map(min, sizes)) >= min(2, batch_size)
        assert len(ranks[0]) >= math.floor(size / world / batch_size)


def test_an_order_is_drawn_anew_every_epoch_from_seeded_numbers():
    def order(epoch, random):
        return random.integers(epoch, epoch + 5, 20)

    sampler = ShuffledBatches(20, 8, seed=1, epoch=10, order=order)
    first = rows(sampler)
    assert first == rows(ShuffledBatches(20, 8, seed=1, epoch=10, order=order))
    assert set(first) <= set(range(10, 15))
    assert first != rows(ShuffledBatches(20, 8, seed=2, epoch=10, order=order))
    sampler.set_epoch(20)
    assert set(rows(sampler)) <= set(range(20, 25))


def mirrored(rows, random):
    """A second stream that tells which row it was drawn for: 1000 more, and noise of its own."""
    return rows + 1000 * random.integers(1, 4, len(rows))


def test_a_second_stream_leaves_the_first_as_it_is():
    plain = list(ShuffledBatches(50, 8, seed=3, epoch=2))
    both = list(ShuffledBatches(50, 8, seed=3, epoch=2, others=mirrored))
    assert len(plain) == len(both)
    for alone, request in zip(plain, both, strict=True):
        own = request.own
        assert (alone.own, own) == (None, len(alone.indices))
        assert request.key == alone.key
        assert torch.equal(request.indices[:own], alone.indices)
        assert torch.equal(request.indices[own:] % 1000, alone.indices)  # a row for each row, in order


def test_a_second_stream_depends_on_seed_and_epoch_and_draws_apart_from_the_first():
    def noise(rows, random):
        return random.permutation(50)

    def theirs(**where):
        return torch.cat([r.indices[r.own :] for r in ShuffledBatches(50, 8, others=noise, **where)]).tolist()

    assert theirs(seed=1, epoch=2) == theirs(seed=1, epoch=2)
    assert theirs(seed=1, epoch=2) != theirs(seed=1, epoch=3)
    assert theirs(seed=1, epoch=2) != theirs(seed=2, epoch=2)
    assert theirs(seed=1, epoch=2) != rows(ShuffledBatches(50, 8, seed=1, epoch=2))


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_a_second_stream_as_the_first(world):
    (whole,) = ShuffledBatches(50, 50, seed=0, epoch=2, others=mirrored)
    wanted = dict(zip(whole.indices[:50].tolist(), whole.indices[50:].tolist(), strict=True))
    found = [
        pair
        for rank in of_all_ranks(50, 8, world, others=mirrored)
        for r in rank
        for pair in zip(r.indices[: r.own].tolist(), r.indices[r.own :].tolist(), strict=True)
    ]
    assert sorted(found) == sorted(wanted.items())


def test_a_fit_that_goes_on_in_mid_epoch_sees_the_rest_of_a_long_epoch():
    def thrice(epoch, random):
        return np.concatenate([random.permutation(20) for _ in range(3)])

    whole = list(ShuffledBatches(60, 8, seed=0, epoch=4, order=thrice, others=mirrored))
    rest = ShuffledBatches(60, 8, seed=0, epoch=4, order=thrice, others=mirrored, start=5)
    assert len(whole) == len(rest) == 8
    for left, wanted in zip(rest, whole[5:], strict=True):
        assert torch.equal(left.indices, wanted.indices)
        assert left[1:] == wanted[1:]


@pytest.mark.parametrize(("size", "sizes"), [(24, [8, 8, 8]), (25, [8, 8, 9]), (26, [8, 8, 8, 2]), (1, [1]), (3, [3])])
def test_a_single_left_over_row_joins_the_batch_before(size, sizes):
    sampler = ShuffledBatches(size, 8, seed=0)
    assert [len(request.indices) for request in sampler] == sizes
    assert len(sampler) == len(sizes)


def test_batches_of_one_stay_batches_of_one():
    assert [len(r.indices) for r in ShuffledBatches(3, 1, seed=0)] == [1, 1, 1]


@pytest.mark.parametrize("group", [1, 2, 5, 100])
def test_groups_hold_the_same_batches_in_the_same_order(group):
    sampler = GroupedBatches(ShuffledBatches(50, 8, seed=0), group)
    for epoch in (0, 3):
        sampler.set_epoch(epoch)
        groups = list(sampler)
        plain = list(ShuffledBatches(50, 8, seed=0, epoch=epoch))
        assert [r.key for g in groups for r in g] == [r.key for r in plain]
        assert [r.indices.tolist() for g in groups for r in g] == [r.indices.tolist() for r in plain]
        assert len(groups) == len(sampler)
        assert all(len(g) == group for g in groups[:-1])
