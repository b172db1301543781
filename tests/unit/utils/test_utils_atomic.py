"""Files that appear whole or not at all."""

import errno
import os

import pytest

from lightning_imb.utils.atomic import atomic_file, growing_file, link_or_copy, remove_drafts
from lightning_imb.utils.errors import InputError, NoRoomError


def test_a_failing_writer_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(bytes(1 // 0))
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]


def test_a_full_disk_is_told_from_other_troubles(tmp_path):
    def write(number):
        with atomic_file(tmp_path / "a") as file:
            file.write(b"half")
            raise OSError(number, os.strerror(number))

    with pytest.raises(NoRoomError, match=r"cannot write .*/a \(No space left on device\): make room"):
        write(errno.ENOSPC)
    with pytest.raises(OSError, match="Input/output error") as caught:
        write(errno.EIO)
    assert not isinstance(caught.value, NoRoomError)
    assert list(tmp_path.iterdir()) == []


def test_a_growing_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with growing_file(path) as file:
        file.write(b"one")
        file.flush()
        [draft] = tmp_path.glob("a.*.part")
        assert (draft.read_text(), path.read_text()) == ("one", "old")  # what a kill would leave
        file.write(b", two")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "one, two")]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), ZeroDivisionError()])
def test_what_has_grown_outlives_its_writer(tmp_path, caplog, error):
    def write():
        with growing_file(tmp_path / "a") as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        write()
    [draft] = tmp_path.iterdir()
    assert draft.read_text() == "half"
    assert str(draft) in caplog.text


def test_bad_input_names_what_has_grown_before_it(tmp_path):
    def write(text, error):
        with growing_file(tmp_path / "a") as file:
            file.write(text)
            raise error

    with pytest.raises(InputError, match=r"^bad$"):
        write(b"", InputError("bad"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match=r"^bad; what was done before is in .*/a\.[0-9a-f]{8}\.part$"):
        write(b"half", InputError("bad"))
    with pytest.raises(InputError, match=r"No space left on device.*; what was done before is in .*\.part$"):
        write(b"half", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_is_the_same_file_and_replaces_another(tmp_path):
    source, target = tmp_path / "source", tmp_path / "deep" / "target"
    source.write_text("new")
    for _ in range(2):  # the second time both names are one file already
        link_or_copy(source, target)
        assert target.samefile(source)
        assert [p.name for p in target.parent.iterdir()] == ["target"]
    other = tmp_path / "other"
    other.write_text("newer")
    link_or_copy(other, target)
    assert (target.read_text(), source.read_text()) == ("newer", "new")


def test_where_links_do_not_work_it_is_a_copy(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "source").write_text("text")
    link_or_copy(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "text"
    assert not (tmp_path / "target").samefile(tmp_path / "source")


def test_only_drafts_are_cleared_away(tmp_path):
    draft = tmp_path / "deep" / f".last.ckpt.{'f0' * 16}"
    kept = [tmp_path / ".hydra" / "config.yaml", tmp_path / ".last.ckpt.old", tmp_path / f"last.{'f0' * 16}"]
    for path in (draft, *kept):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    remove_drafts(tmp_path)
    assert not draft.exists()
    assert all(path.exists() for path in kept)
