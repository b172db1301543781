"""Commands that mean the same on another machine: without the folders of the one they ran on."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

_PLACES = ("represent_from=", "run_dir=", "paths.", "hydra.")  # overrides that say where things are on a machine
_RUNS = ("hydra.mode=", "hydra.sweeper.")  # of Hydra's own those that say what is run
_OF_FOLDERS = ("--config-dir", "-cd", "--config-path", "-cp")
_BEGINS = re.compile(r"-|~?\+{0,2}[\w.@/]+=|~\w")  # an option or an override, and no rest of a value with blanks
# A path begins the word or stands behind a mark, and ends at the next one, in quotes at their end; no host of a URL.
_PATH = re.compile(
    r"""(?P<quote>(?<=['"]))?(?:^~?/|(?<=[\s=:,\[{('"])(?!(?<=:)//[^/])(?:~[\w.-]*)?/)(?!\s)"""
    r"""(?(quote)[^'"]+|(?:\\.|[^,\]})\\])+)"""
)


def portable(command: str) -> str:
    """A command without the folders of the machine it ran on.

    Settings that say where things are (``hydra.run.dir=``, ``run_dir=``, ``represent_from=``, ``paths.*=``,
    ``--config-dir``) are left out; of other absolute paths, and of those below ``~``, the last part stays.

    Args:
        command: As a shell takes it, or as runs record it, with blanks between words that are not quoted: then a word
            that is neither an option nor an override belongs to the value before it.

    Returns:
        The command, quoted for a shell.
    """
    program, *words = _words(command) or [""]
    kept = [without_folders(word) for word in _not_of_this_machine(words)]
    return shlex.join([_installed(program), *kept])


def without_folders(text: str) -> str:
    """A value or a sentence in which absolute paths, and those below ``~``, are shortened to their last part."""
    return _PATH.sub(lambda path: PurePosixPath(path[0]).name, text)


def _words(command: str) -> list[str]:
    try:
        found = shlex.split(command)
    except ValueError:  # a single quote in a record: there it is part of a value
        found = command.split()
    words: list[str] = []
    for word in found:
        if len(words) > 1 and _takes_more(words[-1]) and not _BEGINS.match(word):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def _takes_more(word: str) -> bool:
    return "=" in word and not word.startswith("-")


def _not_of_this_machine(words: Sequence[str]) -> Iterator[str]:
    before = ""
    for word in words:
        of_folder = before in _OF_FOLDERS or word.partition("=")[0] in _OF_FOLDERS
        key = word.lstrip("+~")
        if not of_folder and (key.startswith(_RUNS) or not key.startswith(_PLACES)):
            yield word
        before = word


def _installed(program: str) -> str:
    """The console script, also where its module was run: ``train.py`` is ``imb-train``."""
    path = PurePosixPath(program)
    return f"imb-{path.stem}" if path.suffix == ".py" else path.name
