"""The console scripts: in a process of their own, in a forked one, and in this one."""

import importlib
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from helpers import forks

PATIENCE_S = 300  # for a study, a sweep or two ranks


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


class Console(forks.Launcher):
    """Every console script in a child of a process that imported everything: a launch costs what it does, no start.

    Only what a process does before its imports needs :func:`script`.
    """

    def __init__(self):
        super().__init__("helpers.commands")

    def __call__(self, folder, *arguments, name="train", accidents=(), kill=None):
        """``imb-<name>`` with these arguments in this folder; see ``Launcher``. Its output ends with its stderr."""
        end = super().__call__(folder, name, *arguments, accidents=accidents, kill=kill)
        return end._replace(out=end.out + _stderr_of(Path(folder) / "launch.log").read_text())

    def script(self, name, *arguments, cwd, accidents=()):
        """The same, as :func:`script` gives it, and nothing of the launch is left in the folder."""
        log = Path(cwd) / "launch.log"
        end = super().__call__(cwd, name, *arguments, accidents=accidents, patience=PATIENCE_S)
        err = _stderr_of(log).read_text()
        log.unlink()
        _stderr_of(log).unlink()
        return Ended(end.code, end.out, err)


def _stderr_of(log):
    return Path(f"{log}.err")


def _become(order):
    """Turn a fresh child into the console script that was ordered; the first word names it."""
    name, *words = order["argv"]
    stderr = os.open(_stderr_of(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)  # before any accident
    forks.become(order | {"argv": words})
    os.dup2(stderr, 2)
    module = importlib.import_module(f"lightning_imb.{name}")
    sys.argv[0] = module.__file__
    sys.modules["__main__"].__spec__ = module.__spec__  # what a second rank is started with
    importlib.import_module("lightning_imb.train").main = module.main  # which forks call


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


if __name__ == "__main__":
    forks.run_server(_become)
