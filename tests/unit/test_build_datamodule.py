"""From dataset.* and the cache settings to the data module; what cannot work is refused before anything is trained."""

import logging

import pytest
from helpers.images import write_class_folders
from helpers.runs import assert_refused, assert_refused_before_training, composed, own_images
from torchvision.transforms import v2

from lightning_imb.build import build_datamodule
from lightning_imb.settings import matters

JITTER = "{_target_: torchvision.transforms.v2.ColorJitter, brightness: [0.4, 0.5]}"


@pytest.fixture
def root(tmp_path):
    return write_class_folders(tmp_path / "images", {"a": 12, "b": 8})


def built(root, *overrides):
    data = build_datamodule(composed(*own_images(root, "protocol.val_size=2"), *overrides))
    data.setup("fit")
    return data


def test_augmentation_reaches_the_data_module(root):
    data = built(root, "dataset.augment.cutout=8", f"dataset.augment.per_image=[{JITTER}]")
    assert data.transform.cutout == 8
    (jitter,) = data.per_image
    assert isinstance(jitter, v2.ColorJitter)
    assert tuple(jitter.brightness) == (0.4, 0.5)


def test_the_cache_is_used_by_default_and_can_be_switched_off(root, tmp_path):
    folder = tmp_path / "cache"
    for overrides, cached, files in (
        (["cache=false"], False, 0),
        (["cache_limit_gb=0"], False, 0),
        ([], True, 6),  # pixels and marker of training, validation and test images
        (["dataset.in_memory=false"], False, 9),
    ):
        data = built(root, f"paths.cache={folder}", *overrides)
        assert data.cached_sets is cached
        assert len(list(folder.glob("*"))) == files


def test_nothing_is_said_of_a_cache_that_works(root, caplog):
    with caplog.at_level(logging.WARNING):
        built(root)
        built(root)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("dataset.augment.cutout=-2", ("dataset.augment.cutout=-2", "side in pixels")),
        ("dataset.augment.cutout=half", ("dataset.augment.cutout=half",)),
        ("dataset.on_device=always", ("dataset.on_device", "always")),
        (
            "dataset.augment.per_image=[{_target_: torchvision.transforms.v2.CenterCrop, size: 4}]",
            ("dataset.augment.per_image", "CenterCrop makes 3 x 4 x 4", "dataset.image_size"),
        ),
        (
            "dataset.augment.per_image=[{_target_: torchvision.transforms.v2.ColourJitter}]",
            ("dataset.augment.per_image", "ColourJitter", "_target_"),
        ),
        (
            "dataset.augment.per_image=[{_target_: torchvision.transforms.v2.ColorJitter, brightness: -1}]",
            ("dataset.augment.per_image", "non negative"),
        ),
        ("dataset.augment.per_image=[ColorJitter]", ("dataset.augment.per_image", "_target_")),
        ("dataset.augment.per_image=[{brightness: 0.4}]", ("dataset.augment.per_image", "brightness")),
        ("dataset.augment.per_image=ColorJitter", ("dataset.augment.per_image", "list")),
        ("cache=images", ("cache is true or false", "paths.cache")),
        ("cache_limit_gb=lots", ("cache_limit_gb", "lots")),
        ("cache_limit_gb=-1", ("cache_limit_gb", "-1")),
    ],
)
def test_what_cannot_work_is_refused(root, tmp_path, override, words):
    assert_refused_before_training(tmp_path / "run", words, *own_images(root, override))
    assert_refused(lambda: built(root, override), *words)


@pytest.mark.parametrize("key", ["cache", "cache_limit_gb", "paths.cache", "dataset.on_device", "dataset.in_memory"])
def test_where_images_are_kept_does_not_make_another_run(key):
    assert not matters(key)


@pytest.mark.parametrize(
    "key", ["dataset.augment.cutout", "dataset.augment.per_image", "dataset.on_bad_image", "cached"]
)
def test_what_is_done_to_images_does(key):
    assert matters(key)
