import numpy as np
import pytest
import torch
from helpers.images import (
    pixels,
    truncate,
    write_class_folders,
    write_csv,
    write_image,
    write_splits,
    write_zip,
)

from lightning_imb.data.datasets.csv_list import csv_list
from lightning_imb.data.datasets.image_folder import image_folder
from lightning_imb.data.loading import load_all
from lightning_imb.data.profiles import exponential_profile, subsample
from lightning_imb.utils.errors import InputError

FULL = {"train": {"cat": 4, "ant": 3}, "val": {"cat": 1, "ant": 1}, "test": {"cat": 2, "ant": 2}}


def folder(root, image_size=None, channels=3, test_size=0.25, split_seed=0):
    return image_folder(str(root), image_size, channels, test_size, split_seed)


def table(csv, root, **changes):
    settings = {
        "path_column": "path",
        "label_column": "label",
        "split_column": "auto",
        "num_classes": None,
        "image_size": None,
        "channels": 3,
        "test_size": 0.25,
        "split_seed": 0,
    }
    return csv_list(str(csv), str(root), **(settings | changes))


def counts(source):
    return np.bincount(source.labels, minlength=len(source.class_names)).tolist()


# image folder


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


# csv


@pytest.fixture
def pictures(tmp_path):
    root = tmp_path / "pictures"
    for i in range(12):
        write_image(root / f"{i}.png", pixels(i))
    return root


def csv_of(tmp_path, rows, header=("path", "label")):
    return write_csv(tmp_path / "list.csv", header, rows)


ROWS = [(f"{i}.png", "cat" if i < 8 else "ant") for i in range(12)]


@pytest.mark.parametrize("packed", [False, True])
def test_csv_without_splits_gets_a_stratified_test_split(tmp_path, pictures, packed):
    root = write_zip(tmp_path / "p.zip", pictures) if packed else pictures
    splits = table(csv_of(tmp_path, ROWS), root)
    assert splits.train.class_names == ("ant", "cat")
    assert [counts(splits.train), splits.val, counts(splits.test)] == [[3, 6], None, [1, 2]]
    for source in (splits.train, splits.test):
        number = int(source.names[0].removesuffix(".png"))
        np.testing.assert_array_equal(source.load(0), pixels(number).transpose(2, 0, 1))
        assert source.labels[0] == int(number < 8)


def test_csv_with_splits_keeps_them(tmp_path, pictures):
    parts = ["train", "train", "val", "valid", "Test"] * 2
    rows = [(f"{i}.png", i % 2, part) for i, part in enumerate(parts)]
    splits = table(csv_of(tmp_path, rows, ("path", "label", "split")), pictures)
    assert splits.train.names == ["0.png", "1.png", "5.png", "6.png"]
    assert splits.val.names == ["2.png", "3.png", "7.png", "8.png"]
    assert splits.test.names == ["4.png", "9.png"]


def test_csv_split_column_can_be_named_or_ignored(tmp_path, pictures):
    rows = [(f"{i}.png", i % 2, "train" if i < 8 else "test", "train") for i in range(12)]
    csv = csv_of(tmp_path, rows, ("path", "label", "fold", "split"))
    assert len(table(csv, pictures, split_column="fold").test) == 4
    assert counts(table(csv, pictures, split_column=None).test) == [2, 2]
    assert counts(table(csv, pictures).test) == [2, 2]  # `split` has no test rows: some are drawn
    with pytest.raises(InputError, match="has no column part, found path, label, fold, split"):
        table(csv, pictures, split_column="part")


def test_csv_columns_can_be_named_and_values_have_spaces_around(tmp_path, pictures):
    csv = tmp_path / "list.csv"
    csv.write_text("\ufefffile , class\n\n" + "".join(f" ./{i}.png , {'xy'[i % 2]} \n" for i in range(12)))
    splits = table(csv, pictures, path_column="file", label_column="class")
    assert splits.train.class_names == ("x", "y")
    assert set(splits.train.names) | set(splits.test.names) == {f"{i}.png" for i in range(12)}


def test_integer_labels_are_in_numeric_order(tmp_path, pictures):
    rows = [(f"{i}.png", [2, 10, 7][i % 3]) for i in range(12)]
    splits = table(csv_of(tmp_path, rows), pictures)
    assert splits.train.class_names == ("2", "7", "10")
    by_name = dict(zip(splits.train.names, splits.train.labels.tolist(), strict=True))
    assert all(label == [0, 2, 1][int(name.split(".")[0]) % 3] for name, label in by_name.items())


def test_integer_labels_keep_their_value_when_the_number_of_classes_is_given(tmp_path, pictures):
    rows = [(f"{i}.png", i % 3) for i in range(12)]
    assert table(csv_of(tmp_path, rows), pictures, num_classes=3).train.class_names == ("0", "1", "2")
    with pytest.raises(InputError, match=r"line 4 has label 2, not in 0\.\.1"):
        table(csv_of(tmp_path, rows), pictures, num_classes=2)
    rows[6] = ("6.png", -1)
    with pytest.raises(InputError, match=r"line 8 has label -1"):
        table(csv_of(tmp_path, rows), pictures, num_classes=3)


def test_class_without_rows_is_refused(tmp_path, pictures):
    rows = [(f"{i}.png", i % 3) for i in range(12)]
    with pytest.raises(InputError, match="no training image of class 3, 4"):
        table(csv_of(tmp_path, rows), pictures, num_classes=5)
    with pytest.raises(InputError, match=r"2 different labels, dataset.num_classes=3"):
        table(csv_of(tmp_path, ROWS), pictures, num_classes=3)
    with pytest.raises(InputError, match="only the label cat"):
        table(csv_of(tmp_path, ROWS[:5]), pictures)


def test_classes_of_the_csv_splits_must_agree(tmp_path, pictures):
    header = ("path", "label", "split")
    only_test = [(f"{i}.png", "abc"[i % 3], "test" if i % 3 == 2 else "train") for i in range(12)]
    with pytest.raises(InputError, match="no training image of class c"):
        table(csv_of(tmp_path, only_test, header), pictures)
    fewer = [(f"{i}.png", "ab"[i % 2], "val" if i == 0 else "train") for i in range(12)]
    with pytest.raises(InputError, match="the val split has no image of class b"):
        table(csv_of(tmp_path, fewer, header), pictures)


@pytest.mark.parametrize(
    ("row", "match"),
    [
        (("absent.png", "cat", "train"), r"line 3: absent\.png is not in .*pictures"),
        (("0.png", "cat", "train"), r"line 3 repeats 0\.png of line 2"),
        (("1.png", "", "train"), "line 3 has no label"),
        (("", "cat", "train"), "line 3 has no path"),
        (("1.png", "cat", "dev"), "line 3 has split 'dev'"),
        (("1.png",), "line 3 has no label"),
    ],
)
def test_bad_rows_are_named_by_their_line(tmp_path, pictures, row, match):
    rows = [("0.png", "cat", "train"), row, ("2.png", "ant", "train"), ("3.png", "ant", "test")]
    with pytest.raises(InputError, match=match):
        table(csv_of(tmp_path, rows, ("path", "label", "split")), pictures)


def test_missing_columns_list_the_found_ones(tmp_path, pictures):
    with pytest.raises(InputError, match="has no column path, label, found file, class"):
        table(csv_of(tmp_path, ROWS, ("file", "class")), pictures)


def test_unreadable_csv_files_are_refused(tmp_path, pictures):
    with pytest.raises(InputError, match=r"dataset.csv=.*absent.csv cannot be read"):
        table(tmp_path / "absent.csv", pictures)
    (tmp_path / "list.csv").write_text("")
    with pytest.raises(InputError, match="has no rows"):
        table(tmp_path / "list.csv", pictures)
    (tmp_path / "list.csv").write_bytes(b"path,label\n\xff\xfe,1\n")
    with pytest.raises(InputError, match="utf-8"):
        table(tmp_path / "list.csv", pictures)


# real data, where they are at hand


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
