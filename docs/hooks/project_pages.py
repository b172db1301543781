"""Documents of the repository's top and its notebooks, as pages of the site."""

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File
from sources import NOTEBOOKS, ROOT

FOLDER = "notebooks"
DOCUMENTS = {"README.md": "manual.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


def documents() -> dict[str, str]:
    """Markdown of the documents by their place in the site, with links that lead there."""
    return {place: _moved((ROOT / name).read_text(encoding="utf-8")) for name, place in DOCUMENTS.items()}


def notebooks(config: MkDocsConfig) -> list[File]:
    """The notebooks, where they are: mkdocs-jupyter executes and renders them, and writes nothing beside them."""
    places = [f"{FOLDER}/{path.name}" for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    return [File(place, str(ROOT), config.site_dir, config.use_directory_urls) for place in places]


def _moved(text: str) -> str:
    text = text.replace("<details>", '<details markdown="1">')  # else markdown leaves what is in it as it is
    return re.sub(r"(?<!!)\[([^]\n]*)" + _LINK.pattern, _link, text.replace("](docs/", "]("))


def _link(found: re.Match[str]) -> str:
    shown, target, anchor = found[1], found[2], found[3] or ""
    if re.match(r"\w+:", target):
        return found[0]
    if target in DOCUMENTS:
        return f"[{shown}]({DOCUMENTS[target]}{anchor})"
    in_site = target.startswith(f"{FOLDER}/") or (ROOT / "docs" / target).exists()
    return f"[{shown}]({target}{anchor})" if in_site else shown  # a folder or file of the repository alone
