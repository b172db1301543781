import pytest
import torch

from lightning_imb.data.shuffle import GroupedBatches, OrderedBatches, ShuffledBatches, batch_key


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


@pytest.mark.parametrize("world", [1, 2, 4])
def test_ranks_share_the_order_of_one_process(world):
    one = rows(ShuffledBatches(101, 8, seed=0, epoch=2))
    parts = [rows(ShuffledBatches(101, 8, seed=0, epoch=2, rank=r, world_size=world)) for r in range(world)]
    assert len({len(part) for part in parts}) == 1
    woven = [parts[i % world][i // world] for i in range(len(parts[0]) * world)]
    assert woven[:101] == one
    assert woven[101:] == one[: len(woven) - 101]


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


def test_ordered_batches_keep_order_and_have_no_key():
    sampler = OrderedBatches(7, 3)
    assert [r.indices.tolist() for r in sampler] == [[0, 1, 2], [3, 4, 5], [6]]
    assert {r.key for r in sampler} == {None}
    assert len(sampler) == 3
