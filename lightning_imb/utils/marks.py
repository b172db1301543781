"""Pieces of a document that are made and not written: what stands between two marks."""

import re
from collections.abc import Callable

from lightning_imb.utils.errors import InputError

END = "<!-- {kind}: end -->"


def filled(document: str, kind: str, make: Callable[[str], str]) -> str:
    """A document with everything between its marks made anew.

    A piece stands between the lines ``<!-- kind: name (how to renew it) -->`` and ``<!-- kind: end -->``. Marks within
    a line are text about marks.

    Args:
        document: Markdown.
        kind: What the marks are called.
        make: The piece of a name.

    Raises:
        InputError: If there is no mark of this kind, or one does not end.
    """
    end = END.format(kind=kind)
    begin = re.compile(rf"^<!-- {kind}: (?!end )(?P<name>[^\s>]+)[^>]*-->", re.MULTILINE)
    starts = list(begin.finditer(document))
    if not starts:
        raise InputError(f"the document lacks the line '<!-- {kind}: ... -->': add it where the piece belongs")
    parts, at = [], 0
    for start in starts:
        stop = document.find(end, start.end())
        if stop < 0 or begin.search(document, start.end(), stop):
            raise InputError(f"the document lacks the line '{end}' after '{start[0]}': add it where the piece ends")
        parts += [document[at : start.end()], "\n\n", make(start["name"]), "\n\n", end]
        at = stop + len(end)
    return "".join([*parts, document[at:]])
