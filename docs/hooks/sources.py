"""Where the pages that nobody writes come from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
PACKAGE = ROOT / "lightning_imb"
NOTEBOOKS = ROOT / "notebooks"
