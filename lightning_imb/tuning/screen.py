"""Where a run of a study speaks: into its own log, not on the screen of the search."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

_FORMAT = "[%(asctime)s][%(levelname)s] %(message)s"


@contextmanager
def screen_into(path: Path) -> Iterator[None]:
    """Append to a file what is printed and logged in this process for a while.

    Args:
        path: The file; its folder is made if missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    with path.open("a", encoding="utf-8", buffering=1) as file:
        handler = logging.StreamHandler(file)
        handler.setFormatter(logging.Formatter(_FORMAT, "%H:%M:%S"))
        root.handlers[:] = [handler]
        root.setLevel(logging.INFO)
        try:
            with redirect_stdout(file), redirect_stderr(file):
                yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
