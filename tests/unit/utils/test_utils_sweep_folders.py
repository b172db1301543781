"""Names of the folders of a sweep's cells, and what is said of one that cannot be written to."""

import errno
import tempfile

import pytest

from lightning_imb.utils.sweep_folders import folder_name, why_unwritable


@pytest.mark.parametrize(
    ("subdir", "name"),
    [
        ("./method=eos/seed=0", "method=eos/seed=0"),
        (".", "."),
        ("root=/data/x,a=1/seed=0", "root=/data/x,a=1/seed=0"),
        ("root=../../x/seed=0", "root=../__/x/seed=0"),
        ("/elsewhere/0", "/elsewhere/0"),
    ],
)
def test_names_stay_as_they_are_where_they_can(subdir, name):
    assert folder_name(subdir) == name


def test_a_cut_name_is_the_same_at_every_launch_and_whole_characters():
    name = folder_name("é" * 200)
    assert name == folder_name("é" * 200)
    assert len(name.encode()) <= 255
    assert "�" not in name


def test_a_folder_is_made_and_left_empty(tmp_path):
    assert why_unwritable(tmp_path / "a" / "b") == ""
    assert why_unwritable(tmp_path / "a" / "b") == ""
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_way_is_a_sentence_with_a_cure(tmp_path):
    (tmp_path / "a").touch()
    assert why_unwritable(tmp_path / "a" / "b") == (
        f"the run folder {tmp_path / 'a' / 'b'} cannot be written to (Not a directory): "
        "choose another hydra.sweep.dir, or free it"
    )


def test_a_folder_that_takes_no_files_is_not_a_good_one(tmp_path, monkeypatch):
    def refused(**_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    assert "(Permission denied)" in why_unwritable(tmp_path)
