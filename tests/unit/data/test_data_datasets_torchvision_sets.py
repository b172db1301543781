"""Several processes that may all download. What torchvision does of it is replaced: there is no network here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_imb.data.datasets import torchvision_sets

DOWNLOAD = """
import sys, time
from pathlib import Path
from lightning_imb.data.datasets.torchvision_sets import _open

root = Path(sys.argv[1])

def build():
    file = root / "images"
    if not file.is_file():
        with (root / "downloads").open("a") as log:
            log.write("one\\n")
        time.sleep(1)
        file.write_text("whole")
    return file.read_text()

(root / f"ready_{sys.argv[2]}").touch()
while len(list(root.glob("ready_*"))) < 2:
    time.sleep(0.01)
print(_open(build, "images", str(root), download=True))
"""


def test_one_process_downloads_and_the_other_waits_for_it(tmp_path):
    command = [sys.executable, "-c", DOWNLOAD, str(tmp_path)]
    both = [subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, text=True) for n in range(2)]
    assert [process.communicate(timeout=120)[0] for process in both] == ["whole\n", "whole\n"]
    assert (tmp_path / "downloads").read_text() == "one\n"


@pytest.mark.parametrize("download", [True, False])
def test_files_in_a_folder_that_is_only_read_are_used(tmp_path, monkeypatch, download):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert torchvision_sets._open(lambda: "there", "images", str(tmp_path), download) == "there"
    assert list(tmp_path.iterdir()) == []
