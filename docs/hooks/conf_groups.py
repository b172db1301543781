"""The folders of ``conf/``, what is in them, and who uses them."""

from pathlib import Path
from typing import NamedTuple

import yaml
from conf_keys import Default, Key, defaults_of, keys_of, package_of
from sources import CONF

from lightning_imb.utils.conf_header import Header, header_of

_HELP = "hydra/help"  # texts that --help prints, nothing to choose


class Option(NamedTuple):
    """A file of a group.

    Attributes:
        name: What a command line calls it.
        header: Its comments on top.
        keys: Its settings.
        package: What its keys begin with on a command line; empty for none.
        brings: Groups and options that it composes or overrides, in order.
    """

    name: str
    header: Header
    keys: list[Key]
    package: str
    brings: list[Default]


class Entry(NamedTuple):
    """The config of a console script.

    Attributes:
        program: The script.
        option: The file itself.
        about: What it does, in a sentence.
        examples: Command lines with a word on each, the end of its ``--help``.
    """

    program: str
    option: Option
    about: str
    examples: str


def groups() -> dict[str, list[Option]]:
    """Every folder with yaml files in it, by its path in ``conf/``, and its options in the order of the alphabet."""
    folders = sorted({file.parent for file in CONF.rglob("*.yaml")} - {CONF, CONF / _HELP, CONF / "local"})
    mounts = _mounts()
    found: dict[str, list[Option]] = {}
    for folder in folders:
        group = folder.relative_to(CONF).as_posix()
        found[group] = [_option(file, group, mounts) for file in sorted(folder.glob("*.yaml"))]
    return found


def entries() -> list[Entry]:
    """The configs on top of ``conf/``, one for each console script."""
    return [_entry(file) for file in sorted(CONF.glob("*.yaml"))]


def users(group: str) -> list[tuple[str, str | None]]:
    """The console scripts that have a group, each with the option it takes unless told otherwise."""
    found: dict[str, str | None] = {}
    for entry in entries():
        for default in entry.option.brings:
            if default.group == group:
                found.setdefault(entry.program, None if default.at else default.option)
    return list(found.items())


def _option(file: Path, group: str, mounts: dict[tuple[str, str], str]) -> Option:
    text = file.read_text(encoding="utf-8")
    package = package_of(text)
    if package == "_global_":
        package = ""
    elif package is None:
        package = mounts.get((group, file.stem), group.replace("/", "."))
    return Option(file.stem, header_of(text), keys_of(text), package, defaults_of(text))


def _entry(file: Path) -> Entry:
    text = file.read_text(encoding="utf-8")
    option = Option(file.stem, header_of(text), keys_of(text), "", defaults_of(text))
    named = {default.group: default.option for default in option.brings}
    said = yaml.safe_load((CONF / _HELP / f"{named[_HELP]}.yaml").read_text(encoding="utf-8"))
    program = f"imb-{file.stem}"
    about = said["header"].partition("\n")[0].removeprefix(f"{program}: ")
    return Entry(program, option, f"{about[:1].upper()}{about[1:]}.", said["footer"])


def _mounts() -> dict[tuple[str, str], str]:
    """Where entry configs put an option that does not stand under the name of its group: ``group@package: option``."""
    found = {}
    for file in sorted(CONF.glob("*.yaml")):
        for default in defaults_of(file.read_text(encoding="utf-8")):
            if default.at and default.option is not None:
                found[default.group, default.option] = default.at
    return found
