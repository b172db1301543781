import logging
import multiprocessing
import os

import numpy as np
import pytest
import torch
from helpers.images import pixels, truncate, write_image, write_zip
from helpers.sources import NAMES, source_of

from lightning_imb.data import cache as cache_module
from lightning_imb.data import decode
from lightning_imb.data.cache import ImageCache
from lightning_imb.data.loading import load_all, verify
from lightning_imb.data.sources import ArraySource, FileSource
from lightning_imb.utils.errors import InputError

ROWS = np.array([4, 0, 3, 1])


@pytest.fixture
def cache(tmp_path):
    return ImageCache(tmp_path / "cache", limit_gb=1.0)


@pytest.fixture
def decoded(monkeypatch):
    """Names of the files that are decoded, as they are."""
    seen = []
    original = decode.decode_image

    def counted(content, name, size, channels):
        seen.append(name)
        return original(content, name, size, channels)

    monkeypatch.setattr("lightning_imb.data.sources.decode_image", counted)
    return seen


@pytest.mark.parametrize("packed", [False, True])
def test_a_second_load_decodes_nothing_and_is_equal(tree, tmp_path, cache, decoded, packed):
    source = source_of(write_zip(tmp_path / "t.zip", tree) if packed else tree)
    wanted = load_all(source, ROWS)[0]
    first = cache.load(source, ROWS, "error")
    decoded.clear()
    second = ImageCache(tmp_path / "cache", 1.0).load(source_of(source.store.root), ROWS, "error")
    assert decoded == []
    assert second.cached
    for found in (first, second):
        assert torch.equal(found.images, wanted)
        assert found.images.stride() == wanted.stride()
        assert found.kept.tolist() == ROWS.tolist()
    second.images.zero_()  # a copy of this process
    assert torch.equal(cache.load(source, ROWS, "error").images, wanted)


def test_a_second_check_decodes_nothing_and_knows_the_same(tree, cache, decoded):
    source = source_of(tree)
    first = cache.verify(source, "error")
    decoded.clear()
    second = cache.verify(source, "error")
    assert decoded == []
    for found in (first, second):
        good, shape, counts = verify(source)
        assert found.good.tolist() == good.tolist()
        assert found.shape == shape
        assert torch.equal(found.counts, counts)


def test_skipped_images_are_remembered_and_named_again(tree, cache, caplog, decoded):
    for i in (0, 3):
        truncate(tree / NAMES[i], 60)
    source = source_of(tree)
    load, check = lambda: cache.load(source, ROWS, "skip").kept, lambda: cache.verify(source, "skip").good
    for call, good, first in (
        (load, [4, 1], True),
        (load, [4, 1], False),
        (check, [1, 2, 4], True),
        (check, [1, 2, 4], False),
    ):
        caplog.clear()
        decoded.clear()
        with caplog.at_level(logging.WARNING):
            assert call().tolist() == good
        assert "skipped 2 of" in caplog.text
        assert NAMES[0] in caplog.text
        assert bool(decoded) is first
    assert torch.equal(cache.load(source, ROWS, "skip").images, torch.stack([source.load(i) for i in (4, 1)]))


def test_an_error_is_raised_again_although_skipping_was_cached(tree, cache):
    truncate(tree / NAMES[0], 60)
    cache.load(source_of(tree), ROWS, "skip")
    cache.verify(source_of(tree), "skip")
    for call in (lambda: cache.load(source_of(tree), ROWS, "error"), lambda: cache.verify(source_of(tree), "error")):
        with pytest.raises(InputError, match=NAMES[0]):
            call()


def test_whatever_changes_the_pixels_is_another_entry(tree, tmp_path, cache, monkeypatch):
    def rewritten():
        times = (tree / NAMES[0]).stat()
        write_image(tree / "new.png", pixels(0)[::-1]).replace(tree / NAMES[0])
        os.utime(tree / NAMES[0], ns=(times.st_atime_ns, times.st_mtime_ns))
        return cache.load(source_of(tree), ROWS, "error")

    found = [
        cache.load(source_of(tree), ROWS, "error"),
        cache.load(source_of(tree), ROWS[::-1], "error"),
        cache.load(source_of(tree), ROWS[:3], "error"),
        cache.load(source_of(tree, image_size=4), ROWS, "error"),
        cache.load(source_of(tree, channels=1), ROWS, "error"),
        rewritten(),
    ]
    entries = list((tmp_path / "cache").glob("*.npy"))
    assert len(entries) == len(found)
    assert torch.equal(found[-1].images[1], torch.from_numpy(pixels(0)[::-1].copy()).permute(2, 0, 1))
    monkeypatch.setattr(cache_module, "DECODER", "another")
    cache.load(source_of(tree), ROWS, "error")
    assert len(list((tmp_path / "cache").glob("*.npy"))) == len(found) + 1


def test_labels_are_no_part_of_an_entry(tree, tmp_path, cache):
    cache.load(source_of(tree), ROWS, "error")
    cache.load(FileSource(tree, NAMES, [0] * 5, ("x",), None, 3), ROWS, "error")
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 1


def test_a_damaged_entry_is_decoded_anew(tree, tmp_path, cache, caplog):
    wanted = cache.load(source_of(tree), ROWS, "error").images.clone()
    (file,) = (tmp_path / "cache").glob("*.npy")
    truncate(file, 200)
    with caplog.at_level(logging.WARNING):
        again = cache.load(source_of(tree), ROWS, "error")
    assert torch.equal(again.images, wanted)
    assert len(caplog.records) == 1
    caplog.clear()
    assert cache.load(source_of(tree), ROWS, "error").cached
    assert caplog.records == []


def test_arrays_are_not_cached(tmp_path, cache):
    source = ArraySource(np.zeros((3, 1, 4, 4), np.uint8), [0, 1, 0], ("a", "b"))
    assert not cache.load(source, np.array([2, 0]), "error").cached
    assert cache.verify(source, "error").good.tolist() == [0, 1, 2]
    assert not (tmp_path / "cache").exists()


def test_no_folder_means_no_cache(tree, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    none = ImageCache(None, 1.0)
    assert not none.load(source_of(tree), ROWS, "error").cached
    assert none.verify(source_of(tree), "error").shape == (3, 8, 8)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tree"]


def test_the_home_folder_is_found(tree, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert ImageCache("~/images", 1.0).load(source_of(tree), ROWS, "error").cached
    assert list((tmp_path / "home" / "images").glob("*.npy"))


def test_a_folder_that_cannot_be_written_does_not_stop_a_run(tree, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    cache = ImageCache(tmp_path / "file", 1.0)
    with caplog.at_level(logging.WARNING):
        found = cache.load(source_of(tree), ROWS, "error")
        cache.verify(source_of(tree), "error")
    assert torch.equal(found.images, load_all(source_of(tree), ROWS)[0])
    assert not found.cached
    assert len(caplog.records) == 1


def _load(root, folder, barrier, queue):
    barrier.wait()
    found = ImageCache(folder, 1.0).load(source_of(root), ROWS, "error")
    queue.put((found.cached, found.images.numpy().tobytes()))


def test_processes_may_fill_the_cache_at_once(tree, tmp_path):
    wanted = load_all(source_of(tree), ROWS)[0].numpy().tobytes()
    fork = multiprocessing.get_context("fork")
    queue, barrier = fork.Queue(), fork.Barrier(4)
    children = [
        fork.Process(target=_load, args=(tree, tmp_path / "cache", barrier, queue), daemon=True) for _ in range(4)
    ]
    for child in children:
        child.start()
    assert [queue.get(timeout=60) for _ in children] == [(True, wanted)] * 4
    for child in children:
        child.join()
    assert len(list((tmp_path / "cache").iterdir())) == 2  # one entry, no drafts
