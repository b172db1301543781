"""An exported file, opened by its ending."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from lightning_imb.exporting.description import Description
from lightning_imb.exporting.onnx_file import open_onnx
from lightning_imb.exporting.predictor import Predictor
from lightning_imb.exporting.torch_file import open_torch
from lightning_imb.utils.errors import InputError, one_line

OPENERS = {".onnx": open_onnx, ".pt2": open_torch}


def open_exported(file: Path) -> Predictor:
    """Open a file that ``imb-export`` wrote.

    Args:
        file: ``.onnx`` or ``.pt2``; a program, so open none of unknown origin.

    Returns:
        What it holds; its answers raise InputError where they are not what the description tells.

    Raises:
        InputError: If there is no such file, or it is none of ours, damaged, or needs a package that is missing.
    """
    opener = OPENERS.get(file.suffix.lower())
    if opener is None:
        raise InputError(f"model={file} has to be a file that imb-export wrote, {' or '.join(OPENERS)}")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"model={file} cannot be read ({error.strerror}): give a file that imb-export wrote"
        ) from error
    predictor = opener(content, file)
    return Predictor(predictor.description, _distrusted(predictor, file))


def _distrusted(predictor: Predictor, file: Path) -> Callable[[Tensor], Tensor]:
    """Its answers, refused where they have another form than the description tells."""

    def answer(images: Tensor) -> Tensor:
        try:
            outputs = predictor.answer(images)
        except Exception as error:  # each runtime has its own classes
            raise InputError(
                f"model={file} cannot take {len(images)} images of {tuple(images.shape[1:])} ({one_line(error)}): "
                "export the run again"
            ) from error
        _check_outputs(outputs, len(images), predictor.description, file)
        return outputs

    return answer


def _check_outputs(outputs: object, images: int, description: Description, file: Path) -> None:
    shape = (images,) if description.regression else (images, len(description.class_names))
    if isinstance(outputs, Tensor) and outputs.dtype == torch.float32 and tuple(outputs.shape) == shape:
        return
    found = f"{outputs.dtype} {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else type(outputs).__name__
    raise InputError(
        f"model={file} is damaged (of {images} images it gives {found}, and its description tells of float32 {shape}): "
        "export the run again"
    )
