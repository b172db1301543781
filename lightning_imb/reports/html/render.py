"""From the parts of a page to its html. Whatever a user has named is escaped."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render(page: Mapping[str, Any]) -> str:
    """Fill the template.

    The page forbids itself whatever is not in it: a browser runs the one script and the one style sheet whose
    digests it names, and loads nothing.

    Args:
        page: Values of the template by name.
    """
    environment = Environment(
        loader=PackageLoader("lightning_imb.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (_text(environment, name) for name in ("report.css", "report.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    template = environment.get_template("report.html.j2")
    return template.render(page, style=Markup(style), script=Markup(script), policy=policy)


def _text(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
