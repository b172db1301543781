"""The log of a run gets all it says, and the screen of the search nothing."""

import logging
import sys

import pytest
from rich.console import Console

from lightning_imb.tuning.screen import screen_into


def test_all_that_is_said_goes_into_the_file_and_none_to_the_screen(tmp_path, capsys):
    with screen_into(tmp_path / "run" / "train.log"):
        print("printed")
        print("complained", file=sys.stderr)
        Console().print("drawn")
        logging.getLogger("some.module").info("logged")
    text = (tmp_path / "run" / "train.log").read_text()
    assert all(word in text for word in ("printed", "complained", "drawn", "[INFO] logged"))
    assert capsys.readouterr() == ("", "")


def test_the_screen_is_given_back_and_the_file_is_continued(tmp_path, capsys):
    root = logging.getLogger()
    before = root.level, root.handlers[:]

    def launch(number):
        with screen_into(tmp_path / "train.log"):
            print("launch", number)
            raise ValueError("end")

    for number in range(2):
        with pytest.raises(ValueError, match="end"):
            launch(number)
    assert (root.level, root.handlers) == before
    print("back")
    assert capsys.readouterr().out == "back\n"
    assert (tmp_path / "train.log").read_text() == "launch 0\nlaunch 1\n"
