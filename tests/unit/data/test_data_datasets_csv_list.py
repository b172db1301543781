import numpy as np
import pytest
from helpers.images import (
    pixels,
    write_csv,
    write_image,
    write_zip,
)

from lightning_imb.data.datasets.csv_list import csv_list
from lightning_imb.utils.errors import InputError


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
