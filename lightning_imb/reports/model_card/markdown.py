"""Tables and names in markdown, and the template that they fill."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_MARKUP = re.compile(r"([\\`*_\[\]<>|~])")


def render(name: str, values: Mapping[str, Any]) -> str:
    """Fill a template of this package.

    Args:
        name: Of the template.
        values: By the names that it uses; texts of users have gone through `plain`.
    """
    environment = Environment(
        loader=PackageLoader("lightning_imb.reports.model_card"),
        autoescape=False,  # markdown; `plain` takes the markup out of what users have named
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(values)


def plain(text: object) -> str:
    """A text in one line whose marks mean nothing."""
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table.

    Args:
        columns: Their titles.
        rows: Cells as markdown.
        words: How many columns, from the left, hold words; the others hold numbers, to the right.
    """
    marks = ["---" if position < words else "---:" for position in range(len(columns))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, marks, *rows))
