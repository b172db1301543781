import functools

import numpy as np
import pytest
import torch
from helpers import tiny
from helpers.images import truncate, write_class_folders
from torchvision.transforms import v2

from lightning_imb.data.cache import ImageCache
from lightning_imb.data.datasets.image_folder import image_folder
from lightning_imb.data.embeddings import EmbeddingSet, LentEmbeddings
from lightning_imb.data.prepare import prepare
from lightning_imb.data.profiles import exponential_profile
from lightning_imb.utils.errors import InputError


def ready(**changes):
    data = tiny.data_module(**changes)
    data.setup("fit")
    return data


def all_rows(loader):
    return torch.cat([batch.inputs for batch in loader])


def test_counts_are_those_after_profile_and_validation_split():
    data = ready(train=(40, 40, 40), profile=lambda available: exponential_profile(available, 4.0))
    assert data.counts("train") == [32, 16, 8]
    assert data.counts("val") == [8, 4, 2]
    assert data.class_counts == np.bincount(data.target("train")).tolist()


def test_training_and_validation_images_are_disjoint_and_together_the_subset():
    data = ready(pad=0)
    names = data.names("train") + data.names("val")
    assert len(names) == len(set(names)) == 70


def test_paper_protocol_holds_nothing_out_and_monitors_the_test_set():
    data = ready(val_size=0, monitor="test")
    assert data.counts("train") == [40, 20, 10]
    assert not data.has("val")
    assert len(all_rows(data.val_dataloader())) == 30


def test_a_validation_split_of_the_dataset_is_used_as_it_is():
    data = ready(splits=functools.partial(tiny.splits, val=(5, 5, 5)))
    assert data.counts("val") == [5, 5, 5]
    assert data.counts("train") == [40, 20, 10]


def test_evaluation_is_in_order_without_random_draws():
    data = ready()
    batches = list(data.ordered_dataloader("train"))
    assert {batch.key for batch in batches} == {None}
    assert torch.cat([b.target for b in batches]).tolist() == data.target("train").tolist()


def test_streaming_yields_what_memory_yields():
    in_memory, streamed = ready(in_memory=True), ready(in_memory=False)
    for split in ("train", "val", "test"):
        pairs = zip(in_memory.ordered_dataloader(split), streamed.ordered_dataloader(split), strict=True)
        assert all(torch.equal(a.inputs, b.inputs) and torch.equal(a.target, b.target) for a, b in pairs)


def test_workers_do_not_change_the_batches():
    none, two = ready(in_memory=False), ready(in_memory=False, num_workers=2)
    for a, b in zip(none.train_dataloader(), two.train_dataloader(), strict=True):
        assert torch.equal(a.inputs, b.inputs)
        assert a.key == b.key


@pytest.mark.parametrize(("limit", "held"), [(1.0, True), (1e-9, False)])
def test_auto_keeps_in_memory_what_fits(limit, held):
    assert ready(in_memory="auto", memory_limit_gb=limit).in_memory_sets is held


def test_lent_embeddings_are_trained_on_and_given_back():
    data = ready()
    lent = EmbeddingSet(torch.randn(30, 5), torch.arange(30) % 3, n_real=20)
    monitored = torch.randn(14, 5), torch.arange(14) % 3
    data.lend(LentEmbeddings(lent, monitored, batch_size=8, steps=2))
    batches = list(data.train_dataloader())
    assert sorted(torch.cat([b.inputs for b in batches])[:, 0].tolist()) == sorted(lent.z[:, 0].tolist())
    assert data.on_after_batch_transfer(batches[0], 0) is batches[0]
    assert torch.equal(all_rows(data.val_dataloader()), monitored[0])
    data.use_images()
    for loader in (data.train_dataloader(), data.val_dataloader()):
        assert next(iter(loader)).inputs.dtype == torch.uint8


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
    return ready(**(settings | changes))


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


class Trainer:
    """As much of a trainer as the data module asks for."""

    def __init__(self, device="cpu", rank=0, processes=1):
        self.strategy = self
        self.root_device = torch.device(device)
        self.global_rank, self.world_size = rank, processes


class Fit:
    """A fit that begins."""

    def __init__(self):
        self.epoch_progress = self.epoch_loop = self.batch_progress = self.current = self
        self.processed, self.is_last_batch = 0, False


def own_rows(request):
    return request.indices[: request.own]


def other_rows(request):
    return request.indices[request.own :]


def test_sets_in_memory_move_to_the_device_that_they_fit_on(monkeypatch):
    """On ``meta``, which has shapes only, in place of a GPU."""
    data = ready()
    monkeypatch.setattr(data, "fits_on", lambda device: device.type == "meta")
    data.trainer = Trainer("meta")
    data.setup("fit")
    loader = data.ordered_dataloader("test")
    batch = loader.dataset[next(iter(loader.sampler))]
    assert batch.inputs.device.type == batch.target.device.type == "meta"
    assert batch.inputs.shape == (30, 1, 8, 8)
    assert (loader.num_workers, loader.pin_memory) == (0, False)
    assert data.target("test").tolist() == [0] * 10 + [1] * 10 + [2] * 10
    data.trainer = Trainer("cpu")
    data.setup("test")
    assert next(iter(data.ordered_dataloader("test"))).inputs.device.type == "cpu"


def test_worker_processes_are_not_used_for_a_set_on_a_device(monkeypatch):
    data = ready(num_workers=2)
    monkeypatch.setattr(data, "fits_on", lambda device: device.type == "meta")
    data.trainer = Trainer("meta")
    data.setup("fit")
    assert data.ordered_dataloader("train").num_workers == 0


@pytest.mark.parametrize(
    ("changes", "free", "fits"),
    [
        ({}, 2 * 100 * 64, True),  # 100 images of 64 bytes
        ({}, 2 * 100 * 64 - 1, False),
        ({"on_device": False}, 10**9, False),
        ({"per_image": [v2.RandomInvert()]}, 10**9, False),
    ],
)
def test_half_of_the_free_memory_is_enough(changes, free, fits, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**10))
    data = ready(**changes)
    assert sum(len(data.target(split)) for split in ("train", "val", "test")) == 100
    assert data.fits_on(torch.device("cuda")) is fits
    assert not data.fits_on(torch.device("cpu"))


def test_measured_statistics_normalise_the_training_images():
    data = ready(mean="auto", std="auto")
    images = torch.cat([data.transform(batch).inputs for batch in data.ordered_dataloader("train")])
    assert images.mean().item() == pytest.approx(0, abs=1e-4)
    assert images.std(correction=0).item() == pytest.approx(1, abs=1e-4)


def test_setting_up_twice_changes_nothing():
    data = ready()
    before = data.names("train")
    data.setup("test")
    assert data.names("train") is before


def test_a_class_missing_in_the_test_set_is_named():
    with pytest.raises(InputError, match="right"):
        ready(splits=functools.partial(tiny.splits, test=(5, 5, 0)))


def test_a_class_without_training_images_is_named():
    with pytest.raises(InputError, match="right"):
        ready(splits=functools.partial(tiny.splits, train=(5, 5, 0)), val_size=0, monitor="test")


@pytest.mark.parametrize("mean", [[0.1, 0.2], "measured"])
def test_statistics_that_do_not_fit_the_channels_are_refused(mean):
    with pytest.raises(InputError, match=r"dataset\.mean"):
        ready(mean=mean)


@pytest.mark.parametrize(
    ("key", "value"), [("in_memory", "sometimes"), ("num_workers", "many"), ("on_device", "perhaps")]
)
def test_unknown_words_are_refused(key, value):
    with pytest.raises(InputError, match=value):
        ready(**{key: value}).train_dataloader()


def test_an_epoch_is_made_of_what_the_sampler_draws():
    def only_the_last_class(target, epoch, random):
        return random.choice(np.flatnonzero(target == 2), len(target))

    data = ready(draw=only_the_last_class)
    targets = torch.cat([batch.target for batch in data.train_dataloader()])
    assert targets.tolist() == [2] * len(data.target("train"))
    data.lend(LentEmbeddings(EmbeddingSet(torch.eye(9), torch.arange(9) % 3, 9), (torch.eye(9), torch.arange(9)), 4, 1))
    assert sorted(torch.cat([b.target for b in data.train_dataloader()]).tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("size", [5, 17, 200])
def test_an_epoch_is_as_long_as_the_sampler_makes_it(size):
    def draw(target, epoch, random):
        return random.integers(len(target), size=size)

    data = ready(draw=draw)
    loader = data.train_dataloader()
    batches = list(loader)
    assert len(loader) == len(batches)
    assert sum(len(batch.target) for batch in batches) == size


def test_processes_share_both_streams_of_an_epoch():
    def draw(target, epoch, random):
        return random.integers(len(target), size=75)

    def next_row(target, rows, random):
        return (rows + 1) % len(target)

    data = ready(draw=draw, second=next_row)
    found = []
    for rank, processes in ((0, 1), (0, 2), (1, 2)):
        data.trainer = Trainer(rank=rank, processes=processes)
        data.trainer.fit_loop = Fit()
        batches = list(data.train_dataloader().sampler)
        found.append([torch.cat([part(r) for r in batches]) for part in (own_rows, other_rows)])
    whole, *shares = found
    for stream in (0, 1):
        assert [len(share[stream]) for share in shares] == [38, 37]
        for rank in (0, 1):
            assert torch.equal(shares[rank][stream], whole[stream][rank::2])


def test_a_sampler_that_draws_fewer_images_than_processes_is_refused():
    data = ready(draw=lambda target, epoch, random: np.arange(3))
    data.trainer = Trainer(processes=4)
    with pytest.raises(InputError, match=r"epoch_length has 3 images, which 4 processes cannot share"):
        data.train_dataloader()


def test_processes_share_the_images_in_order():
    data = ready(eval_batch_size=4)
    whole = torch.cat([batch.inputs for batch in data.ordered_dataloader("test")])
    parts = []
    for rank in range(2):
        data.trainer = Trainer(rank=rank, processes=2)
        data.setup("test")
        loader = data.ordered_dataloader("test")
        parts.append((loader.sampler.share(rank), torch.cat([batch.inputs for batch in loader])))
    order = torch.cat([rows for rows, _ in parts])
    assert order.sort().values.tolist() == list(range(30))
    assert torch.equal(torch.cat([images for _, images in parts]), whole[order])


def test_a_split_with_fewer_images_than_processes_is_refused():
    data = ready()
    data.trainer = Trainer(processes=31)
    with pytest.raises(InputError, match=r"14 images, which 31 processes cannot share: lower accelerator\.devices"):
        data.setup("fit")


def test_streamed_images_are_not_looked_at_before_the_bad_ones_are_known(folder):
    truncate(folder / "left" / "00.png", 60)
    source = image_folder(str(folder), image_size=(8, 9), channels=3, test_size=0.3, split_seed=0).train
    rows = np.argsort(source.names)  # the damaged one comes first
    data = prepare(source, rows, False, 1.0, "skip", ImageCache(None, 1.0))
    assert data.skipped == 2
    assert not any(name.endswith(("left/00.png", "left/03.png")) for name in data.names)
