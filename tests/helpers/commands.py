"""The console scripts, in a process of their own and in this one."""

import logging
import os
import subprocess
import sys
from typing import NamedTuple


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def script(name, *arguments, cwd, python=sys.executable, env=None):
    """``python -m lightning_imb.<name> ...`` in a folder."""
    return ended(python, "-m", f"lightning_imb.{name}", *arguments, cwd=cwd, env=env)


def ended(*command, cwd, env=None):
    """A command, run to its end."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=os.environ | (env or {}), check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


class InProcess:
    """Calls a console script without starting Python anew, in an empty folder; exceptions come through."""

    def __init__(self, monkeypatch, capfd, folder):
        self.monkeypatch, self.capfd, self.folder = monkeypatch, capfd, folder
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # main() sets it; this takes it back

    def __call__(self, main, *arguments):
        self.monkeypatch.setattr(sys, "argv", ["imb", *arguments])
        self.capfd.readouterr()
        root = logging.getLogger()
        before = root.handlers[:], root.level
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        finally:  # Hydra puts its own handlers in place of pytest's
            root.handlers[:], root.level = before
        out, err = self.capfd.readouterr()
        if isinstance(code, str):  # as the interpreter does it
            code, err = 1, f"{err}{code}\n"
        return Ended(code, out, err)

    def left_behind(self):
        """Files in the working folder, without what Hydra writes before a job starts."""
        files = [p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file()]
        return sorted(f for f in files if "/.hydra/" not in f and not f.endswith((".log", "multirun.yaml")))


def assert_one_sentence(end, *words):
    """Exit code 1 and a single line on stderr with these words."""
    assert end.code == 1, end
    lines = end.err.strip().splitlines()
    assert len(lines) == 1, end.err
    assert lines[0].startswith("error: "), end.err
    for word in words:
        assert word in lines[0], end.err
