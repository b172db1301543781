"""The configuration reference: a page for each group of ``conf/`` and for each console script."""

import re

import yaml
from conf_groups import Entry, Option, entries, groups, users
from conf_keys import Default
from mkdocs.plugins import get_plugin_logger
from sources import ROOT

log = get_plugin_logger("configuration")  # a warning fails a strict build

FOLDER = "configuration"
_SAID = ROOT / "docs" / "hooks" / "groups.yaml"


def conf_pages() -> dict[str, str]:
    """Markdown of the pages by their place, the scripts before the groups."""
    found, said = groups(), _sentences()
    pages = {f"{FOLDER}/index.md": _index(found, said)}
    pages |= {f"{FOLDER}/{entry.program}.md": _entry_page(entry, found) for entry in entries()}
    pages |= {f"{FOLDER}/{_file(group)}": _group_page(group, found, said) for group in found}
    return pages


def _sentences() -> dict[str, str]:
    said: dict[str, str] = yaml.safe_load(_SAID.read_text(encoding="utf-8"))
    for group in sorted(said.keys() ^ groups().keys()):
        log.warning(f"conf/{group} and docs/hooks/groups.yaml do not agree: each group has one sentence there")
    return said | dict.fromkeys(groups().keys() - said.keys(), "")


def _file(group: str) -> str:
    return f"{group.replace('/', '-')}.md"


def _index(found: dict[str, list[Option]], said: dict[str, str]) -> str:
    lines = [
        "# Configuration reference",
        "",
        "Made from the yaml files in `conf/`, with their comments. `group=option` chooses a file of a group,"
        " `key=value` sets one value; `--cfg job` shows what a command line composes.",
        "",
        "| command | what it does |",
        "|---|---|",
        *(f"| [`{e.program}`]({e.program}.md) | {_text(e.about)} |" for e in entries()),
        "",
        "| group | what it is | options |",
        "|---|---|---|",
        *(
            f"| [`{group}`]({_file(group)}) | {said[group]} | {', '.join(_link(group, o.name) for o in options)} |"
            for group, options in found.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _entry_page(entry: Entry, found: dict[str, list[Option]]) -> str:
    rows = [
        f"| [`{default.group}`]({_file(default.group)}) | {_chosen(default)} |"
        for default in entry.option.brings
        if default.group in found
    ]
    inherited = [d.option for d in entry.option.brings if not d.group]
    lines = [f"# {entry.program}", "", _text(entry.about), ""]
    lines += [f"Takes every group and key of [`imb-{name}`](imb-{name}.md) as well.\n" for name in inherited]
    if rows:
        lines += ["## Groups", "", "| group | unless told otherwise |", "|---|---|", *rows, ""]
    lines += ["## Keys", "", *_table(entry.option), ""]
    lines += ["## Examples", "", "```text", entry.examples.strip(), "```", ""]
    return "\n".join(lines)


def _chosen(default: Default) -> str:
    at = f" as `{default.at}`" if default.at else ""
    return _link(default.group, default.option) + at if default.option else "nothing"


def _group_page(group: str, found: dict[str, list[Option]], said: dict[str, str]) -> str:
    lines = [f"# {group}", "", said[group], ""]
    for program, taken in users(group):
        lines += [
            f"Of [`{program}`]({program}.md); unless told otherwise {_link(group, taken) if taken else 'none'}.",
            "",
        ]
    for option in found[group]:
        lines += _section(group, option, found)
    return "\n".join(lines)


def _section(group: str, option: Option, found: dict[str, list[Option]]) -> list[str]:
    told = [f"{word}: {_text(text)}" for word, text in option.header.told.items()]
    lines = [f"## {option.name} {{#{option.name}}}", "", _text(option.header.title), ""]
    lines += [_text(" ".join(option.header.notes)), ""] if option.header.notes else []
    lines += [f"`{group}={option.name}` · {' · '.join(told)}" if told else f"`{group}={option.name}`", ""]
    brought = [_brought(default, group, found) for default in option.brings]
    lines += [f"Brings {', '.join(brought)}.", ""] if brought else []
    says_more = any((key.path, key.default) != ((group,), option.name) for key in option.keys)  # than its own name
    return [*lines, *_table(option), ""] if says_more else lines


def _brought(default: Default, group: str, found: dict[str, list[Option]]) -> str:
    of = default.group or group
    if default.option is None:
        return f"no `{of}` of its own"
    known = any(default.option == option.name for option in found.get(of, []))
    at = f" as `{default.at}`" if default.at and not default.at.startswith("_global_") else ""
    shown = f"`{of}={default.option}`"
    return (f"[{shown}]({_file(of)}#{default.option})" if known else shown) + at


def _table(option: Option) -> list[str]:
    rows = [f"| `{_path(option, key.path)}` | {_value(key.default)} | {_text(key.comment)} |" for key in option.keys]
    return ["| key | default | |", "|---|---|---|", *rows]


def _path(option: Option, path: tuple[str, ...]) -> str:
    return ".".join(([option.package] if option.package else []) + list(path))


def _value(default: str) -> str:
    if re.fullmatch(r"lightning_imb\.[\w.]+", default):
        return f"[`{default.rpartition('.')[2]}`][{default}]"
    return f"`{default.replace('|', '&#124;')}`" if default else ""


def _link(group: str, option: str) -> str:
    return f"[`{option}`]({_file(group)}#{option})"


def _text(comment: str) -> str:
    """A comment as markdown: what looks like markup is meant as it stands, but code in backticks."""
    parts = comment.split("`")
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"([\\*_\[\]|<>])", r"\\\1", parts[i])
    return "`".join(parts)
