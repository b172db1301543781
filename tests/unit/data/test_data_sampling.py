import numpy as np
import pytest
from helpers.conf import composed, groups
from hydra.utils import instantiate

from lightning_imb.data.class_probabilities import KINDS, class_probabilities
from lightning_imb.data.draws import instance
from lightning_imb.data.sampling import Sampling, expected_counts
from lightning_imb.data.shuffle import ShuffledBatches
from lightning_imb.utils.errors import InputError

COUNTS = np.array([300, 60, 9, 1])
TARGET = np.random.default_rng(0).permutation(np.repeat(np.arange(4), COUNTS))
N = len(TARGET)


def sampling(kind="class_balanced", **changes):
    settings = {"power": 0.3, "beta": 0.99, "start": 0, "epochs": 10, "replacement": True, "epoch_length": "dataset"}
    return Sampling(kind, **(settings | changes))


def drawn(draw, epoch=0, seed=0):
    return draw(TARGET, epoch, np.random.default_rng([seed, epoch]))


def of_class(rows):
    return np.bincount(TARGET[rows], minlength=len(COUNTS))


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_classes_come_as_often_as_their_probability_says(kind, replacement):
    draw = sampling(kind, replacement=replacement, epoch_length=20_000)
    p = class_probabilities(COUNTS, kind, 0.3, 0.99, progress=0.4)
    sigma = np.sqrt(20_000 * p * (1 - p))
    assert (np.abs(of_class(drawn(draw, epoch=4)) - 20_000 * p) <= 3 * sigma).all()


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_follows_its_random_numbers(kind, replacement):
    draw = sampling(kind, replacement=replacement)
    assert drawn(draw).shape == (N,)
    assert np.array_equal(drawn(draw), drawn(draw))
    assert not np.array_equal(drawn(draw), drawn(draw, seed=1))
    assert not np.array_equal(drawn(draw), drawn(draw, epoch=1))


def test_instance_sampling_is_the_plain_permutation():
    draw = sampling("instance", replacement=False)
    assert np.array_equal(drawn(draw, epoch=3), np.random.default_rng([0, 3]).permutation(N))


@pytest.mark.parametrize(("start", "first"), [(3, 3), (0.8, 8), (0.25, 2), (0, 0), (0.0, 0)])
@pytest.mark.parametrize("length", ["dataset", "balanced", 17])
def test_until_the_start_every_image_comes_once_and_epochs_stay_as_long(start, first, length):
    draw = sampling(start=start, epoch_length=length)
    at_once = sampling(epoch_length=length)
    size = {"dataset": N, "balanced": 4 * 300, 17: 17}[length]
    for epoch in range(10):
        rows = drawn(draw, epoch)
        assert len(rows) == size
        if epoch < first:
            times = np.bincount(rows, minlength=N)
            assert times.max() - times.min() <= 1
        else:
            assert np.array_equal(rows, drawn(at_once, epoch))


def test_progressive_sampling_reaches_class_balance_at_the_end_of_the_last_epoch():
    draw = sampling("progressive", start=2)
    assert draw.probabilities(COUNTS, 2) == pytest.approx(COUNTS / N)
    assert draw.probabilities(COUNTS, 6) == pytest.approx((COUNTS / N + 0.25) / 2)
    assert draw.probabilities(COUNTS, 10) == pytest.approx(np.full(4, 0.25))
    assert draw.probabilities(COUNTS, 15) == pytest.approx(np.full(4, 0.25))  # a fit that was prolonged


def test_class_aware_sampling_of_a_balanced_epoch_shows_every_class_equally_often():
    """The largest class once through, the class of a single image three hundred times."""
    rows = drawn(sampling(replacement=False, epoch_length="balanced"))
    assert of_class(rows).tolist() == [300] * 4
    times = np.bincount(rows, minlength=N)
    assert {label: set(times[label == TARGET].tolist()) for label in range(4)} == {
        0: {1},
        1: {5},
        2: {33, 34},
        3: {300},
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("epoch", [0, 7])
def test_expected_counts_are_the_mean_of_many_epochs(kind, epoch):
    draw = sampling(kind, start=5, epoch_length=400)
    rows = [drawn(draw, epoch, seed) for seed in range(200)]
    mean = np.mean([of_class(epoch_rows) for epoch_rows in rows], axis=0)
    expected = expected_counts(draw, TARGET, 4, epoch)
    assert np.abs(np.divide(expected, N / 400) - mean).max() < 3 * np.sqrt(400 * 0.25 / 200) + 0.6
    assert min(expected) >= 1


@pytest.mark.parametrize("length", ["dataset", "balanced", 2])
def test_balanced_draws_are_expected_to_be_equal(length):
    assert expected_counts(sampling(epoch_length=length), TARGET, 4, 0) == [round(N / 4)] * 4


@pytest.mark.parametrize("length", ["dataset", "balanced", 2])
def test_what_is_drawn_as_it_comes_keeps_its_counts_however_long_an_epoch_is(length):
    draw = sampling("instance", epoch_length=length)
    assert expected_counts(draw, TARGET, 4, 0) == COUNTS.tolist()


def test_other_draws_are_counted():
    assert expected_counts(instance, TARGET, 4, 3) == COUNTS.tolist()
    assert expected_counts(lambda target, epoch, random: np.flatnonzero(target == 1), TARGET, 4, 0) == [1, 60, 1, 1]


@pytest.mark.parametrize("world", [1, 2, 4])
@pytest.mark.parametrize("length", ["dataset", "balanced", 101])
@pytest.mark.parametrize("replacement", [True, False])
def test_processes_share_the_draw_of_one(world, length, replacement):
    draw = sampling("sqrt", replacement=replacement, epoch_length=length)
    whole = drawn(draw, epoch=2)

    def rank(r):
        batches = ShuffledBatches(len(whole), 8, 0, 2, r, world, order=lambda e, random: draw(TARGET, e, random))
        return [request.indices.numpy() for request in batches]

    shares = [np.concatenate(rank(r)) for r in range(world)]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    together = np.empty_like(whole)
    for r, rows in enumerate(shares):
        together[r::world] = rows
    assert np.array_equal(together, whole)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "root"}, "sampler.kind is 'root'"),
        ({"power": 1.1}, "sampler.power is 1.1"),
        ({"power": -0.5}, "sampler.power is -0.5"),
        ({"beta": 2}, "sampler.beta is 2"),
        ({"start": 10}, "sampler.start=10 is never reached in epochs=10"),
        ({"start": 1.0}, "sampler.start=1.0 is never reached in epochs=10"),
        ({"start": -1}, "sampler.start is -1"),
        ({"start": 1.5}, "sampler.start is 1.5"),
        ({"epochs": 0}, "sampler.epochs is 0"),
        ({"replacement": "no"}, "sampler.replacement is 'no'"),
        ({"epoch_length": "long"}, "sampler.epoch_length is 'long'"),
        ({"epoch_length": 0}, "sampler.epoch_length is 0"),
        ({"epoch_length": True}, "sampler.epoch_length is True"),
        ({"epoch_length": 2.5}, "sampler.epoch_length is 2.5"),
    ],
)
def test_unusable_settings_are_refused_at_once(changes, said):
    with pytest.raises(InputError, match=said.replace(".", r"\.")):
        sampling(**changes)


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_late_share_of_a_short_fit_is_its_last_epoch(epochs):
    assert np.array_equal(drawn(sampling(start=0.8, epochs=epochs), epochs - 1), drawn(sampling(), epochs - 1))


@pytest.mark.parametrize("option", groups()["sampler"])
def test_every_option_draws_epochs_of_the_length_of_the_data(option):
    draw = instantiate(composed(f"sampler={option}", "epochs=20").sampler)
    first, last = drawn(draw), drawn(draw, epoch=19)
    assert len(first) == len(last) == N
    assert (of_class(last) == COUNTS).all() == (option == "instance")
    deferred = option in ("instance", "drs")
    assert (len(np.unique(first)) == N) == deferred
