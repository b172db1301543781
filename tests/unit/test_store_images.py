"""Phase 1 out of the store and images that changed, which the fingerprint of the data need not notice."""

import numpy as np
import pytest
from helpers.images import write_image, write_zip
from helpers.runs import config, own_images
from helpers.stores import cell, entries

from lightning_imb.launches import launch
from lightning_imb.runs import RunFolder
from lightning_imb.workflow import train


def write_bitmaps(root, seed):
    """Three classes of eight uncompressed images: other pixels, the same names and sizes."""
    random = np.random.default_rng(seed)
    for name in "abc":
        for i in range(8):
            write_image(root / name / f"{i}.bmp", random.integers(0, 256, (8, 8, 3), np.uint8))
    return root


@pytest.fixture
def place(tmp_path):
    """``place("erm")``: a run on the images of that moment, its phase 1 shared; the run, and where that came from."""

    def run(name, *overrides, root=tmp_path / "images"):
        return cell(tmp_path / name, tmp_path / "store", *own_images(root, "dataset.test_size=0.25", *overrides))

    return run


def test_phase_1_of_other_images_with_the_same_names_and_sizes_is_not_taken(tmp_path, place):
    write_bitmaps(tmp_path / "images", 0)
    first, source = place("first")
    assert source == "trained"
    assert place("same")[1] == "store"
    write_bitmaps(tmp_path / "images", 1)
    other, source = place("other")
    assert source == "trained"
    known, now = first.read_data(), other.read_data()
    assert known["fingerprint"] == now["fingerprint"], "or this test tests nothing"
    assert known["content_stamp"] != now["content_stamp"]


def test_phase_1_of_a_zip_is_taken_while_its_content_is_the_same(tmp_path, place):
    for seed, expected in ((0, "trained"), (0, "store"), (1, "trained")):
        archive = write_zip(tmp_path / "images.zip", write_bitmaps(tmp_path / "images", seed))
        assert place(f"{seed} {expected}", root=archive)[1] == expected


@pytest.mark.parametrize("begun", ["store=true", "store=off"])
def test_a_run_whose_images_changed_on_the_way_keeps_its_phase_1_to_itself(tmp_path, place, begun, monkeypatch, caplog):
    caplog.set_level("INFO")
    write_bitmaps(tmp_path / "images", 0)
    monkeypatch.setattr("lightning_imb.workflow.StoredPhase1.publish", lambda *_: None)  # killed before
    folder, shelf = tmp_path / "run", tmp_path / "store"
    given = own_images(tmp_path / "images", "dataset.test_size=0.25", f"paths.store={shelf}")
    with launch(folder):
        train(config(folder, *given, begun, "threads=1", "logger=csv"))
    RunFolder(folder).metrics_file.unlink()
    monkeypatch.undo()
    write_bitmaps(tmp_path / "images", 1)
    with launch(folder):
        train(config(folder, *given, "store=true", "threads=1", "logger=csv"))
    assert entries(shelf) == []
    assert "phase 1 does not go into the store: it was begun" in caplog.text
