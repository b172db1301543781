import gzip
import pickle
import struct

import numpy as np
import pytest
import torch
from scipy.io import savemat
from sklearn.datasets import load_digits
from torchvision import datasets as tv

from lightning_imb.data.datasets.arrays import fit_images
from lightning_imb.data.datasets.digits import digits
from lightning_imb.data.datasets.torchvision_sets import cifar10, cifar100, fashion_mnist, svhn
from lightning_imb.utils.errors import InputError

# digits


def test_digits_are_split_by_class_and_scaled_to_eight_bit():
    splits = digits(test_size=0.3, split_seed=0, image_size=None, channels=1)
    bunch = load_digits()
    available = np.bincount(bunch.target)
    assert np.bincount(splits.test.labels).tolist() == [round(0.3 * n) for n in available]
    assert len(splits.train) + len(splits.test) == 1797
    assert splits.val is None
    for source in (splits.train, splits.test):
        row = int(source.names[0].split("/")[1])
        expected = np.round(bunch.images[row] * 255 / 16)
        np.testing.assert_array_equal(source.load(0)[0].numpy(), expected)
        assert source.labels[0] == bunch.target[row]
    assert not set(splits.train.names) & set(splits.test.names)


def test_digits_split_is_a_function_of_its_seed():
    first, again, other = (digits(10, seed, None, 1).test.names for seed in (0, 0, 1))
    assert first == again != other


def test_digits_can_be_enlarged_and_made_rgb():
    image = digits(0.3, 0, 32, 3).train.load(0)
    assert image.shape == (3, 32, 32)
    assert torch.equal(image[0], image[2])


# arrays


def test_fit_images_leaves_fitting_images_alone():
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 6, 6), dtype=np.uint8)
    assert fit_images(images, None, 3).numpy().base is not None
    np.testing.assert_array_equal(fit_images(images, 6, 3), images)


def test_fit_images_makes_grey_with_luma_weights_and_halves_by_averaging():
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 6, 6), dtype=np.uint8)
    grey = np.einsum("nchw,c->nhw", images, [0.299, 0.587, 0.114])
    np.testing.assert_array_equal(fit_images(images, None, 1)[:, 0], np.round(grey))
    flat = np.full((2, 1, 6, 6), 77, np.uint8)
    half = fit_images(flat, [3, 2], 1)
    assert half.shape == (2, 1, 3, 2)
    assert half.unique().tolist() == [77]


def test_fit_images_refuses_other_channels():
    with pytest.raises(InputError, match=r"dataset.channels=4"):
        fit_images(np.zeros((1, 3, 4, 4), np.uint8), None, 4)


# torchvision


def rows(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 3072), dtype=np.uint8)


def fake_cifar10(root):
    """Six batches of 20 images in the pickles of cifar-10-python.tar.gz."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for i, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        content = {"data": rows(20, i), "labels": list(range(10)) * 2}
        (folder / name).write_bytes(pickle.dumps(content))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))


def fake_cifar100(root):
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    for i, name in enumerate(["train", "test"]):
        content = {"data": rows(200, i), "fine_labels": list(range(100)) * 2}
        (folder / name).write_bytes(pickle.dumps(content))
    meta = {"fine_label_names": [f"fine{k}" for k in range(100)]}
    (folder / "meta").write_bytes(pickle.dumps(meta))


@pytest.fixture
def no_checksums(monkeypatch):
    """Made-up files cannot have the published checksums."""
    monkeypatch.setattr(tv.cifar, "check_integrity", lambda path, md5=None: True)
    monkeypatch.setattr(tv.SVHN, "_check_integrity", lambda self: True)


def test_cifar10_reads_the_published_files(tmp_path, no_checksums):
    fake_cifar10(tmp_path)
    splits = cifar10(str(tmp_path), False, None, 3)
    assert np.bincount(splits.train.labels).tolist() == [10] * 10
    assert np.bincount(splits.test.labels).tolist() == [2] * 10
    assert splits.train.class_names == tuple("abcdefghij")
    assert splits.val is None
    np.testing.assert_array_equal(splits.train.load(23), rows(20, 1)[3].reshape(3, 32, 32))
    np.testing.assert_array_equal(splits.test.load(0), rows(20, 5)[0].reshape(3, 32, 32))
    assert (splits.train.names[23], splits.test.names[0]) == ("train/00023", "test/00000")


def test_cifar100_has_its_fine_labels(tmp_path, no_checksums):
    fake_cifar100(tmp_path)
    splits = cifar100(str(tmp_path), False, 16, 1)
    assert splits.train.class_names[99] == "fine99"
    assert splits.train.labels.tolist() == list(range(100)) * 2
    assert splits.test.load(0).shape == (1, 16, 16)


def test_svhn_calls_the_digit_zero_class_zero(tmp_path, no_checksums):
    images = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 20), dtype=np.uint8)
    labels = np.tile(np.arange(1, 11), 2)[:, None]  # the files say 10 for the digit 0
    for name in ("train_32x32.mat", "test_32x32.mat"):
        savemat(tmp_path / name, {"X": images, "y": labels})
    splits = svhn(str(tmp_path), False, None, 3)
    assert splits.train.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0] * 2
    assert splits.test.class_names == tuple("0123456789")
    red = splits.train.load(7)[0].numpy()
    assert red.shape == (32, 32)
    # torchvision hands out (N, C, H, W) of the file's (H, W, C, N)
    np.testing.assert_array_equal(red, tv.SVHN(tmp_path, "train").data[7][0])


def test_fashion_mnist_reads_idx_files(tmp_path):
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for i, prefix in enumerate(["train", "t10k"]):
        images = np.random.default_rng(i).integers(0, 256, (30, 28, 28), dtype=np.uint8)
        head = struct.pack(">HBBIII", 0, 8, 3, 30, 28, 28)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        labels = np.tile(np.arange(10, dtype=np.uint8), 3)
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, 30) + labels.tobytes())
    splits = fashion_mnist(str(tmp_path), False, None, 1)
    assert splits.train.class_names[9] == "Ankle boot"
    assert splits.test.labels.tolist() == list(range(10)) * 3
    np.testing.assert_array_equal(splits.test.load(29)[0], images[29])


@pytest.mark.parametrize(
    ("factory", "wanted"),
    [
        (cifar10, "cifar-10-batches-py"),
        (cifar100, "cifar-100-python"),
        (fashion_mnist, "FashionMNIST/raw"),
        (svhn, "train_32x32.mat"),
    ],
)
def test_absent_data_say_what_to_do(tmp_path, factory, wanted):
    with pytest.raises(InputError, match=rf"{wanted} is missing or damaged: set dataset.download=true"):
        factory(str(tmp_path), False, None, 3)


def test_files_that_are_not_the_published_ones_are_refused(tmp_path):
    fake_cifar10(tmp_path)  # checksums on
    with pytest.raises(InputError, match="missing or damaged"):
        cifar10(str(tmp_path), False, None, 3)


def test_failed_download_says_where_to_put_the_files(tmp_path, monkeypatch):
    def refuse(self):
        raise OSError("no network")

    monkeypatch.setattr(tv.CIFAR10, "download", refuse)
    with pytest.raises(InputError, match=r"failed \(no network\): put .*cifar-10-batches-py there by hand"):
        cifar10(str(tmp_path), True, None, 3)


def test_damaged_idx_file_is_reported(tmp_path):
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            (raw / f"{prefix}-{kind}-ubyte").write_bytes(gzip.compress(b"not unpacked"))
    with pytest.raises(InputError, match="FashionMNIST/raw is missing or damaged"):
        fashion_mnist(str(tmp_path), False, None, 1)
