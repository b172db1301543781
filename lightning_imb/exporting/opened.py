"""An exported file, opened by its ending."""

from pathlib import Path

from lightning_imb.exporting.onnx_file import open_onnx
from lightning_imb.exporting.predictor import Predictor
from lightning_imb.exporting.torch_file import open_torch
from lightning_imb.utils.errors import InputError

_OPENERS = {".onnx": open_onnx, ".pt2": open_torch}


def open_exported(file: Path) -> Predictor:
    """Open a file that ``imb-export`` wrote.

    Args:
        file: ``.onnx`` or ``.pt2``; a program, so open none of unknown origin.

    Raises:
        InputError: If there is no such file, or it is none of ours, damaged, or needs a package that is missing.
    """
    opener = _OPENERS.get(file.suffix.lower())
    if opener is None:
        raise InputError(f"model={file} has to be a file that imb-export wrote, {' or '.join(_OPENERS)}")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"model={file} cannot be read ({error.strerror}): give a file that imb-export wrote"
        ) from error
    return opener(content, file)
