import pytest
import torch

from lightning_imb.metrics import LossMean


def test_batches_weigh_by_their_rows():
    mean = LossMean()
    for loss, rows in ((1.0, 3), (5.0, 1)):
        mean.update(torch.tensor(loss), rows)
    assert mean.compute() == pytest.approx((1.0 * 3 + 5.0) / 4)


def test_ranks_of_different_size_join_to_the_mean_of_all_rows():
    parts = [LossMean(), LossMean()]
    parts[0].update(torch.tensor(1.0), 3)
    parts[1].update(torch.tensor(5.0), 1)
    joined = LossMean()
    joined.total = sum(part.total for part in parts)  # what dist_reduce_fx="sum" does
    joined.rows = sum(part.rows for part in parts)
    assert all(reduce is torch.sum or reduce.__name__ == "dim_zero_sum" for reduce in joined._reductions.values())
    assert joined.compute() == 2.0


def test_half_precision_losses_add_up_in_single_precision():
    mean = LossMean()
    for _ in range(4000):
        mean.update(torch.tensor(1.0, dtype=torch.bfloat16), 1)
    assert mean.compute() == 1.0


def test_reset_forgets():
    mean = LossMean()
    mean.update(torch.tensor(9.0), 2)
    mean.reset()
    mean.update(torch.tensor(1.0), 2)
    assert mean.compute() == 1.0
