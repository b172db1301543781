import pytest
from helpers.commands import InProcess


@pytest.fixture
def imb(monkeypatch, capfd, tmp_path):
    """``imb(main, "loss=ldma")``: how a console script ends."""
    return InProcess(monkeypatch, capfd, tmp_path / "cwd")
