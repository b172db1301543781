import numpy as np
import pytest

from lightning_imb.data.draws import class_balanced, draw_by_class, instance

TARGET = np.random.default_rng(0).permutation(np.repeat([0, 1, 3], [9000, 900, 100]))  # class 2 has no image


def drawn(draw, seed=0, epoch=0):
    return draw(TARGET, epoch, np.random.default_rng(seed))


@pytest.mark.parametrize("draw", [instance, class_balanced])
def test_an_epoch_has_as_many_rows_as_there_are_images_and_follows_its_random_numbers(draw):
    rows = drawn(draw)
    assert rows.shape == TARGET.shape
    assert np.array_equal(rows, drawn(draw))
    assert not np.array_equal(rows, drawn(draw, seed=1))


def test_instance_sampling_takes_every_image_once():
    assert np.array_equal(np.sort(drawn(instance)), np.arange(len(TARGET)))


def test_class_balanced_sampling_draws_classes_and_their_images_uniformly():
    rows = np.concatenate([drawn(class_balanced, seed) for seed in range(10)])
    classes = np.bincount(TARGET[rows])
    spread = np.sqrt(len(rows) * (1 / 3) * (2 / 3))
    assert classes[2] == 0
    assert np.abs(classes[[0, 1, 3]] - len(rows) / 3).max() < 4 * spread
    times = np.bincount(rows, minlength=len(TARGET))[TARGET == 3]  # each of 100 images about 333 times
    assert np.abs(times - times.mean()).max() < 5 * np.sqrt(times.mean())
    assert np.var(times) == pytest.approx(times.mean(), rel=0.5)  # with replacement: a Poisson spread


def test_any_probabilities_of_the_classes():
    rows = draw_by_class(TARGET, [0.0, 0.9, 0.0, 0.1], np.random.default_rng(0))
    shares = np.bincount(TARGET[rows], minlength=4) / len(rows)
    assert shares[[0, 2]].tolist() == [0, 0]
    assert shares[1] == pytest.approx(0.9, abs=0.02)
