"""Image folders with masks and boxes beside the images: what is an image, what stays together, what is marked."""

import numpy as np
import pytest
from helpers.images import pixels, write_class_folders, write_csv, write_image, write_splits, write_zip
from helpers.runs import composed

from lightning_imb.build import create
from lightning_imb.data.datasets.image_folder import image_folder
from lightning_imb.data.image_header import image_header
from lightning_imb.data.regions import image_folder_regions
from lightning_imb.utils.errors import InputError


def read(root, **changes):
    settings = {"image_size": None, "channels": 3, "test_size": 0.5, "split_seed": 0}
    return image_folder(str(root), **(settings | changes))


def with_masks(root, counts=(("ant", 4), ("cat", 6))):
    """``images/`` and ``masks/`` with the same tree."""
    write_class_folders(root / "images", dict(counts))
    for path in sorted((root / "images").rglob("*.png")):
        write_image(root / "masks" / path.relative_to(root / "images"), pixels(0, 8, 8, 1))
    return root


def with_patients(root, patients, header="patient"):
    """Images of two classes, and a csv file with the patient of each."""
    with_masks(root, (("ant", 4), ("cat", 6)))
    names = [f"{name}/{i:02d}.png" for name, count in (("ant", 4), ("cat", 6)) for i in range(count)]
    write_csv(root / "boxes.csv", ("path", header), list(zip(names, patients, strict=True)))
    return root


def everything(splits):
    return sorted([*splits.train.names, *splits.test.names])


@pytest.mark.parametrize("prefix", [None, "", "wrapped/"])
def test_masks_are_no_classes_and_no_images(tmp_path, prefix):
    root = with_masks(tmp_path / "set")
    if prefix is not None:
        root = write_zip(tmp_path / "set.zip", root, prefix)
    splits = read(root)
    assert splits.train.class_names == ("ant", "cat")
    assert len(everything(splits)) == 10
    assert all(name.startswith(f"{prefix or ''}images/") for name in everything(splits))


def test_splits_may_have_masks(tmp_path):
    write_splits(tmp_path / "images", {split: {"ant": 2, "cat": 3} for split in ("train", "test")})
    write_image(tmp_path / "masks/train/ant/00.png", pixels(0, 8, 8, 1))
    splits = read(tmp_path)
    assert splits.train.names[0] == "images/train/ant/00.png"
    assert [len(splits.train), len(splits.test)] == [5, 5]


def test_masks_of_another_name_are_no_class_either(tmp_path):
    write_class_folders(tmp_path, {"ant": 2, "cat": 2})
    write_image(tmp_path / "lesions/ant/00.png", pixels(0, 8, 8, 1))
    assert read(tmp_path, masks="lesions").train.class_names == ("ant", "cat")


def test_classes_may_be_called_images_and_masks(tmp_path):
    """Only a folder of folders is taken for the data set, so that older trees mean what they did."""
    write_class_folders(tmp_path, {"images": 2, "masks": 2})
    assert read(tmp_path).train.class_names == ("images", "masks")


def test_boxes_alone_are_found_beside_the_images(tmp_path):
    write_class_folders(tmp_path / "images", {"ant": 2, "cat": 2})
    write_csv(tmp_path / "boxes.csv", ("path", "x1", "y1", "x2", "y2"), [("ant/00.png", 1, 2, 3, 4)])
    name = read(tmp_path).train.names[0]
    assert name.startswith("images/")
    found = image_folder_regions(str(tmp_path)).load("images/ant/00.png", (8, 8), "ant")
    np.testing.assert_array_equal(np.argwhere(found), [[2, 1], [2, 2], [3, 1], [3, 2]])


def test_every_image_of_the_data_set_can_be_asked_for_its_region(tmp_path):
    root = with_masks(tmp_path)
    regions = image_folder_regions(str(root))
    splits = read(root)
    for source in (splits.train, splits.test):
        for name, label in zip(source.names, source.labels, strict=True):
            assert regions.load(name, (8, 8), source.class_names[label]) is not None


@pytest.mark.parametrize("seed", range(3))
def test_images_of_one_patient_are_never_parted(tmp_path, seed):
    # one patient has images of both classes, two have no name and stand alone
    root = with_patients(tmp_path, ["a", "a", "b", "c", "c", "d", "d", "", "", "e"])
    splits = read(root, groups="patient", split_seed=seed)
    held = {name.split("/", 1)[1] for name in splits.test.names}
    for together in (["ant/00.png", "ant/01.png"], ["ant/03.png", "cat/00.png"], ["cat/01.png", "cat/02.png"]):
        assert len(held & set(together)) in (0, 2)
    assert len(np.unique(splits.train.groups)) + len(np.unique(splits.test.groups)) == 7


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"groups": "nobody"}, "no column nobody, found path, patient"),
        ({"groups": "patient", "boxes": None}, "dataset.boxes"),
        ({"boxes": "other.csv"}, "no file dataset.boxes=other.csv"),
        ({"masks": "lesions"}, "no folder dataset.masks=lesions"),
        ({"masks": "../lesions"}, "leaves the data set"),
    ],
)
def test_what_is_named_must_be_there(tmp_path, change, words):
    root = with_patients(tmp_path, list("abcdefghij"))
    with pytest.raises(InputError) as caught:
        read(root, **change)
    assert words in str(caught.value)


def test_patients_in_two_splits_of_the_data_set_are_found(tmp_path):
    write_splits(tmp_path / "images", {split: {"ant": 1, "cat": 1} for split in ("train", "test")})
    names = [f"{split}/{name}/00.png" for split in ("train", "test") for name in ("ant", "cat")]
    write_csv(tmp_path / "boxes.csv", ("path", "patient"), list(zip(names, "abbc", strict=True)))
    with pytest.raises(InputError, match=r"groups of column patient: 1 with images in .*, such as that of"):
        read(tmp_path, groups="patient")


def test_the_config_finds_the_regions_of_its_data(tmp_path):
    chosen = ["dataset=image_folder", f"dataset.root={with_masks(tmp_path)}"]
    for switched_off, expected in (([], True), (["dataset.masks=null"], False)):
        regions = create(composed(*chosen, *switched_off).dataset.regions, "dataset.regions")
        assert regions.any == expected


# real data, where they are at hand


@pytest.fixture
def busi(real_data):
    if not (real_data / "busi.zip").is_file():
        pytest.skip(f"no busi.zip in {real_data}")
    return real_data / "busi.zip"


def bounds(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def test_lesions_of_breast_ultrasound(busi):
    """Every benign and malignant image has a lesion, no normal one has; masks and boxes say the same."""
    splits = read(busi, image_size=64, channels=1, test_size=0.2, groups="near_dup_group")
    masks, boxes = image_folder_regions(str(busi), boxes=None), image_folder_regions(str(busi), masks=None)
    class_names = ("benign", "malignant", "normal")
    assert splits.train.class_names == class_names
    assert len(splits.train) + len(splits.test) == 780
    assert not set(splits.train.groups) & set(splits.test.groups)
    assert len(splits.test) > 130
    for name, label in zip(splits.test.names, splits.test.labels, strict=True):
        header = image_header(splits.test.store.read(name), name)
        size = (header.height, header.width)
        drawn, boxed = (regions.load(name, size, class_names[label]) for regions in (masks, boxes))
        assert (drawn is None) == (boxed is None) == (class_names[label] == "normal")
        if drawn is not None:
            assert np.abs(bounds(drawn) - bounds(boxed)).max() <= 1
            assert drawn.sum() <= boxed.sum() * 1.05
