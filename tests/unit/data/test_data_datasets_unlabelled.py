import shutil

import pytest
from PIL import Image

from lightning_imb.data.datasets.unlabelled import unlabelled_images
from lightning_imb.utils.errors import InputError


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    (root / "deep").mkdir(parents=True)
    for number, name in enumerate(["b.png", "a.jpg", "deep/c.png", ".hidden.png"]):
        Image.new("RGB", (10 + number, 8), (number * 40, 0, 0)).save(root / name)
    (root / "notes.txt").write_text("no image")
    return root


@pytest.mark.parametrize("packed", [False, True])
def test_all_images_of_a_tree_in_the_order_of_their_names(photos, packed):
    root = shutil.make_archive(str(photos), "zip", photos) if packed else photos
    source = unlabelled_images(str(root), image_size=(6, 6), channels=3)
    assert list(source.names) == ["a.jpg", "b.png", "deep/c.png"]
    assert source.load(2).shape == (3, 6, 6)


def test_a_single_image(photos):
    source = unlabelled_images(str(photos / "b.png"), image_size=(6, 6), channels=1)
    assert list(source.names) == ["b.png"]
    assert source.load(0).shape == (1, 6, 6)


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(InputError, match=f"no image in {tmp_path}"):
        unlabelled_images(str(tmp_path), image_size=(6, 6), channels=3)


def test_a_missing_place_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        unlabelled_images(str(tmp_path / "nowhere"), image_size=(6, 6), channels=3)
