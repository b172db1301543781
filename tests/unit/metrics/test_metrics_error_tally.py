"""Sums of errors per bin: the scores of all samples at once, without keeping them and without waiting for a device."""

import pytest
import torch

from lightning_imb.metrics import ErrorTally, error_scores
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import equal_bins

BINS = equal_bins(1, 10, 9)
TRAIN = [0, 1, 19, 20, 100, 101, 500, 0, 7]
ONLY_OF_SAMPLES = {"r2", "pearson", "bin_mse", "bin_mae", "bin_gm", "bin_bias"}


def draw(n=1000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    targets = 1 + 8.5 * torch.rand(n, generator=generator)
    return targets + 0.5 * torch.randn(n, generator=generator), targets


def tallied(predictions, targets, batch=64):
    tally = ErrorTally(BINS)
    for p, t in zip(predictions.split(batch), targets.split(batch), strict=True):
        tally.update(p, t)
    return tally


def all_at_once(predictions, targets):
    found = error_scores(predictions.double(), targets.double(), BINS, TRAIN)
    return {name: value for name, value in found.items() if name not in ONLY_OF_SAMPLES}


@pytest.mark.parametrize("batch", [1, 64, 1000])
def test_scores_are_those_of_all_samples_at_once(batch):
    predictions, targets = draw()
    assert tallied(predictions, targets, batch).scores(TRAIN) == pytest.approx(
        all_at_once(predictions, targets), rel=2e-6
    )


def test_targets_beyond_the_ends_and_exact_hits_count_as_in_error_scores():
    predictions, targets = torch.tensor([0.0, 5.0, 9.0]), torch.tensor([-3.0, 5.0, 12.0])
    assert tallied(predictions, targets).scores(TRAIN) == pytest.approx(all_at_once(predictions, targets), rel=2e-6)


def test_many_batches_add_up_without_loss():
    tally = ErrorTally(BINS)
    batch = torch.full((64,), 1.7), torch.full((64,), 1.0)  # a plain sum in float32 is off by 1e-4
    for _ in range(4000):
        tally.update(*batch)
    error = float((batch[0] - batch[1])[0])
    assert tally.compute()[0, 0] == 256_000
    assert tally.scores(TRAIN)["mse"] == pytest.approx(error**2, rel=3e-7)


def test_half_precision_predictions_are_summed_in_single_precision():
    tally = ErrorTally(BINS)
    for _ in range(600):
        tally.update(torch.tensor([3.0], dtype=torch.bfloat16), torch.tensor([1.0]))
    assert tally.scores(TRAIN)["mse"] == 4.0


def test_autocast_rounds_nothing():
    predictions, targets = draw()
    with torch.autocast("cpu", torch.bfloat16):
        found = tallied(predictions, targets).compute()
    assert torch.equal(found, tallied(predictions, targets).compute())


def test_what_is_not_a_number_spoils_its_own_bin():
    predictions, targets = torch.tensor([1.0, torch.nan, torch.inf, 6.5]), torch.tensor([2.5, 4.5, 4.5, 6.5])
    sums = tallied(predictions, targets).compute()
    assert sums[1].isfinite().tolist() == [True] * 3 + [False] + [True] * 5
    assert sums[1, 1] == 2.25


def test_no_gradient_is_kept():
    predictions = torch.ones(3, requires_grad=True)
    tally = ErrorTally(BINS)
    tally.update(predictions, torch.ones(3))
    assert not tally.sums.requires_grad


def test_shares_of_processes_add_up():
    predictions, targets = draw()
    parts = [tallied(predictions[:300], targets[:300]), tallied(predictions[300:], targets[300:])]
    joined = ErrorTally(BINS)
    for name, reduce in joined._reductions.items():
        setattr(joined, name, reduce(torch.stack([getattr(part, name) for part in parts])))
    assert joined.scores(TRAIN) == pytest.approx(all_at_once(predictions, targets), rel=2e-6)
    assert dict(joined.state_dict()) == {}


def test_counting_never_waits_for_the_device():
    # a meta tensor has no values: whatever would have to look at one raises
    tally = ErrorTally(BINS).to("meta")
    tally.update(torch.zeros(5, device="meta"), torch.zeros(5, device="meta"))
    assert tally.compute().shape == (5, 9)


def test_reset_begins_anew():
    predictions, targets = draw()
    tally = tallied(predictions, targets)
    tally.reset()
    tally.update(predictions[:1], targets[:1])
    assert tally.scores(TRAIN) == pytest.approx(all_at_once(predictions[:1], targets[:1]), rel=2e-6)


def test_an_empty_batch_adds_nothing():
    predictions, targets = draw(5)
    tally = tallied(predictions, targets)
    before = tally.compute().clone()
    tally.update(predictions[:0], targets[:0])
    assert torch.equal(tally.compute(), before)


def test_no_sample_at_all():
    with pytest.raises(InputError, match="no predictions to score"):
        ErrorTally(BINS).scores(TRAIN)
