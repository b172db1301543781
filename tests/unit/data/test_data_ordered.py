import pytest
import torch

from lightning_imb.data.ordered import OrderedBatches


def requests(sampler):
    return [request.indices.tolist() for request in sampler]


def test_a_single_process_has_everything_in_order_without_random_draws():
    sampler = OrderedBatches(7, 3)
    assert requests(sampler) == [[0, 1, 2], [3, 4, 5], [6]]
    assert {request.key for request in sampler} == {None}
    assert len(sampler) == 3


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize("size", [3, 7, 10, 31])
def test_ranks_share_every_row_once(world, size):
    ranks = [OrderedBatches(size, 3, rank, world) for rank in range(world)]
    seen = [[row for request in requests(rank) for row in request] for rank in ranks]
    assert sorted(row for rows in seen for row in rows) == list(range(size))
    assert all(len(rank) == len(requests(rank)) >= 1 for rank in ranks)
    assert max(len(request) for rank in ranks for request in requests(rank)) <= 3
    for rank in ranks:  # all know what the others have
        assert [rank.share(other).tolist() for other in range(world)] == seen


def test_ranks_have_the_batches_of_a_single_process():
    together = requests(OrderedBatches(20, 3, 0, 2)) + requests(OrderedBatches(20, 3, 1, 2))
    assert sorted(together) == requests(OrderedBatches(20, 3))


def test_a_request_holds_no_more_than_its_rows():
    request = next(iter(OrderedBatches(1000, 10, 1, 2)))
    assert request.indices.untyped_storage().nbytes() == 10 * torch.int64.itemsize


def test_more_processes_than_rows_are_not_served():
    with pytest.raises(AssertionError):
        OrderedBatches(2, 1, 0, 3)
