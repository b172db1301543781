import numpy as np
import pytest
import torch
from helpers import tiny
from torchvision.transforms import v2

from lightning_imb.utils.errors import InputError


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
    data = tiny.ready()
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
    data = tiny.ready(num_workers=2)
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
    data = tiny.ready(**changes)
    assert sum(len(data.target(split)) for split in ("train", "val", "test")) == 100
    assert data.fits_on(torch.device("cuda")) is fits
    assert not data.fits_on(torch.device("cpu"))


def test_processes_share_both_streams_of_an_epoch():
    def draw(target, epoch, random):
        return random.integers(len(target), size=75)

    def next_row(target, rows, random):
        return (rows + 1) % len(target)

    data = tiny.ready(draw=draw, second=next_row)
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
    data = tiny.ready(draw=lambda target, epoch, random: np.arange(3))
    data.trainer = Trainer(processes=4)
    with pytest.raises(InputError, match=r"epoch_length has 3 images, which 4 processes cannot share"):
        data.train_dataloader()


def test_processes_share_the_images_in_order():
    data = tiny.ready(eval_batch_size=4)
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
    data = tiny.ready()
    data.trainer = Trainer(processes=31)
    with pytest.raises(InputError, match=r"14 images, which 31 processes cannot share: lower accelerator\.devices"):
        data.setup("fit")
