import functools

import numpy as np
import pytest
import torch
from helpers import tiny

from lightning_imb.data.embeddings import EmbeddingSet, LentEmbeddings
from lightning_imb.data.profiles import exponential_profile
from lightning_imb.utils.errors import InputError


def all_rows(loader):
    return torch.cat([batch.inputs for batch in loader])


def test_counts_are_those_after_profile_and_validation_split():
    data = tiny.ready(train=(40, 40, 40), profile=lambda available: exponential_profile(available, 4.0))
    assert data.counts("train") == [32, 16, 8]
    assert data.counts("val") == [8, 4, 2]
    assert data.class_counts == np.bincount(data.target("train")).tolist()


def test_training_and_validation_images_are_disjoint_and_together_the_subset():
    data = tiny.ready(pad=0)
    names = data.names("train") + data.names("val")
    assert len(names) == len(set(names)) == 70


def test_paper_protocol_holds_nothing_out_and_monitors_the_test_set():
    data = tiny.ready(val_size=0, monitor="test")
    assert data.counts("train") == [40, 20, 10]
    assert not data.has("val")
    assert len(all_rows(data.val_dataloader())) == 30


def test_a_validation_split_of_the_dataset_is_used_as_it_is():
    data = tiny.ready(splits=functools.partial(tiny.splits, val=(5, 5, 5)))
    assert data.counts("val") == [5, 5, 5]
    assert data.counts("train") == [40, 20, 10]


def test_evaluation_is_in_order_without_random_draws():
    data = tiny.ready()
    batches = list(data.ordered_dataloader("train"))
    assert {batch.key for batch in batches} == {None}
    assert torch.cat([b.target for b in batches]).tolist() == data.target("train").tolist()


def test_streaming_yields_what_memory_yields():
    in_memory, streamed = tiny.ready(in_memory=True), tiny.ready(in_memory=False)
    for split in ("train", "val", "test"):
        pairs = zip(in_memory.ordered_dataloader(split), streamed.ordered_dataloader(split), strict=True)
        assert all(torch.equal(a.inputs, b.inputs) and torch.equal(a.target, b.target) for a, b in pairs)


def test_workers_do_not_change_the_batches():
    none, two = tiny.ready(in_memory=False), tiny.ready(in_memory=False, num_workers=2)
    for a, b in zip(none.train_dataloader(), two.train_dataloader(), strict=True):
        assert torch.equal(a.inputs, b.inputs)
        assert a.key == b.key


@pytest.mark.parametrize(("limit", "held"), [(1.0, True), (1e-9, False)])
def test_auto_keeps_in_memory_what_fits(limit, held):
    assert tiny.ready(in_memory="auto", memory_limit_gb=limit).in_memory_sets is held


def test_lent_embeddings_are_trained_on_and_given_back():
    data = tiny.ready()
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


def test_measured_statistics_normalise_the_training_images():
    data = tiny.ready(mean="auto", std="auto")
    images = torch.cat([data.transform(batch).inputs for batch in data.ordered_dataloader("train")])
    assert images.mean().item() == pytest.approx(0, abs=1e-4)
    assert images.std(correction=0).item() == pytest.approx(1, abs=1e-4)


def test_setting_up_twice_changes_nothing():
    data = tiny.ready()
    before = data.names("train")
    data.setup("test")
    assert data.names("train") is before


def test_a_class_missing_in_the_test_set_is_named():
    with pytest.raises(InputError, match="right"):
        tiny.ready(splits=functools.partial(tiny.splits, test=(5, 5, 0)))


def test_a_class_without_training_images_is_named():
    with pytest.raises(InputError, match="right"):
        tiny.ready(splits=functools.partial(tiny.splits, train=(5, 5, 0)), val_size=0, monitor="test")


@pytest.mark.parametrize("mean", [[0.1, 0.2], "measured"])
def test_statistics_that_do_not_fit_the_channels_are_refused(mean):
    with pytest.raises(InputError, match=r"dataset\.mean"):
        tiny.ready(mean=mean)


@pytest.mark.parametrize(
    ("key", "value"), [("in_memory", "sometimes"), ("num_workers", "many"), ("on_device", "perhaps")]
)
def test_unknown_words_are_refused(key, value):
    with pytest.raises(InputError, match=value):
        tiny.ready(**{key: value}).train_dataloader()


def test_an_epoch_is_made_of_what_the_sampler_draws():
    def only_the_last_class(target, epoch, random):
        return random.choice(np.flatnonzero(target == 2), len(target))

    data = tiny.ready(draw=only_the_last_class)
    targets = torch.cat([batch.target for batch in data.train_dataloader()])
    assert targets.tolist() == [2] * len(data.target("train"))
    data.lend(LentEmbeddings(EmbeddingSet(torch.eye(9), torch.arange(9) % 3, 9), (torch.eye(9), torch.arange(9)), 4, 1))
    assert sorted(torch.cat([b.target for b in data.train_dataloader()]).tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("size", [5, 17, 200])
def test_an_epoch_is_as_long_as_the_sampler_makes_it(size):
    def draw(target, epoch, random):
        return random.integers(len(target), size=size)

    data = tiny.ready(draw=draw)
    loader = data.train_dataloader()
    batches = list(loader)
    assert len(loader) == len(batches)
    assert sum(len(batch.target) for batch in batches) == size
