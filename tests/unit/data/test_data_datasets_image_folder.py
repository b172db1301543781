import numpy as np
import pytest
import torch
from helpers.images import (
    pixels,
    truncate,
    write_class_folders,
    write_image,
    write_splits,
    write_zip,
)

from lightning_imb.data.datasets.image_folder import image_folder
from lightning_imb.data.loading import load_all
from lightning_imb.data.profiles import exponential_profile, subsample
from lightning_imb.utils.errors import InputError

FULL = {"train": {"cat": 4, "ant": 3}, "val": {"cat": 1, "ant": 1}, "test": {"cat": 2, "ant": 2}}


def folder(root, image_size=None, channels=3, test_size=0.25, split_seed=0):
    return image_folder(str(root), image_size, channels, test_size, split_seed)


def counts(source):
    return np.bincount(source.labels, minlength=len(source.class_names)).tolist()


def test_splits_are_read_with_sorted_classes_and_names(tmp_path):
    splits = folder(write_splits(tmp_path, FULL))
    assert [counts(source) for source in splits.sources] == [[3, 4], [1, 1], [2, 2]]
    assert all(source.class_names == ("ant", "cat") for source in splits.sources)
    assert splits.train.names[2:5] == ["train/ant/02.png", "train/cat/00.png", "train/cat/01.png"]
    np.testing.assert_array_equal(splits.train.load(3), pixels(0).transpose(2, 0, 1))


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_names_of_the_validation_folder(tmp_path, val):
    splits = folder(write_splits(tmp_path, {"Train": FULL["train"], val: FULL["val"], "TEST": FULL["test"]}))
    assert counts(splits.val) == [1, 1]


def test_train_and_test_without_val(tmp_path):
    splits = folder(write_splits(tmp_path, {"train": FULL["train"], "test": FULL["test"]}))
    assert splits.val is None
    assert counts(splits.test) == [2, 2]


@pytest.mark.parametrize("wrapped_in_train", [False, True])
def test_class_folders_get_a_stratified_test_split(tmp_path, wrapped_in_train):
    root = tmp_path / "train" if wrapped_in_train else tmp_path
    write_class_folders(root, {"b": 8, "a": 4})
    splits = folder(tmp_path)
    assert [counts(splits.train), counts(splits.test), splits.val] == [[3, 6], [1, 2], None]
    assert not set(splits.train.names) & set(splits.test.names)
    assert folder(tmp_path).test.names == splits.test.names
    seeds = {tuple(folder(tmp_path, split_seed=seed).test.names) for seed in range(10)}
    assert len(seeds) > 1
    with pytest.raises(InputError, match=r"set dataset.test_size"):
        folder(tmp_path, test_size=None)


def test_train_and_val_without_test_draw_the_test_images_from_train(tmp_path):
    splits = folder(write_splits(tmp_path, {"train": FULL["train"], "val": FULL["val"]}))
    assert [counts(source) for source in splits.sources] == [[2, 3], [1, 1], [1, 1]]


@pytest.mark.parametrize("prefix", ["", "cifar10/"])
def test_zip_equals_folder_also_inside_one_wrapping_folder(tmp_path, prefix):
    tree = write_splits(tmp_path / "tree", FULL)
    archive = write_zip(tmp_path / "data.zip", tree, prefix)
    for unpacked, packed in zip(folder(tree).sources, folder(archive).sources, strict=True):
        assert [prefix + name for name in unpacked.names] == packed.names
        assert unpacked.labels.tolist() == packed.labels.tolist()
        assert torch.equal(load_all(unpacked, range(2))[0], load_all(packed, range(2))[0])


def test_folder_on_disk_may_be_wrapped_too(tmp_path):
    write_splits(tmp_path / "birds", FULL)
    assert counts(folder(tmp_path).train) == [3, 4]
    other = write_class_folders(tmp_path / "other" / "flowers", {"a": 4, "b": 4}).parent
    assert counts(folder(other).test) == [1, 1]


def test_a_class_may_be_called_train(tmp_path):
    write_class_folders(tmp_path, {"bus": 4, "train": 4, "test": 4})
    assert folder(tmp_path).train.class_names == ("bus", "test", "train")


def test_files_that_are_no_images_are_ignored(tmp_path):
    tree = write_splits(tmp_path / "tree", FULL)
    for name in (
        "README.md",
        "boxes.csv",
        "train/cat/.DS_Store",
        "train/cat/Thumbs.db",
        "train/ant/notes.TXT",
    ):
        (tree / name).write_text("text")
    write_image(tree / "__MACOSX/train/cat/00.png", pixels(0))
    write_image(tree / ".cache/x/00.png", pixels(0))
    for root in (tree, write_zip(tmp_path / "t.zip", tree)):
        assert counts(folder(root).train) == [3, 4]


def test_unknown_extension_counts_as_image_and_is_reported_when_it_is_none(tmp_path):
    tree = write_splits(tmp_path, FULL)
    (tree / "train/cat/99.xyz").write_bytes(b"?")
    splits = folder(tree)
    assert counts(splits.train) == [3, 5]
    with pytest.raises(InputError, match=r"train/cat/99\.xyz is not a readable image"):
        load_all(splits.train, range(8))


def test_nothing_is_decoded_for_counting(tmp_path):
    tree = write_splits(tmp_path, FULL)
    for path in tree.rglob("*.png"):
        truncate(path, 3)
    assert counts(folder(tree).train) == [3, 4]


def test_missing_and_empty_roots_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"absent does not exist"):
        folder(tmp_path / "absent")
    with pytest.raises(InputError, match="has no class folders"):
        folder(tmp_path)
    write_image(tmp_path / "loose.png", pixels(0))
    with pytest.raises(InputError, match="has no class folders: known layouts"):
        folder(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("inside", [None, "notes.txt", ".hidden.png"])
def test_class_folder_without_images_is_refused(tmp_path, packed, inside):
    tree = write_class_folders(tmp_path / "tree", {"a": 3, "b": 3})
    (tree / "void").mkdir()
    if inside:
        (tree / "void" / inside).write_text("x")
    with pytest.raises(InputError, match="class folder void has no image"):
        folder(write_zip(tmp_path / "t.zip", tree) if packed else tree)


def test_single_class_is_refused(tmp_path):
    write_class_folders(tmp_path, {"a": 3})
    with pytest.raises(InputError, match="has 1 class folder"):
        folder(tmp_path)


def test_classes_must_agree_between_the_splits(tmp_path):
    extra = write_splits(tmp_path / "extra", FULL | {"test": {"cat": 1, "ant": 1, "dog": 1}})
    with pytest.raises(InputError, match="class dog of test has no training image"):
        folder(extra)
    fewer = write_splits(tmp_path / "fewer", FULL | {"val": {"cat": 1}})
    with pytest.raises(InputError, match="the val split has no image of class ant"):
        folder(fewer)


def test_other_layouts_are_refused_with_the_known_ones(tmp_path):
    nested = write_splits(tmp_path / "nested", {"pictures": {"a": 1, "b": 1}, "masks": {"a": 1, "b": 1}})
    with pytest.raises(InputError, match=r"class folder masks holds folders.*known layouts"):
        folder(nested)
    beside = write_splits(tmp_path / "beside", FULL | {"extra": {"cat": 1, "ant": 1}})
    with pytest.raises(InputError, match="folder extra beside train"):
        folder(beside)
    twice = write_splits(tmp_path / "twice", FULL | {"valid": FULL["val"]})
    with pytest.raises(InputError, match="folder valid beside train"):
        folder(twice)
    no_train = write_splits(tmp_path / "no_train", {"val": FULL["val"], "test": FULL["test"]})
    with pytest.raises(InputError, match="has test, val but no train folder"):
        folder(no_train)
    hollow = write_splits(tmp_path / "hollow", {"train": FULL["train"]})
    (hollow / "test").mkdir()
    with pytest.raises(InputError, match="folder test has no class folders"):
        folder(hollow)


def test_cifar10_zip_has_the_published_counts_and_subset(real_data):
    splits = folder(real_data / "cifar10.zip", image_size=32)
    assert [counts(splits.train), splits.val, counts(splits.test)] == [[5000] * 10, None, [1000] * 10]
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    assert " ".join(splits.train.class_names) == names
    chosen = subsample(splits.train.labels, exponential_profile(counts(splits.train), 100), 0, "ldam_drw")
    assert len(chosen) == 12406
    images, kept = load_all(splits.train, chosen[::500])
    assert images.shape == (25, 3, 32, 32)
    assert kept.tolist() == chosen[::500].tolist()
    assert 60 < images.float().mean() < 190
