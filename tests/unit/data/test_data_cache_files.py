import json
import logging
import os

import numpy as np
import pytest

from lightning_imb.data.cache_files import CacheFiles, Entry

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def entry(value=1, n=10):
    return Entry((3, 4, 5), [2, 7], None, np.full((n, 4, 5, 3), value, np.uint8))


@pytest.fixture
def files(tmp_path):
    return CacheFiles(tmp_path / "cache", limit_gb=1.0)


def age(files, key, seconds):
    for suffix in ("npy", "json"):
        file = files.folder / f"{key}.{suffix}"
        os.utime(file, (file.stat().st_mtime - seconds,) * 2)


def kept(files):
    return {file.name[0] for file in files.folder.glob("*.json")}


def test_what_is_written_is_read(files):
    assert files.read(A) is None
    files.write(A, entry())
    found = files.read(A)
    assert found[:3] == ((3, 4, 5), [2, 7], None)
    assert isinstance(found.pixels, np.memmap)
    np.testing.assert_array_equal(found.pixels, entry().pixels)
    assert files.read(B) is None


def test_what_is_known_of_images_can_be_kept_without_them(files):
    known = Entry((1, 2, 2), [], [[4, *[0] * 255]], None)
    files.write(A, known)
    assert files.read(A) == known


def test_changes_stay_in_the_process(files):
    files.write(A, entry())
    files.read(A).pixels[:] = 9
    np.testing.assert_array_equal(files.read(A).pixels, entry().pixels)


def flip_a_byte(file):
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)


DAMAGES = {
    "truncated": lambda npy, marker: npy.write_bytes(npy.read_bytes()[:-50]),
    "cut in the header": lambda npy, marker: npy.write_bytes(npy.read_bytes()[:20]),
    "empty": lambda npy, marker: npy.write_bytes(b""),
    "one bit": lambda npy, marker: flip_a_byte(npy),
    "other shape": lambda npy, marker: np.save(npy, np.zeros((10, 5, 4, 3), np.uint8)),
    "other content": lambda npy, marker: npy.write_bytes(b"no numpy file"),
    "missing pixels": lambda npy, marker: npy.unlink(),
    "marker cut": lambda npy, marker: marker.write_bytes(marker.read_bytes()[:-9]),
    "marker empty": lambda npy, marker: marker.write_text("{}"),
    "marker of another kind": lambda npy, marker: marker.write_text("[1]"),
    "marker with words": lambda npy, marker: marker.write_text(
        json.dumps(json.loads(marker.read_text()) | {"bad": ["x"]})
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_entry_is_no_entry_and_can_be_written_anew(files, caplog, damage):
    files.write(A, entry())
    damage(files.folder / f"{A}.npy", files.folder / f"{A}.json")
    with caplog.at_level(logging.WARNING):
        assert files.read(A) is None
    assert all("decoding them anew" in record.getMessage() for record in caplog.records)
    files.write(A, entry())
    np.testing.assert_array_equal(files.read(A).pixels, entry().pixels)


@pytest.mark.parametrize("damage", ["truncated", "one bit", "marker cut"])
def test_damage_is_said_once(files, caplog, damage):
    files.write(A, entry())
    DAMAGES[damage](files.folder / f"{A}.npy", files.folder / f"{A}.json")
    with caplog.at_level(logging.WARNING):
        files.read(A)
    (record,) = caplog.records
    assert "damaged" in record.getMessage()
    assert A in record.getMessage()


def test_pixels_without_marker_are_no_entry(files):
    files.write(A, entry())
    (files.folder / f"{A}.json").unlink()
    assert files.read(A) is None


def test_the_limit_takes_what_was_used_longest_ago(tmp_path):
    large = entry(n=100)
    files = CacheFiles(tmp_path, limit_gb=2.5 * large.pixels.nbytes / 1e9)
    files.write(A, large)
    age(files, A, 100)
    files.write(B, large)
    age(files, B, 50)
    files.read(A)  # used now, so B goes first
    files.write(C, large)
    assert kept(files) == {"a", "c"}
    assert not (tmp_path / f"{B}.npy").exists()


def test_an_entry_just_written_stays_even_when_others_look_newer(tmp_path):
    files = CacheFiles(tmp_path, limit_gb=(entry().pixels.nbytes + 1000) / 1e9)
    files.write(A, entry())
    age(files, A, -1000)
    files.write(B, entry())
    assert kept(files) == {"b"}


def test_an_entry_over_the_limit_is_not_written_and_takes_no_other_away(tmp_path):
    files = CacheFiles(tmp_path, limit_gb=(entry().pixels.nbytes + 1000) / 1e9)
    files.write(A, entry())
    files.write(B, entry(n=100))
    assert kept(files) == {"a"}


def test_drafts_of_a_process_that_died_are_removed_and_files_of_others_are_not(tmp_path):
    draft, other = tmp_path / f".{A}.npy.{'0' * 32}", tmp_path / "thesis.npy"
    for file in (draft, other):
        file.write_bytes(bytes(5000))
        os.utime(file, (1, 1))
    files = CacheFiles(tmp_path, limit_gb=4000 / 1e9)
    files.write(B, entry())
    assert other.exists()
    assert not draft.exists()
    assert kept(files) == {"b"}


def test_a_folder_that_cannot_be_written_costs_one_warning(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    files = CacheFiles(tmp_path / "file" / "cache", limit_gb=1.0)
    with caplog.at_level(logging.WARNING):
        for key in (A, B):
            assert files.read(key) is None
            files.write(key, entry())
    (record,) = caplog.records
    assert "cannot be kept" in record.getMessage()
    assert "cache=false" in record.getMessage()


def test_a_full_disk_costs_one_warning_and_leaves_no_litter(files, caplog, monkeypatch):
    def full(file, array):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with caplog.at_level(logging.WARNING):
        files.write(A, entry())
        files.write(B, entry())
    assert len(caplog.records) == 1
    assert "No space left" in caplog.text
    assert list(files.folder.iterdir()) == []


def test_an_unwritable_cache_is_read(files, monkeypatch):
    files.write(A, entry())

    def denied(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "utime", denied)
    np.testing.assert_array_equal(files.read(A).pixels, entry().pixels)
