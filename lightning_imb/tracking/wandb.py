"""Weights & Biases: offline unless somebody has logged in."""

from __future__ import annotations

import netrc
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lightning_imb.utils.atomic import write_text_atomic
from lightning_imb.utils.errors import InputError

if TYPE_CHECKING:
    from pytorch_lightning.loggers import WandbLogger

Mode = Literal["auto", "online", "offline", "disabled"]
MODES = ("auto", "online", "offline", "disabled")


def wandb_logger(save_dir: str | Path, project: str, name: str, mode: Mode = "auto") -> WandbLogger:
    """Make a logger that writes to ``<save_dir>/wandb``.

    The id of the W&B run is kept in that folder, so a resumed run goes on in the same W&B run.

    Args:
        save_dir: The run folder.
        project: W&B project.
        name: Display name of the run.
        mode: ``auto`` is online when an API key is present and offline otherwise; a WANDB_MODE in the
            environment takes precedence over ``auto``.

    Raises:
        InputError: ``mode`` is unknown.
    """
    if mode not in MODES:
        raise InputError(f"Unknown W&B mode {mode!r}: use one of {', '.join(MODES)}.")
    from pytorch_lightning.loggers import WandbLogger  # importing it takes seconds that other runs save

    folder = Path(save_dir)
    folder.mkdir(parents=True, exist_ok=True)
    # `mode` and not `offline=True`, which would set WANDB_MODE for every later run of a multirun
    return WandbLogger(name=name, project=project, save_dir=folder, id=_run_id(folder), mode=resolve_mode(mode))


def resolve_mode(mode: Mode) -> str:
    """Turn ``auto`` into what the environment allows; every other mode stays."""
    if mode != "auto":
        return mode
    return os.environ.get("WANDB_MODE") or ("online" if has_api_key() else "offline")


def has_api_key() -> bool:
    """Tell whether an API key stands in WANDB_API_KEY or in the netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    path = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
    try:
        return netrc.netrc(str(path)).authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _run_id(folder: Path) -> str:
    path = folder / "wandb" / "run_id.txt"
    if not path.is_file():
        write_text_atomic(path, uuid.uuid4().hex[:8])
    return path.read_text(encoding="utf-8").strip()
