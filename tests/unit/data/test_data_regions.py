"""Regions of images: masks, boxes, what is said of files that do not fit."""

import numpy as np
import pytest
from helpers.images import pixels, write_csv, write_image, write_zip
from PIL import ExifTags, Image

from lightning_imb.data.regions import image_folder_regions
from lightning_imb.utils.errors import InputError

HEADER = ("path", "x1", "y1", "x2", "y2")
WHOLE = (*HEADER, "width", "height", "class")


def tree(root, height=20, width=30, images=("ant/1.png", "ant/2.png", "cat/1.png")):
    """``images/<class>/<file>``, all of one size."""
    for i, name in enumerate(images):
        write_image(root / "images" / name, pixels(i, height, width))
    return root


def filled(shape, rows, columns, value=255):
    array = np.zeros(shape, dtype=np.uint8)
    array[rows, columns] = value
    return array


def boxes(root, rows, header=HEADER):
    write_csv(root / "boxes.csv", header, rows)
    return image_folder_regions(str(root))


def bounds(mask):
    """x1, y1, x2, y2 of what is set, half-open."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


# masks


@pytest.mark.parametrize("value", [1, 255])
@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_a_mask_is_the_file_at_the_place_of_the_image(tmp_path, value, suffix):
    drawn = filled((20, 30), slice(4, 9), slice(10, 25), value)
    write_image(tree(tmp_path) / f"masks/ant/2{suffix}", drawn)
    regions = image_folder_regions(str(tmp_path))
    found = regions.load("images/ant/2.png", (20, 30), "ant")
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(found, drawn > 0)
    assert regions.load("images/ant/1.png", (20, 30), "ant") is None
    assert regions.any


@pytest.mark.parametrize("prefix", ["", "wrapped/"])
def test_a_zip_is_read_like_a_folder(tmp_path, prefix):
    write_image(tree(tmp_path / "set") / "masks/cat/1.png", filled((20, 30), slice(0, 5), slice(0, 6)))
    write_csv(tmp_path / "set" / "boxes.csv", HEADER, [("images/ant/1.png", 3, 4, 9, 8)])
    regions = image_folder_regions(str(write_zip(tmp_path / "set.zip", tmp_path / "set", prefix)))
    assert bounds(regions.load(f"{prefix}images/cat/1.png", (20, 30), None)) == (0, 0, 6, 5)
    assert bounds(regions.load(f"{prefix}images/ant/1.png", (20, 30), None)) == (3, 4, 9, 8)


def test_splits_have_masks_of_their_own(tmp_path):
    tree(tmp_path, images=("train/ant/1.png", "train/cat/1.png", "test/ant/1.png", "test/cat/1.png"))
    write_image(tmp_path / "masks/train/ant/1.png", filled((20, 30), slice(0, 5), slice(0, 6)))
    write_image(tmp_path / "masks/test/ant/1.png", filled((20, 30), slice(5, 9), slice(0, 6)))
    regions = image_folder_regions(str(tmp_path))
    assert bounds(regions.load("images/train/ant/1.png", (20, 30), None)) == (0, 0, 6, 5)
    assert bounds(regions.load("images/test/ant/1.png", (20, 30), None)) == (0, 5, 6, 9)


def test_masks_and_boxes_can_be_named_or_switched_off(tmp_path):
    for i, name in enumerate(("ant/1.png", "cat/1.png")):
        write_image(tmp_path / name, pixels(i, 20, 30))
    write_image(tmp_path / "lesions/ant/1.png", filled((20, 30), slice(0, 5), slice(0, 6)))
    write_csv(tmp_path / "marked.csv", HEADER, [("cat/1.png", 1, 2, 3, 4)])
    given = image_folder_regions(str(tmp_path), masks="lesions", boxes="marked.csv")
    assert bounds(given.load("ant/1.png", (20, 30), None)) == (0, 0, 6, 5)
    assert bounds(given.load("cat/1.png", (20, 30), None)) == (1, 2, 3, 4)
    with pytest.raises(InputError, match="no image of"):
        given.load("lesions/ant/1.png", (20, 30), None)
    assert not image_folder_regions(str(tmp_path), masks=None, boxes=None).any


def test_a_mask_is_resized_with_its_image_and_cut_at_one_half(tmp_path):
    drawn = filled((20, 30), slice(4, 8), slice(6, 12))
    drawn[0, :2] = 255  # half of a pixel of the small one
    write_image(tree(tmp_path) / "masks/ant/1.png", drawn)
    found = image_folder_regions(str(tmp_path)).load("images/ant/1.png", (10, 15), None)
    assert found.shape == (10, 15)
    np.testing.assert_array_equal(found[1:], filled((10, 15), slice(2, 4), slice(3, 6))[1:] > 0)
    other = image_folder_regions(str(tmp_path)).load("images/ant/1.png", (20, 15), None)  # aspect ratio not kept
    assert bounds(other[2:]) == (3, 2, 6, 6)


def test_a_mask_may_be_coarser_or_finer_than_its_image(tmp_path):
    write_image(tree(tmp_path) / "masks/ant/1.png", filled((40, 60), slice(8, 16), slice(12, 24)))
    write_image(tmp_path / "masks/ant/2.png", filled((10, 15), slice(2, 4), slice(3, 6)))
    regions = image_folder_regions(str(tmp_path))
    for name in ("images/ant/1.png", "images/ant/2.png"):
        assert bounds(regions.load(name, (20, 30), None)) == (6, 4, 12, 8)


@pytest.mark.parametrize("at", [(0, 0), (13, 29), (19, 7)])
def test_a_region_of_one_pixel_never_vanishes(tmp_path, at):
    write_image(tree(tmp_path) / "masks/ant/1.png", filled((20, 30), *at))
    found = image_folder_regions(str(tmp_path)).load("images/ant/1.png", (4, 5), None)
    assert found.sum() == 1
    assert found[at[0] * 4 // 20, at[1] * 5 // 30]


def test_an_empty_mask_means_that_there_is_no_region_whatever_boxes_say(tmp_path):
    write_image(tree(tmp_path) / "masks/ant/1.png", np.zeros((20, 30), dtype=np.uint8))
    regions = boxes(tmp_path, [("ant/1.png", 1, 2, 3, 4), ("ant/2.png", 1, 2, 3, 4)])
    assert regions.load("images/ant/1.png", (20, 30), None) is None
    assert regions.load("images/ant/2.png", (20, 30), None) is not None


def test_soft_borders_of_a_mask_are_cut_at_half_of_its_largest_value(tmp_path):
    drawn = np.zeros((20, 30), dtype=np.uint8)
    drawn[5, :4] = (99, 100, 101, 200)
    write_image(tree(tmp_path) / "masks/ant/1.png", drawn)
    found = image_folder_regions(str(tmp_path)).load("images/ant/1.png", (20, 30), None)
    np.testing.assert_array_equal(np.flatnonzero(found[5]), [1, 2, 3])


def turned(path, array):
    """Save an image whose EXIF says that it is to be turned by 90 degrees."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, exif=exif)


def test_orientation_is_applied_as_it_is_to_images(tmp_path):
    tree(tmp_path)
    for name in ("1", "2"):
        turned(tmp_path / f"images/ant/{name}.png", pixels(9, 20, 30))  # shown with 30 rows and 20 columns
    turned(tmp_path / "masks/ant/1.png", filled((20, 30), slice(16, 20), slice(0, 3)))
    regions = boxes(tmp_path, [("ant/2.png", 0, 20, 5, 30)])
    assert bounds(regions.load("images/ant/1.png", (30, 20), None)) == (0, 0, 4, 3)
    assert bounds(regions.load("images/ant/2.png", (30, 20), None)) == (0, 20, 5, 30)


def test_a_mask_that_does_not_fit_its_image_is_named_with_it(tmp_path):
    write_image(tree(tmp_path) / "masks/ant/1.png", filled((30, 20), 0, 0))
    regions = image_folder_regions(str(tmp_path))
    with pytest.raises(InputError, match=r"mask masks/ant/1.png has 20 x 30 pixels, its image images/ant/1.png 30 x"):
        regions.load("images/ant/1.png", (10, 10), None)


def test_masks_of_many_bits_are_refused_and_not_read_as_empty(tmp_path):
    write_image(tree(tmp_path) / "masks/ant/1.png", filled((20, 30), 3, 3, 1).astype(np.uint16))
    with pytest.raises(InputError, match=r"masks/ant/1\.png has 16 or more bits"):
        image_folder_regions(str(tmp_path)).load("images/ant/1.png", (10, 10), None)


def test_two_masks_of_one_image_are_refused(tmp_path):
    for suffix in ("png", "bmp"):
        write_image(tree(tmp_path) / f"masks/ant/1.{suffix}", filled((20, 30), 0, 0))
    with pytest.raises(InputError, match=r"ant/1\.bmp and masks/ant/1\.png are masks of one image"):
        image_folder_regions(str(tmp_path))


def test_masks_that_are_called_otherwise_are_not_passed_over_in_silence(tmp_path):
    write_image(tree(tmp_path) / "masks/ant/1_mask.png", filled((20, 30), 0, 0))
    with pytest.raises(InputError, match=r"no mask that is called as its image.*ant/1_mask\.png.*ant/1\.png"):
        image_folder_regions(str(tmp_path))


@pytest.mark.parametrize("place", ["images/ant/1.png", "masks/ant/1.png"])
def test_damaged_files_are_named(tmp_path, place):
    write_image(tree(tmp_path) / "masks/ant/1.png", filled((20, 30), 0, 0))
    (tmp_path / place).write_bytes(b"no image")
    with pytest.raises(InputError, match=f"{place} is not a readable image"):
        image_folder_regions(str(tmp_path)).load("images/ant/1.png", (10, 10), None)


# boxes


def test_a_box_is_half_open(tmp_path):
    found = boxes(tree(tmp_path), [("ant/1.png", 3, 5, 7, 6)]).load("images/ant/1.png", (20, 30), None)
    np.testing.assert_array_equal(np.argwhere(found), [[5, 3], [5, 4], [5, 5], [5, 6]])


@pytest.mark.parametrize("path", ["images/ant/1.png", "ant/1.png", "./ant/1.png"])
def test_paths_start_at_the_csv_file_or_at_the_images(tmp_path, path):
    found = boxes(tree(tmp_path), [(path, 0, 0, 30, 20)]).load("images/ant/1.png", (2, 2), None)
    assert found.all()


def test_rows_of_one_image_are_united(tmp_path):
    rows = [("ant/1.png", 0, 0, 5, 5), ("cat/1.png", 9, 9, 10, 10), ("ant/1.png", 3, 3, 8, 9)]
    found = boxes(tree(tmp_path), rows).load("images/ant/1.png", (20, 30), None)
    expected = filled((20, 30), slice(0, 5), slice(0, 5)) + filled((20, 30), slice(3, 9), slice(3, 8))
    np.testing.assert_array_equal(found, expected > 0)


@pytest.mark.parametrize(("frame", "box"), [((300, 200), (30, 50, 70, 60)), (("", ""), (3, 5, 7, 6))])
def test_coordinates_refer_to_the_frame_of_their_row_or_to_the_image(tmp_path, frame, box):
    found = boxes(tree(tmp_path), [("ant/1.png", *box, *frame, "ant")], WHOLE).load("images/ant/1.png", (20, 30), None)
    assert bounds(found) == (3, 5, 7, 6)


def test_pixels_of_a_resized_box_are_those_whose_centres_it_has(tmp_path):
    regions = boxes(tree(tmp_path), [("ant/1.png", 3, 4, 17, 13)])
    size = (7, 11)
    expected = np.zeros(size, dtype=bool)
    for i in range(7):
        for j in range(11):
            y, x = (i + 0.5) * 20 / 7, (j + 0.5) * 30 / 11
            expected[i, j] = 3 <= x < 17 and 4 <= y < 13
    np.testing.assert_array_equal(regions.load("images/ant/1.png", size, None), expected)


def test_a_small_box_never_vanishes(tmp_path):
    rows = [("ant/1.png", 0, 0, 1, 1), ("ant/2.png", 29, 19, 30, 20), ("cat/1.png", 12.5, 7.25, 12.75, 7.5)]
    regions = boxes(tree(tmp_path), rows)
    for name, at in (("ant/1", (0, 0)), ("ant/2", (2, 3)), ("cat/1", (1, 1))):
        found = regions.load(f"images/{name}.png", (3, 4), None)
        np.testing.assert_array_equal(np.argwhere(found), [at])


def test_boxes_of_other_classes_do_not_count(tmp_path, caplog):
    rows = [("ant/1.png", 0, 0, 5, 5, "", "", "ant"), ("ant/1.png", 5, 5, 9, 9, "", "", "cat")]
    regions = boxes(tree(tmp_path), [*rows, ("ant/1.png", 20, 0, 21, 1, "", "", "")], WHOLE)
    counted = {label: regions.load("images/ant/1.png", (20, 30), label).sum() for label in ("ant", "cat", "dog", None)}
    assert counted == {"ant": 26, "cat": 17, "dog": 1, None: 42}
    assert not caplog.text
    boxes(tmp_path, [("ant/1.png", 0, 0, 5, 5, "", "", "ants")], WHOLE)
    assert "class ants" in caplog.text


def test_rows_without_coordinates_mark_nothing(tmp_path):
    rows = [("ant/1.png", "", "", "", "", 30, 20, "ant"), ("ant/2.png", 0, 0, 1, 1, 30, 20, "ant")]
    regions = boxes(tree(tmp_path), rows, WHOLE)
    assert regions.load("images/ant/1.png", (20, 30), "ant") is None
    assert regions.load("images/ant/2.png", (20, 30), "cat") is None
    assert regions.any


def test_a_csv_file_of_groups_alone_has_no_boxes(tmp_path):
    regions = boxes(tree(tmp_path), [("ant/1.png", "7")], ("path", "patient"))
    assert not regions.any
    assert regions.load("images/ant/1.png", (20, 30), None) is None


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        ([("ant/1.png", 0, 0, 1)], HEADER[:4], "boxes.csv has no column y2"),
        ([("ant/1.png", 0, 0, 5, 5), ("ant/9.png", 0, 0, 5, 5)], HEADER, "line 3: ant/9.png is no image"),
        ([("ant/1.png", 0, "", 5, 5)], HEADER, "line 2 has x1=0, y1=, x2=5, y2=5: give numbers"),
        ([("ant/1.png", 0, 0, 5, "b")], HEADER, "line 2 has x1=0, y1=0, x2=5, y2=b: give numbers"),
        ([("ant/1.png", 5, 0, 5, 9, 30, 20, "")], WHOLE, "line 2 has the box x1=5, y1=0, x2=5, y2=9, which is empty"),
        ([("ant/1.png", -1, 0, 5, 9, 30, 20, "")], WHOLE, "leaves its frame of 30 x 20"),
        ([("ant/1.png", 0, 0, 31, 9, 30, 20, "")], WHOLE, "leaves its frame of 30 x 20"),
        ([("ant/1.png", 0, 0, "nan", 9, 30, 20, "")], WHOLE, "leaves its frame"),
        ([("ant/1.png", 0, 0, 5, 9, 30, "", "")], WHOLE, "line 2 has width=30, height=: give numbers"),
        ([("ant/1.png", 0, 0, 5, 9, 0, 20, "")], WHOLE, "line 2 has the frame 0 x 20"),
        ([("ant/1.png", 0, 0, 5, 9, 30)], (*HEADER, "width"), "line 2 has the frame 30: give width and height"),
    ],
)
def test_what_is_wrong_with_the_csv_file_is_said_with_its_line(tmp_path, rows, header, words):
    with pytest.raises(InputError) as caught:
        boxes(tree(tmp_path), rows, header)
    assert words in str(caught.value)
    assert "boxes.csv" in str(caught.value)


def test_a_box_beyond_its_image_is_found_when_the_image_is_looked_at(tmp_path):
    regions = boxes(tree(tmp_path), [("ant/1.png", 0, 0, 31, 9)])
    with pytest.raises(InputError, match=r"boxes\.csv line 2 has the box .* leaves its frame of 30 x 20"):
        regions.load("images/ant/1.png", (20, 30), None)


def test_images_that_are_not_there_have_no_region(tmp_path):
    with pytest.raises(InputError, match=r"ant/7\.png is no image of"):
        image_folder_regions(str(tree(tmp_path))).load("images/ant/7.png", (20, 30), None)
