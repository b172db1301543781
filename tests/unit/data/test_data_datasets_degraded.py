import os
from pathlib import Path

import numpy as np
import pytest
import torch

from lightning_imb.data.datasets.degraded import degraded
from lightning_imb.data.datasets.image_folder import image_folder
from lightning_imb.data.degrade import blur, darken, rotate
from lightning_imb.data.laws import Normal, Uniform
from lightning_imb.data.sources import ArraySource
from lightning_imb.data.splits import Splits
from lightning_imb.utils.errors import InputError

RANGES = {"angle": (rotate, [0, 90]), "blur": (blur, [0.5, 4]), "brightness": (darken, [0.2, 1])}
CIFAR10 = Path(os.environ.get("IMB_DATA", Path(__file__).parents[4] / "shared" / "data")) / "cifar10.zip"


def source(n, seed):
    images = np.random.default_rng(seed).integers(0, 256, (n, 3, 8, 8), dtype=np.uint8)
    return ArraySource(images, np.arange(n) % 2, ["cat", "dog"], [f"{seed}/{i}" for i in range(n)])


PICTURES = Splits(source(60, 0), None, source(40, 1))


def made(target="angle", law=None, images=PICTURES, **changes):
    _, within = RANGES.get(target, (None, [0, 1]))
    settings = {"train_size": None, "test_size": None, "within": within, "bins": 4, "data_seed": 0, "test_seed": 0}
    return degraded(images, target, law, **(settings | changes))


@pytest.mark.parametrize("target", RANGES)
def test_every_image_is_degraded_by_its_target(target):
    degrade, (low, high) = RANGES[target]
    splits = made(target)
    for before, after in ((PICTURES.train, splits.train), (PICTURES.test, splits.test)):
        assert after.names == before.names
        assert ((low <= after.values) & (after.values <= high)).all()
        assert torch.equal(after.images, degrade(before.images, torch.from_numpy(after.values)))
    assert splits.val is None
    assert splits.floor is None


def test_bins_of_the_range_take_the_place_of_the_classes():
    splits = made("brightness")
    assert splits.bins.edges == pytest.approx((0.2, 0.4, 0.6, 0.8, 1.0))
    assert splits.train.class_names == splits.bins.names
    assert splits.train.labels.tolist() == splits.bins.of(splits.train.values).tolist()


def test_training_and_validation_follow_the_law_and_the_test_never_does():
    pictures = PICTURES._replace(val=source(30, 2))
    free, bound = made(images=pictures), made(law=Uniform([0, 10]), images=pictures, data_seed=1)
    assert max(bound.train.values.max(), bound.val.values.max()) <= 10 < free.train.values.max()
    assert free.test.fingerprint() == bound.test.fingerprint()
    assert made(test_seed=1).test.fingerprint() != free.test.fingerprint()


def test_the_set_is_a_function_of_its_seed():
    first, again, other = (made(data_seed=seed).train.fingerprint() for seed in (0, 0, 1))
    assert first == again != other


def test_a_smaller_set_is_a_random_part_of_the_images():
    splits = made(train_size=20, test_size=10)
    assert (len(splits.train), len(splits.test)) == (20, 10)
    assert set(splits.train.names) < set(PICTURES.train.names)
    assert splits.train.names != made(train_size=20, data_seed=1).train.names
    assert splits.test.names == made(test_size=10, data_seed=1).test.names


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "hue"}, r"dataset.target is 'hue'; choose one of angle, blur, brightness"),
        ({"target": "blur", "law": Normal(0, 1, None)}, r"at least 0: cut the law off .*within=\[0, null\]"),
        ({"train_size": 61}, r"dataset.train_size=61 is more than the 60 images"),
        ({"test_size": 0}, r"dataset.test_size is 0"),
        ({"train_size": "all"}, r"dataset.train_size is 'all'"),
        ({"bins": 0}, r"number of bins is 0"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, message):
    with pytest.raises(InputError, match=message):
        made(**settings)


@pytest.mark.skipif(not CIFAR10.is_file(), reason="needs the real images")
def test_real_images_lose_detail_with_blur_and_level_with_darkness():
    tree = image_folder(str(CIFAR10), None, 3, None, 0)
    part = Splits(tree.train.subset(range(0, 50_000, 250)), None, tree.test.subset(range(0, 10_000, 500)))
    for target, measure in (
        ("blur", lambda x: -x.float().diff(dim=3).abs().mean((1, 2, 3))),
        ("brightness", lambda x: x.float().mean((1, 2, 3))),
    ):
        train = made(target, images=part).train
        assert np.corrcoef(measure(train.images), train.values)[0, 1] > 0.4
