"""What mkdocs calls: adds the pages that nobody writes, and puts them into the navigation."""

from api_pages import FOLDER as API
from api_pages import api_pages
from conf_pages import FOLDER as CONFIGURATION
from conf_pages import conf_pages
from formulas import with_formulas
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from project_pages import FOLDER as NOTEBOOKS
from project_pages import documents, notebooks


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the generated pages where the navigation names their folder: ``Configuration: configuration/``."""
    places = {
        f"{CONFIGURATION}/": list(conf_pages()),
        f"{API}/": list(api_pages()),
        f"{NOTEBOOKS}/": [file.src_uri for file in notebooks(config)],
    }
    config.nav = [
        {title: places.get(place, place) if isinstance(place, str) else place}
        for entry in config.nav or []
        for title, place in entry.items()
    ]
    return config


@event_priority(100)  # before mkdocs-jupyter looks for notebooks
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for place, text in (conf_pages() | api_pages() | documents()).items():
        files.append(File.generated(config, place, content=text))
    for notebook in notebooks(config):
        files.append(notebook)
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Typeset the formulas of notebooks."""
    return with_formulas(html) if page.file.src_uri.startswith(f"{NOTEBOOKS}/") else html
