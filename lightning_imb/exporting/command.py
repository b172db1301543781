"""What ``imb-export`` does: a model card, and files that are compared with the network before they are written."""

import os
from pathlib import Path

from omegaconf import DictConfig, ListConfig
from rich.console import Console

from lightning_imb.checks import check_whole
from lightning_imb.exporting.description import Description
from lightning_imb.exporting.network import describe_network
from lightning_imb.exporting.onnx_file import require_onnx
from lightning_imb.exporting.writer import FILES, ONNX, Request, write_files
from lightning_imb.reports.model_card import write_card
from lightning_imb.runs import RunFolder
from lightning_imb.utils.checked import checked_number
from lightning_imb.utils.errors import InputError

CARD = "card"
FORMATS = (CARD, *FILES)
_OPSET = 18  # the first version that torch writes


def export(cfg: DictConfig) -> list[Path]:
    """Write the card and the files of a finished run.

    Args:
        cfg: The composed config of ``conf/export.yaml``.

    Returns:
        What was written.

    Raises:
        InputError: If a setting, the run or its checkpoint is unusable, a package is missing, the network cannot be
            exported, or a file differs from it.
    """
    formats = _formats(cfg.formats)
    check_whole(cfg.opset, "opset", _OPSET)
    tolerance = checked_number("tolerance", cfg.tolerance, 0)
    run = RunFolder.open_finished(str(cfg.run))
    description = describe_network(run, cfg.phase, cfg.checkpoint)
    if CARD in formats:
        _check_card(run, description)
    out = _writable(run.path / "export" if cfg.out is None else Path(str(cfg.out)).expanduser())
    console = Console()
    written: list[Path] = []
    checks: dict[str, str] = {}
    if files := [name for name in formats if name in FILES]:
        request = Request(files, out, cfg.opset, tolerance, None if cfg.images is None else str(cfg.images))
        for file in write_files(run, description, request):
            console.print(f"written to {file.path}: {file.check}", soft_wrap=True)
            written.append(file.path)
            checks[file.path.name] = file.check
    if CARD in formats:  # last: it tells how to use what lies beside it
        written.append(write_card(run.path, out, checks))
        console.print(f"written to {written[-1]}: what is marked TODO is the author's to fill in", soft_wrap=True)
    return written


def _formats(given: str | ListConfig) -> list[str]:
    names = [given] if isinstance(given, str) else [str(name) for name in given]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise InputError(f"formats={names} has to name some of {', '.join(FORMATS)}")
    if ONNX in names:
        require_onnx()
    return [name for name in FORMATS if name in names]


def _check_card(run: RunFolder, description: Description) -> None:
    """The scores of a card are those of the run, which are of one of its networks."""
    scored = describe_network(run, "auto", "auto")
    if description != scored:
        raise InputError(
            f"the model card tells the scores of phase={scored.phase} checkpoint={scored.checkpoint}, not those of "
            f"phase={description.phase} checkpoint={description.checkpoint}: use formats=[onnx,torch]"
        )


def _writable(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"out={out} cannot be made ({error.strerror}): choose another folder") from error
    if not os.access(out, os.W_OK):
        raise InputError(f"out={out} is read-only: choose another folder")
    return out
