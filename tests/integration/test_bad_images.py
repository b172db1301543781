"""Images of one's own that cannot be used: one sentence with the file and the cure, before anything is trained."""

import logging

import pytest
from helpers.images import truncate, write_class_folders, write_csv
from helpers.runs import assert_refused_before_training, coloured_classes, own_images, trained


def refuse_tree(tmp_path, *words, overrides=()):
    assert_refused_before_training(tmp_path / "run", words, *own_images(tmp_path / "images", *overrides))


def test_a_missing_folder_is_named(tmp_path):
    refuse_tree(tmp_path, str(tmp_path / "images"), "does not exist", "dataset.root")


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "images").mkdir()
    refuse_tree(tmp_path, str(tmp_path / "images"), "no class folders", "class/image")


def test_a_file_that_is_no_zip_is_named(tmp_path):
    (tmp_path / "images").write_bytes(b"not a zip")
    refuse_tree(tmp_path, str(tmp_path / "images"), "not a readable zip")


def test_a_class_without_training_images_is_named(tmp_path):
    coloured_classes(tmp_path / "images")
    (tmp_path / "images" / "empty").mkdir()
    refuse_tree(tmp_path, "empty", "no image", "remove the folder")


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_class_missing_in_another_split_is_named(tmp_path, split):
    coloured_classes(tmp_path / "images" / "train")
    for name in ("val", "test"):
        write_class_folders(tmp_path / "images" / name, {"a": 2, "b": 2} | ({} if name == split else {"c": 2}))
    refuse_tree(tmp_path, f"the {split} split", "class c", "add some")


def test_a_validation_split_larger_than_a_class_is_refused(tmp_path):
    coloured_classes(tmp_path / "images", (60, 10, 60))
    refuse_tree(tmp_path, "protocol.val_size=50", "class b", overrides=["protocol.val_size=50", "dataset.test_size=2"])


def test_images_of_different_sizes_are_named(tmp_path):
    coloured_classes(tmp_path / "images")
    write_class_folders(tmp_path / "images", {"d": 5}, side=9)
    refuse_tree(tmp_path, "d/0", "set dataset.image_size", overrides=["dataset.image_size=null"])


def damage(tmp_path):
    """Two bad images: cut off, and none at all; both in the training part whatever the split."""
    root = coloured_classes(tmp_path / "images" / "train")
    coloured_classes(tmp_path / "images" / "test", (3, 3, 3))
    truncate(root / "a" / "03.png", 60)
    (root / "b" / "02.png").write_text("this is text")
    return root


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_damaged_image_is_named(tmp_path, in_memory):
    damage(tmp_path)
    refuse_tree(
        tmp_path,
        "train/a/03.png is not a readable image",
        "dataset.on_bad_image=skip",
        overrides=[f"dataset.in_memory={in_memory}", "protocol=paper"],
    )


def test_a_file_that_is_no_image_is_named_without_an_address_in_memory(tmp_path):
    (damage(tmp_path) / "a" / "03.png").unlink()
    refuse_tree(tmp_path, "train/b/02.png is not a readable image", "no known format", overrides=["protocol=paper"])


@pytest.mark.parametrize("in_memory", [True, False])
def test_skipped_images_are_counted_wherever_a_user_looks(tmp_path, capsys, caplog, in_memory):
    damage(tmp_path)
    overrides = [
        "dataset.on_bad_image=skip",
        f"dataset.in_memory={in_memory}",
        "protocol=paper",
        "num_workers=0",
    ]
    with caplog.at_level(logging.WARNING):
        run = trained(tmp_path / "run", *own_images(tmp_path / "images", *overrides))
    assert "skipped 2 of 26 images" in caplog.text
    assert "train/a/03.png" in caplog.text
    assert "skipped: 2 of train, 0 of test" in " ".join(capsys.readouterr().out.replace("│", "").split())
    assert run.read_data()["skipped"] == {"train": 2, "test": 0}
    assert run.read_metrics()["class_counts"]["train"] == [11, 7, 6]


def test_a_set_of_nothing_but_bad_images_is_refused(tmp_path):
    for name in "ab":
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(4):
            (tmp_path / "images" / name / f"{i}.png").write_text("text")
    refuse_tree(tmp_path, "none of the", "can be decoded", overrides=["dataset.on_bad_image=skip"])


# --- csv files


def refuse_csv(tmp_path, header, change, *words, overrides=()):
    """A correct list of the images, spoilt by ``change(rows)``."""
    root = coloured_classes(tmp_path / "images")
    rows = [[f"{k}/{i:02d}.png", "abc".index(k)] for k, n in zip("abc", (12, 8, 6), strict=True) for i in range(n)]
    change(rows)
    listed = write_csv(tmp_path / "labels.csv", header, rows)
    given = own_images(root, f"dataset.csv={listed}", *overrides, dataset="csv")
    assert_refused_before_training(tmp_path / "run", words, *given)


def test_a_label_outside_the_classes_is_named_with_its_line(tmp_path):
    refuse_csv(
        tmp_path,
        ["path", "label"],
        lambda rows: rows[4].__setitem__(1, 7),
        "line 6",
        "label 7",
        "0..2",
        overrides=["dataset.num_classes=3"],
    )


@pytest.mark.parametrize(("header", "missing"), [(["file", "label"], "path"), (["path", "class"], "label")])
def test_a_csv_without_its_columns_is_named(tmp_path, header, missing):
    refuse_csv(tmp_path, header, lambda rows: None, f"no column {missing}", "dataset.path_column")


def test_a_csv_with_a_missing_file_is_named(tmp_path):
    refuse_csv(tmp_path, ["path", "label"], lambda rows: rows.append(["a/99.png", 0]), "line 28", "a/99.png")


def test_a_csv_that_does_not_exist_is_named(tmp_path):
    root = coloured_classes(tmp_path / "images")
    given = own_images(root, f"dataset.csv={tmp_path / 'no.csv'}", dataset="csv")
    assert_refused_before_training(tmp_path / "run", ["no.csv", "cannot be read"], *given)
