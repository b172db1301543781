import numpy as np
import pytest
import torch
from helpers import tiny
from helpers.images import truncate, write_class_folders
from torchvision.transforms import v2

from lightning_imb.data.cache import ImageCache
from lightning_imb.data.datasets.image_folder import image_folder
from lightning_imb.data.prepare import prepare
from lightning_imb.utils.errors import InputError


@pytest.fixture
def folder(tmp_path):
    root = write_class_folders(tmp_path / "images", {"left": 20, "middle": 12, "right": 8})
    truncate(root / "left" / "03.png", 60)
    return root


def of_files(folder, **changes):
    """Image files with everything switched on that augments, measures or skips."""
    settings = {
        "splits": lambda: image_folder(str(folder), image_size=(8, 9), channels=3, test_size=0.3, split_seed=0),
        "mean": "auto",
        "std": "auto",
        "pad": 2,
        "flip": True,
        "cutout": 3,
        "per_image": [v2.ColorJitter(0.5, 0.5), v2.RandomApply([v2.GaussianBlur(3)], p=0.5), v2.RandomRotation(20)],
        "on_bad_image": "skip",
    }
    return tiny.ready(**(settings | changes))


def transformed(data, loader):
    return [data.on_after_batch_transfer(batch, 0) for batch in loader]


def assert_same_batches(data, wanted):
    for split in (None, "train", "val", "test"):
        pairs = [
            transformed(d, d.train_dataloader() if split is None else d.ordered_dataloader(split))
            for d in (data, wanted)
        ]
        for batch, reference in zip(*pairs, strict=True):
            assert torch.equal(batch.inputs, reference.inputs)
            assert batch.inputs.stride() == reference.inputs.stride()
            assert torch.equal(batch.target, reference.target)


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("in_memory", [True, False])
def test_memory_cache_and_workers_change_no_bit(folder, tmp_path, in_memory, workers, channels_last):
    wanted = of_files(folder, channels_last=channels_last)
    settings = {"in_memory": in_memory, "num_workers": workers, "channels_last": channels_last}
    for attempt in range(2):  # the second one finds the cache filled
        data = of_files(folder, cache=str(tmp_path / "cache"), **settings)
        assert data.cached_sets is in_memory, attempt
        assert data.skipped("train") + data.skipped("val") + data.skipped("test") == 1
        assert_same_batches(data, wanted)


def test_training_images_are_all_augmented_and_others_never(folder):
    data = of_files(folder)
    plain = of_files(folder, pad=0, flip=False, cutout=0, per_image=[])
    for split in ("train", "val", "test"):
        pairs = zip(data.ordered_dataloader(split), plain.ordered_dataloader(split), strict=True)
        assert all(torch.equal(a.inputs, b.inputs) for a, b in pairs)
    for a, b in zip(data.train_dataloader(), plain.train_dataloader(), strict=True):
        assert (a.inputs != b.inputs).flatten(1).any(1).sum() >= len(a.inputs) - 1


def test_other_epochs_transform_in_another_way(folder):
    data = of_files(folder, pad=0, flip=False, cutout=0, batch_size=100)
    loader = data.train_dataloader()
    first, order = next(iter(loader)), next(iter(loader.sampler)).indices
    loader.sampler.set_epoch(1)
    second, later = next(iter(loader)), next(iter(loader.sampler)).indices
    assert not torch.equal(first.inputs[order.argsort()], second.inputs[later.argsort()])


@pytest.mark.parametrize("in_memory", [True, False])
def test_transforms_that_change_the_size_are_refused(folder, in_memory):
    with pytest.raises(InputError, match=r"per_image: CenterCrop makes 3 x 4 x 4"):
        of_files(folder, per_image=[v2.CenterCrop(4)], in_memory=in_memory)


def test_streamed_images_are_not_looked_at_before_the_bad_ones_are_known(folder):
    truncate(folder / "left" / "00.png", 60)
    source = image_folder(str(folder), image_size=(8, 9), channels=3, test_size=0.3, split_seed=0).train
    rows = np.argsort(source.names)  # the damaged one comes first
    data = prepare(source, rows, False, 1.0, "skip", ImageCache(None, 1.0))
    assert data.skipped == 2
    assert not any(name.endswith(("left/00.png", "left/03.png")) for name in data.names)
