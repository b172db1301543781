"""Formulas of notebooks as MathML, which browsers show by themselves."""

import re
from html import unescape

from latex2mathml.converter import convert

_FORMULA = re.compile(r"\$([^$\n]+)\$")
_WORDS = re.compile(r"(<(pre|code|script|style)\b.*?</\2>)", re.DOTALL)


def with_formulas(html: str) -> str:
    """Replace ``$...$`` outside of code."""
    parts = _WORDS.split(html)
    # split gives text, code, the name of its tag, text, ...
    return "".join(_formulas(part) if i % 3 == 0 else part for i, part in enumerate(parts) if i % 3 != 2)


def _formulas(text: str) -> str:
    return _FORMULA.sub(lambda found: convert(unescape(found[1])), text)
