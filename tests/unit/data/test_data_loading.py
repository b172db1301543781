import logging
import os

import numpy as np
import pytest
import torch
from helpers.images import pixels, truncate, write_class_folders, write_image, write_zip
from helpers.sources import LABELS, NAMES, array_source, source_of

from lightning_imb.data.loading import load_all, verify
from lightning_imb.data.statistics import level_counts
from lightning_imb.utils.errors import InputError


def test_load_all_follows_the_indices(tree):
    source = source_of(tree, NAMES, LABELS)
    images, kept = load_all(source, [4, 0, 2])
    assert kept.tolist() == [4, 0, 2]
    assert torch.equal(images, torch.stack([source.load(i) for i in (4, 0, 2)]))


@pytest.mark.parametrize("workers", [1, 3])
def test_load_all_is_independent_of_the_number_of_threads(tmp_path, workers):
    tree = write_class_folders(tmp_path / "tree", {"a": 150, "b": 150}, side=4)
    names = sorted(p.relative_to(tree).as_posix() for p in tree.rglob("*.png"))
    source = source_of(tree, names)
    order = np.random.default_rng(0).permutation(300)
    images, kept = load_all(source, order, workers=workers)
    np.testing.assert_array_equal(kept, order)
    assert torch.equal(images, torch.stack([source.load(int(i)) for i in order]))


def test_load_all_of_an_array_source():
    source, images = array_source()
    loaded, kept = load_all(source, [3, 1])
    np.testing.assert_array_equal(loaded.numpy(), images[[3, 1]])
    assert kept.tolist() == [3, 1]
    loaded.zero_()
    np.testing.assert_array_equal(source.images.numpy(), images)


@pytest.mark.parametrize("bad", [[1], [0, 3]])
@pytest.mark.parametrize("packed", [False, True])
def test_bad_image_is_named_or_skipped_and_counted(tree, tmp_path, caplog, bad, packed):
    for i in bad:
        truncate(tree / NAMES[i], 60)
    root = write_zip(tmp_path / "t.zip", tree) if packed else tree
    source = source_of(root, NAMES, LABELS)
    for decode in (lambda mode: load_all(source, range(5), mode), lambda mode: verify(source, mode)):
        with pytest.raises(InputError, match=NAMES[bad[0]]):
            decode("error")
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            decode("skip")
        assert f"skipped {len(bad)} of 5 images" in caplog.text
        assert all(NAMES[i] in caplog.text for i in bad)
    good = [i for i in range(5) if i not in bad]
    images, kept = load_all(source, range(5), "skip")
    verified = verify(source, "skip")
    assert kept.tolist() == verified.good.tolist() == good
    assert verified.shape == (3, 8, 8)
    assert torch.equal(verified.counts, level_counts(images))
    assert torch.equal(images, torch.stack([source.load(i) for i in good]))


def test_nothing_is_logged_when_all_images_are_good(tree, caplog):
    source = source_of(tree, NAMES, LABELS)
    with caplog.at_level(logging.WARNING):
        assert verify(source, "skip").good.tolist() == [0, 1, 2, 3, 4]
    assert caplog.text == ""


def test_missing_file_is_never_skipped(tree):
    os.remove(tree / NAMES[3])
    with pytest.raises(InputError, match=NAMES[3]):
        load_all(source_of(tree, NAMES, LABELS), range(5), "skip")


def test_only_bad_images_and_no_images_are_refused(tree):
    for name in NAMES:
        truncate(tree / name, 10)
    source = source_of(tree, NAMES, LABELS)
    with pytest.raises(InputError, match="none of the 5 images"):
        load_all(source, range(5), "skip")
    with pytest.raises(InputError, match="none of the 0 images"):
        load_all(source, [])


def test_different_sizes_are_refused_unless_an_image_size_is_given(tree):
    write_image(tree / NAMES[3], pixels(0, 9, 8))
    source = source_of(tree, NAMES, LABELS)
    with pytest.raises(InputError, match=rf"{NAMES[3]} is \(3, 9, 8\).*set dataset.image_size"):
        load_all(source, range(5), "skip")
    with pytest.raises(InputError, match=r"set dataset.image_size"):
        verify(source)
    images, _ = load_all(source_of(tree, NAMES, LABELS, image_size=[6, 4]), range(5))
    assert images.shape == (5, 3, 6, 4)


def test_unknown_on_bad_image_is_refused(tree):
    with pytest.raises(InputError, match="on_bad_image='ignore'"):
        verify(source_of(tree, NAMES, LABELS), "ignore")
