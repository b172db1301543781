import multiprocessing
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from helpers.images import pixels, truncate, write_class_folders, write_image, write_zip
from helpers.sources import LABELS, NAMES, array_source, source_of
from torch.utils.data import DataLoader, Dataset

from lightning_imb.data.decode import BadImageError
from lightning_imb.data.sources import ArraySource
from lightning_imb.utils.errors import InputError

# array source


def test_array_source_gives_its_images_back():
    source, images = array_source()
    assert len(source) == 6
    assert source.labels.dtype == np.int64
    assert source.class_names == ("a", "b")
    np.testing.assert_array_equal(source.load(4).numpy(), images[4])


def test_array_subset_keeps_names_labels_and_order():
    source, images = array_source()
    part = source.subset([5, 0]).subset([1, 0])
    assert (list(part.names), part.labels.tolist()) == (["0", "5"], [0, 1])
    np.testing.assert_array_equal(part.load(1).numpy(), images[5])


@pytest.mark.parametrize(
    ("images", "labels", "match"),
    [
        (np.zeros((2, 3, 4, 4), np.float64), [0, 1], "float64"),
        (np.zeros((2, 4, 4), np.uint8), [0, 1], "shape"),
        (np.zeros((2, 4, 4, 3), np.uint8)[:, :2], [0, 1], "channels=2"),
        (np.zeros((2, 1, 4, 4), np.uint8), [0, 2], "from 0 to 1, found 0 to 2"),
        (np.zeros((2, 1, 4, 4), np.uint8), [-1, 0], "found -1"),
        (np.zeros((2, 1, 4, 4), np.uint8), [0.0, 1.0], "integers"),
        (np.zeros((2, 1, 4, 4), np.uint8), [0], "one of each"),
    ],
)
def test_array_source_refuses_what_does_not_fit(images, labels, match):
    with pytest.raises(InputError, match=match):
        ArraySource(images, labels, ["a", "b"])


def test_array_fingerprint_follows_pixels_labels_and_order():
    source, images = array_source()
    same, _ = array_source()
    assert source.fingerprint() == same.fingerprint()
    changed = images.copy()
    changed[0, 0, 0, 0] ^= 1
    others = [
        ArraySource(changed, source.labels, ["a", "b"]),
        ArraySource(images, 1 - source.labels, ["a", "b"]),
        ArraySource(images, source.labels, ["a", "c"]),
        source.subset([1, 0, 2, 3, 4, 5]),
        source.subset([0, 1]),
    ]
    assert len({s.fingerprint() for s in [source, *others]}) == len(others) + 1


# file source


@pytest.mark.parametrize("prefix", ["", "wrap/"])
def test_zip_and_folder_give_the_same_images(tree, tmp_path, prefix):
    archive = write_zip(tmp_path / "tree.zip", tree, prefix)
    folder = source_of(tree, NAMES, LABELS)
    packed = source_of(archive, [prefix + name for name in NAMES], LABELS)
    for i in range(5):
        assert torch.equal(folder.load(i), packed.load(i))


def test_files_are_decoded_as_stored(tree):
    source = source_of(tree, NAMES, LABELS)
    np.testing.assert_array_equal(source.load(4).numpy(), pixels(1001).transpose(2, 0, 1))


def test_file_subset_keeps_names_labels_and_order(tree):
    part = source_of(tree, NAMES, LABELS).subset(np.array([4, 0]))
    assert (list(part.names), part.labels.tolist(), len(part)) == (["b/01.png", "a/00.png"], [1, 0], 2)
    np.testing.assert_array_equal(part.load(0).numpy(), pixels(1001).transpose(2, 0, 1))


def test_file_fingerprint_needs_no_decoding_and_follows_size_labels_and_options(tree, tmp_path):
    archive = write_zip(tmp_path / "t.zip", tree)
    seen = [
        source_of(tree, NAMES, LABELS).fingerprint(),
        source_of(tree, NAMES, [0, 0, 1, 1, 1]).fingerprint(),
        source_of(tree, NAMES[::-1], LABELS).fingerprint(),
        source_of(tree, NAMES, LABELS, image_size=4).fingerprint(),
        source_of(tree, NAMES, LABELS, channels=1).fingerprint(),
        source_of(archive, NAMES, LABELS).fingerprint(),
    ]
    assert source_of(tree, NAMES, LABELS).fingerprint() == seen[0]
    truncate(tree / "a/00.png", 20)  # no image any more, a fingerprint still
    seen.append(source_of(tree, NAMES, LABELS).fingerprint())
    assert len(set(seen)) == len(seen)


def test_zip_fingerprint_sees_a_change_that_keeps_the_size(tmp_path):
    prints = []
    for value in (1, 2):
        root = tmp_path / str(value)
        write_image(root / "x.bmp", np.full((4, 4, 3), value, np.uint8))
        prints.append(source_of(write_zip(tmp_path / f"{value}.zip", root), ["x.bmp"]).fingerprint())
    assert prints[0] != prints[1]


def test_missing_root_and_missing_files_are_named(tree, tmp_path):
    with pytest.raises(InputError, match=r"nowhere does not exist"):
        source_of(tmp_path / "nowhere", NAMES, LABELS)
    with pytest.raises(InputError, match=r"a/99\.png cannot be read"):
        source_of(tree, ["a/99.png"]).load(0)
    archive = write_zip(tmp_path / "t.zip", tree)
    with pytest.raises(InputError, match=r"no member a/99\.png"):
        source_of(archive, ["a/99.png"]).load(0)
    (tmp_path / "fake.zip").write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"fake\.zip is not a readable zip"):
        source_of(tmp_path / "fake.zip", NAMES, LABELS).load(0)


def test_damaged_zip_member_is_a_bad_image(tree, tmp_path):
    archive = write_zip(tmp_path / "t.zip", tree)
    content = archive.read_bytes()
    at = content.index((tree / "b/00.png").read_bytes()) + 60
    archive.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
    with pytest.raises(BadImageError, match=r"b/00\.png is damaged"):
        source_of(archive, NAMES, LABELS).load(3)


class Images(Dataset):
    def __init__(self, source):
        self.source = source

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        return self.source.load(index)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_zip_source_works_in_loader_workers_after_it_was_opened(tmp_path, context):
    tree = write_class_folders(tmp_path / "tree", {"a": 40, "b": 40})
    names = sorted(p.relative_to(tree).as_posix() for p in tree.rglob("*.png"))
    source = source_of(write_zip(tmp_path / "t.zip", tree), names)
    expected = torch.stack([source.load(i) for i in range(80)])  # the archive is open in this process now
    loader = DataLoader(Images(source), batch_size=10, num_workers=2, multiprocessing_context=context)
    assert torch.equal(torch.cat(list(loader)), expected)


def test_open_zip_source_can_be_pickled(tree, tmp_path):
    source = source_of(write_zip(tmp_path / "t.zip", tree), NAMES, LABELS)
    before = source.load(2)
    copy = pickle.loads(pickle.dumps(source))
    assert torch.equal(copy.load(2), before)
    assert copy.fingerprint() == source.fingerprint()


def _read_in_child(source, queue):
    queue.put([source.load(i).numpy().tobytes() for i in range(len(source)) for _ in range(20)])


def test_forked_processes_and_threads_read_one_archive_at_the_same_time(tree, tmp_path):
    source = source_of(write_zip(tmp_path / "t.zip", tree), NAMES, LABELS)
    expected = [source.load(i).numpy().tobytes() for i in range(5) for _ in range(20)]
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    children = [fork.Process(target=_read_in_child, args=(source, queue)) for _ in range(2)]
    for child in children:
        child.start()
    with ThreadPoolExecutor(4) as pool:
        threads = [pool.submit(lambda: [source.load(i).numpy().tobytes() for i in range(5)]) for _ in range(20)]
    assert all(thread.result() == expected[::20] for thread in threads)
    assert [queue.get(timeout=60) for _ in children] == [expected, expected]
    for child in children:
        child.join()


@pytest.mark.parametrize("packed", [False, True])
def test_the_content_stamp_sees_a_change_that_keeps_the_size(tree, tmp_path, packed):
    def stamps():
        root = write_zip(tmp_path / "t.zip", tree) if packed else tree
        source = source_of(root, NAMES, LABELS)
        return source.content_stamp(), source.store.content_stamps(NAMES)

    write_image(tree / "a/00.bmp", np.zeros((8, 8, 3), np.uint8)).rename(tree / NAMES[0])
    before, times = stamps(), (tree / NAMES[0]).stat()
    assert stamps() == before
    write_image(tree / "a/00.bmp", np.ones((8, 8, 3), np.uint8)).rename(tree / NAMES[0])
    os.utime(tree / NAMES[0], ns=(times.st_atime_ns, times.st_mtime_ns))  # as an archive would do it
    assert (tree / NAMES[0]).stat().st_size == times.st_size
    assert all(now != then for now, then in zip(stamps(), before, strict=True))


def test_a_fingerprint_is_the_same_after_a_move(tree, tmp_path):
    before = source_of(tree, NAMES, LABELS).fingerprint()
    moved = tree.rename(tmp_path / "elsewhere")
    for name in NAMES:
        os.utime(moved / name, (1, 1))
    assert source_of(moved, NAMES, LABELS).fingerprint() == before
