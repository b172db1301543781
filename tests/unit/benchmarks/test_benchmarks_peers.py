"""The baselines compute what they should: a baseline that does something else would be no baseline."""

import zipfile

import numpy as np
import pytest
import torch

from benchmarks.case import BenchmarkError
from benchmarks.cases.eos import minority, neighbor_digest
from benchmarks.cases.imagenet_lt import class_sizes
from benchmarks.data import FEW, PER_CLASS_QUICK, long_tail, read_images, write_images
from benchmarks.embeddings import clustered_rows
from benchmarks.peer_network import PeerNet
from benchmarks.peers import Peer, PeerImages, accuracy
from benchmarks.released_eos import ReleasedEOS, brute_neighbors, enemy_shares
from benchmarks.resampler import FillUp
from benchmarks.sources import saved_arrays
from benchmarks.stamps import StampLogger, epoch_seconds
from lightning_imb.models.backbones import ResNetCifar
from lightning_imb.resampling import EOS
from lightning_imb.resampling.neighbors import nearest


def test_the_peers_network_is_the_products():
    theirs, ours = PeerNet(20), ResNetCifar(depth=20, width=16, in_channels=3)
    values = [v for name, v in theirs.state_dict().items() if not name.startswith("linear")]
    ours.load_state_dict(dict(zip(ours.state_dict(), values, strict=True)))
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(theirs.eval().features(images), ours.eval()(images))


def test_the_peers_network_has_the_published_size():
    assert sum(p.numel() for p in PeerNet(32).parameters()) == 464_154


def test_the_peers_train_on_the_products_images(settings):
    script = Peer(settings)
    splits = saved_arrays(str(settings.data), download=False, image_size=None, channels=3)
    rows = long_tail(settings, splits.train.labels)
    np.testing.assert_array_equal(script.train_set.images[3].transpose(2, 0, 1), splits.train.load(int(rows[3])))
    assert script.train_set.labels == splits.train.labels[rows].tolist()
    counts = np.bincount(script.train_set.labels)
    assert counts[0] == PER_CLASS_QUICK["train"]
    assert counts[-1] < counts[0]


def test_the_peers_normalise_as_the_product(settings):
    from lightning_imb.data.transforms import BatchTransform

    images, labels = read_images(settings.data, "test")
    theirs, _ = PeerImages(images, labels, train=False)[0]
    transform = BatchTransform([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010], 0, False, False)
    ours = transform.normalise(torch.from_numpy(images[:1].transpose(0, 3, 1, 2).copy()))[0]
    torch.testing.assert_close(theirs, ours)


def test_a_peer_learns_and_scores(settings):
    script = Peer(settings)
    loader = script.train_loader()
    first = script.train_epoch(loader)
    last = [script.train_epoch(loader) for _ in range(3)][-1]
    assert last < first
    assert 0 <= script.validate(script.test_loader()) <= 100
    z, y = script.embed()
    assert z.shape == (len(script.train_set), 64)
    assert y.tolist() == script.train_set.labels


def test_accuracy_is_in_percent():
    output = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    first, two = accuracy(output, torch.tensor([0, 1]), topk=(1, 2))
    assert (first.item(), two.item()) == (50.0, 100.0)


@pytest.fixture
def rows():
    return clustered_rows([40, 20, 10], 6)


def test_released_neighbours_are_the_products(rows):
    X, y = rows
    queried = minority(y)
    assert len(queried) == 30
    theirs, ours = brute_neighbors(X, 5)[queried], nearest(queried, X, 5)
    assert neighbor_digest(theirs) == neighbor_digest(ours)
    assert neighbor_digest(theirs) != neighbor_digest(theirs[::-1])


def test_the_released_algorithm_balances_with_points_between_a_base_and_an_enemy(rows):
    X, y = rows
    made, labels = ReleasedEOS(k=5).fit_resample(X, y)
    assert np.bincount(labels).tolist() == [40, 40, 40]
    np.testing.assert_array_equal(made[: len(X)], X)
    _, ours = EOS(k=5, random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(labels, ours)
    neighbors = brute_neighbors(X, 5)
    for point, label in zip(made[len(X) :], labels[len(X) :], strict=True):
        assert any(
            np.allclose(np.linalg.norm(point - X[i]) + np.linalg.norm(point - X[j]), np.linalg.norm(X[i] - X[j]))
            for i in np.flatnonzero(y == label)
            for j in neighbors[i]
            if y[j] != label
        )


def test_shares_are_uniform_over_enemies():
    y = np.array([0, 0, 1, 1])
    shares = enemy_shares(np.array([[1, 2, 3], [0, 0, 0], [0, 1, 3], [2, 2, 0]]), y)
    np.testing.assert_array_equal(shares, [[0, 0.5, 0.5], [0, 0, 0], [0.5, 0.5, 0], [0, 0, 1]])


def test_fill_up_keeps_what_is_there(rows):
    X, y = rows
    more, labels = FillUp(rows=100, random_state=0).fit_resample(X, y)
    assert len(more) == len(labels) == 100
    np.testing.assert_array_equal(more[: len(X)], X)
    assert {tuple(row) for row in more} == {tuple(row) for row in X}


def test_class_sizes_have_the_sum_and_the_extremes_asked_for():
    sizes = class_sizes(115_846, 1000, 1280, 5)
    assert (sum(sizes), max(sizes), min(sizes), len(sizes)) == (115_846, 1280, 5, 1000)
    assert sizes[0] == 1280


def test_random_images_have_the_shape_of_cifar(images):
    train, labels = read_images(images, "train")
    assert train.shape == (10 * PER_CLASS_QUICK["train"], 32, 32, 3)
    assert train.dtype == np.uint8
    assert np.bincount(labels).tolist() == [PER_CLASS_QUICK["train"]] * 10
    test = read_images(images, "test")
    np.testing.assert_array_equal(read_images(images / FEW, "test")[0], test[0])


def test_an_archive_that_is_not_cifar_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "no images")
    with pytest.raises(BenchmarkError, match=r"other\.zip cannot be used"):
        write_images(tmp_path / "out", tmp_path / "other.zip", quick=True)


def test_cifar_itself_is_decoded_without_loss(real_data, tmp_path):
    told = write_images(tmp_path, real_data / "cifar10.zip", quick=True)
    assert told == "CIFAR-10 from cifar10.zip, 240 + 60 images"
    images, _ = read_images(tmp_path, "train")
    assert images.shape == (240, 32, 32, 3)
    assert images.std() > 30


def test_stamps_tell_the_seconds_between_epochs(tmp_path, monkeypatch):
    at = iter([0.0, 1.0, 1.5, 4.0, 4.5])
    monkeypatch.setattr("benchmarks.stamps.time.monotonic", lambda: next(at))
    logger = StampLogger(str(tmp_path / "stamps"))
    for _ in range(2):
        logger.log_metrics({"train/loss": 1.0})
        logger.log_metrics({"test/bacc": 0.5})
    assert epoch_seconds(tmp_path / "stamps", "train/loss") == [3.0]
