"""Numeric labels of image folders and csv files."""

import copy

import numpy as np
import pytest
import torch
from helpers.conf import composed
from helpers.images import pixels, write_class_folders, write_csv, write_image, write_splits, write_zip
from hydra.utils import instantiate
from omegaconf import OmegaConf

from lightning_imb.data.datasets.csv_list import csv_list
from lightning_imb.data.datasets.image_folder import image_folder
from lightning_imb.data.laws import Uniform
from lightning_imb.utils.errors import InputError

AGES = {"20": 8, "35.5": 4, "-1": 4}


def folder(root, test_size=0.25, bins=None, **options):
    return image_folder(str(root), None, 3, test_size, 0, task="regression", bins=bins, **options)


def table(tmp_path, rows, header=("path", "label"), **changes):
    names = sorted({row[0] for row in rows if row[0]})
    for k, name in enumerate(names):
        write_image(tmp_path / "images" / name, pixels(k))
    file = write_csv(tmp_path / "list.csv", header, rows)
    settings = {"path_column": "path", "label_column": "label", "split_column": "auto", "num_classes": None}
    settings |= {"image_size": None, "channels": 3, "test_size": 0.25, "split_seed": 0, "task": "regression"}
    return csv_list(str(file), str(tmp_path / "images"), **(settings | changes))


def listed(values, splits=None):
    parts = [[]] * len(values) if splits is None else [[split] for split in splits]
    return [[f"{i:03d}.png", value, *part] for i, (value, part) in enumerate(zip(values, parts, strict=True))]


def counts(source):
    return np.bincount(source.labels, minlength=len(source.class_names)).tolist()


# image folder


def test_folders_called_by_numbers_give_targets_and_bins(tmp_path):
    splits = folder(write_class_folders(tmp_path, AGES), bins=[-5, 0, 30, 40])
    assert splits.bins.edges == (-5, 0, 30, 40)
    assert splits.train.class_names == ("-5 to 0", "0 to 30", "30 to 40")
    assert [counts(splits.train), counts(splits.test), splits.val] == [[3, 6, 3], [1, 2, 1], None]
    for source in splits.sources:
        assert source.values.tolist() == [float(name.split("/")[0]) for name in source.names]
    row = splits.train.names.index("20/07.png") if "20/07.png" in splits.train.names else None
    source, at = (splits.train, row) if row is not None else (splits.test, splits.test.names.index("20/07.png"))
    np.testing.assert_array_equal(source.load(at), pixels(7).transpose(2, 0, 1))


def test_bins_are_ten_over_the_training_targets_unless_told(tmp_path):
    splits = folder(write_zip(tmp_path / "a.zip", write_class_folders(tmp_path / "tree", AGES)))
    assert (len(splits.bins), splits.bins.edges[0], splits.bins.edges[-1]) == (10, -1, 35.5)


def test_splits_may_have_targets_of_their_own(tmp_path):
    tree = {"train": {"1": 3, "9": 2}, "val": {"5": 2}, "test": {"1.5": 2, "100": 1}}
    splits = folder(write_splits(tmp_path, tree), bins=2)
    assert splits.bins.edges == (1, 5, 9)
    assert [source.values.tolist() for source in splits.sources] == [[1, 1, 1, 9, 9], [5, 5], [1.5, 1.5, 100]]
    assert [counts(source) for source in splits.sources] == [[3, 2], [0, 2], [2, 1]]


def test_a_bin_of_one_image_stays_in_training(tmp_path):
    splits = folder(write_class_folders(tmp_path, {"0": 8, "10": 1}), bins=2)
    assert [counts(splits.train), counts(splits.test)] == [[6, 1], [2, 0]]


def test_groups_and_masks_work_as_with_classes(tmp_path):
    root = write_class_folders(tmp_path / "images", {"1": 6, "2": 6}).parent
    write_class_folders(tmp_path / "masks", {"1": 6, "2": 6})
    names = [f"{k}/{i:02d}.png" for k in (1, 2) for i in range(6)]
    write_csv(tmp_path / "boxes.csv", ["path", "patient"], [[name, i // 2] for i, name in enumerate(names)])
    splits = folder(root, groups="patient", test_size=0.34, bins=2)
    assert len(splits.train) + len(splits.test) == 12
    assert len(splits.test) == 4
    assert not set(splits.train.groups) & set(splits.test.groups)


@pytest.mark.parametrize("name", ["cat", "nan", "1e99", "twenty"])
def test_a_folder_that_is_called_by_no_number_is_named(tmp_path, name):
    with pytest.raises(InputError, match=rf"class folder of train has the target '{name}'.*task=classification"):
        folder(write_class_folders(tmp_path, {"1": 2, name: 2}))


def test_one_target_is_no_regression(tmp_path):
    with pytest.raises(InputError, match=r"all 5 targets are 3: a regression needs at least two"):
        folder(write_class_folders(tmp_path, {"3": 3, "3.0": 2}))


def test_a_task_that_is_unknown_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"dataset.task is 'ranking'; choose one of classification, regression"):
        image_folder(str(write_class_folders(tmp_path, AGES)), None, 3, 0.25, 0, task="ranking")


def test_numbers_are_classes_in_a_classification(tmp_path):
    splits = image_folder(str(write_class_folders(tmp_path, AGES)), None, 3, 0.25, 0)
    assert splits.train.class_names == ("-1", "20", "35.5")
    assert splits.bins is splits.train.values is None


def test_a_law_thins_the_training_images_alone(tmp_path):
    root = write_class_folders(tmp_path, {"1": 16, "2": 16, "3": 16}, side=2)
    whole, thinned = (folder(root, bins=3, law=law) for law in (None, Uniform([0.5, 2.5])))
    assert counts(thinned.train) == [12, 12, 0]
    assert thinned.test.names == whole.test.names
    assert thinned.bins == whole.bins
    with pytest.raises(InputError, match=r"imbalance.law has no mass"):
        folder(root, law=Uniform([7, 9]))


def test_the_config_hands_task_bins_and_law_on(tmp_path):
    root = write_class_folders(tmp_path, {"1": 8, "2": 8, "3": 8}, side=2)
    asked = ("dataset.task=regression", "dataset.bins=3", "imbalance=missing", "dataset.laws.seen=[0.5,2.5]")
    cfg = copy.deepcopy(composed("dataset=image_folder", *asked))
    OmegaConf.set_readonly(cfg, False)
    cfg.dataset.root = str(root)
    splits = instantiate(cfg.dataset.splits, _convert_="all")
    assert [counts(splits.train), counts(splits.test)] == [[6, 6, 0], [2, 2, 2]]


# csv


def test_a_column_of_numbers_gives_targets_and_bins(tmp_path):
    values = [0.5, 1.5, 2.5, 3.5] * 4
    splits = table(tmp_path, listed(values), bins=2)
    assert splits.bins.edges == (0.5, 2.0, 3.5)
    assert [counts(splits.train), counts(splits.test)] == [[6, 6], [2, 2]]
    for source in splits.sources:
        assert source.values.tolist() == [values[int(name[:3])] for name in source.names]
    at = splits.train.names[0]
    assert torch.equal(splits.train.load(0), torch.from_numpy(pixels(int(at[:3])).transpose(2, 0, 1)))


def test_bins_know_the_training_rows_only(tmp_path):
    rows = listed([0, 10, 5, 50, 7], ["train", "train", "val", "test", "test"])
    splits = table(tmp_path, rows, ("path", "label", "split"), bins=5)
    assert splits.bins.edges == (0, 2, 4, 6, 8, 10)
    assert [source.values.tolist() for source in splits.sources] == [[0, 10], [5], [50, 7]]
    assert splits.test.labels.tolist() == [4, 3]


@pytest.mark.parametrize("value", ["old", "NaN", "-inf", "3,5"])
def test_the_line_of_a_bad_number_is_named(tmp_path, value):
    with pytest.raises(InputError, match=r"list.csv line 3 has the target") as refusal:
        table(tmp_path, listed(["1", value, "2"]))
    assert repr(value) in str(refusal.value)


@pytest.mark.parametrize(
    ("rows", "header", "changes", "message"),
    [
        (listed([2, 2, 2]), ("path", "label"), {}, r"all 3 targets are 2"),
        (listed([1, 2]), ("path", "label"), {"num_classes": 2}, r"dataset.num_classes=2 counts classes"),
        (listed([1, 2], ["val", "test"]), ("path", "label", "split"), {}, r"has no training image"),
        (listed([1, "", 2]), ("path", "label"), {}, r"line 3 has no label"),
        (listed([1, 2, 3]), ("path", "label"), {"bins": [7, 8]}, r"100% of the targets.*lie beyond"),
        (listed([1, 2, 3]), ("path", "label"), {"test_size": None}, r"set dataset.test_size"),
    ],
)
def test_tables_that_are_no_regression_are_refused(tmp_path, rows, header, changes, message):
    with pytest.raises(InputError, match=message):
        table(tmp_path, rows, header, **changes)


def test_a_law_thins_the_training_rows_by_a_seed_of_its_own(tmp_path):
    rows = listed([i % 10 for i in range(60)])
    chosen = {
        tuple(table(tmp_path, rows, law=Uniform([-0.5, 4.5]), bins=2, subset_seed=seed).train.names) for seed in (0, 1)
    }
    assert all(max(int(name[:3]) % 10 for name in names) <= 4 for names in chosen)
