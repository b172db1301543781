"""Commands without the wait for imports."""

import pytest
from helpers.commands import Console


@pytest.fixture(scope="session")
def console():
    """``imb-...`` in processes of their own that need no imports; one server for all files."""
    with Console() as console:
        yield console
