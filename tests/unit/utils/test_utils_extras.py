import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r"how_to_install\([\"'](\w+)[\"']\)|pip install -e '\.\[(\w+)\]'")
PATTERNS = ("lightning_imb/**/*.py", "conf/**/*.yaml", "*.md", "docs/**/*.md")
TEXTS = {str(path.relative_to(ROOT)): path.read_text("utf-8") for each in PATTERNS for path in ROOT.glob(each)}
SAID = {name: {a or b for a, b in NAMED.findall(text)} for name, text in TEXTS.items() if NAMED.search(text)}


@pytest.mark.parametrize("file", SAID)
def test_every_extra_that_is_named_exists(file):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert SAID[file] <= extras.keys()


def test_what_needs_an_extra_is_found():
    assert SAID["lightning_imb/tune.py"] == {"tune"}
    assert SAID["conf/resampler/eos.yaml"] == {"faiss"}
