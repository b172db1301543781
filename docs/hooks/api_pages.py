"""The API reference: a page for each package of ``lightning_imb``, with all its public modules."""

import ast
from pathlib import Path

from sources import PACKAGE

FOLDER = "api"


def api_pages() -> dict[str, str]:
    """Markdown of the pages by their place: mkdocstrings fills them."""
    packages = sorted(file.parent for file in PACKAGE.rglob("__init__.py"))
    pages = {f"{FOLDER}/{_dotted(folder)}.md": _page(folder) for folder in packages}
    return {f"{FOLDER}/index.md": _index(packages)} | pages


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def _public(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.py") if not file.name.startswith("_"))


def _index(packages: list[Path]) -> str:
    rows = [f"| [`{_dotted(p)}`]({_dotted(p)}.md) | {_first_line(p / '__init__.py')} |" for p in packages]
    return "\n".join(["# API reference", "", "| package | what it holds |", "|---|---|", *rows, ""])


def _first_line(file: Path) -> str:
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0].replace("|", r"\|")


def _page(folder: Path) -> str:
    name = _dotted(folder)
    parts = [f"# {name}\n", f"::: {name}\n    options:\n      show_root_heading: false\n      members: []\n"]
    parts += [f"::: {_dotted(module)}\n" for module in _public(folder)]
    return "\n".join(parts)
