"""``model.pt2``: the program of ``torch.export``."""

import io
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from lightning_imb.exporting.described import described
from lightning_imb.exporting.description import INPUT, KEY, Description
from lightning_imb.exporting.predictor import Predictor
from lightning_imb.utils.errors import InputError, one_line

_MEMBER = f"{KEY}.json"


def traced(program: nn.Module, description: Description) -> ExportedProgram:
    """Record a program for any number of images.

    Args:
        program: Maps images to outputs, in evaluation mode.
        description: Of the images.

    Raises:
        InputError: If the network does something that cannot be recorded.
    """
    example = torch.zeros(2, *description.image_size, dtype=getattr(torch, description.pixels))
    try:
        exported = torch.export.export(program, (example,), dynamic_shapes={INPUT: {0: Dim("batch")}}, strict=False)
    except Exception as error:  # whatever an operator of anybody's network raises
        raise InputError(
            f"torch.export cannot record this network ({one_line(error)}): use formats=[card], or another model"
        ) from error
    _forget_places(exported)
    return exported


def _forget_places(exported: ExportedProgram) -> None:
    """Take out which line of which file made an operator: files are given away, folders of this machine are not."""
    for module in exported.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)


def torch_bytes(exported: ExportedProgram, description: Description) -> bytes:
    """The content of a ``.pt2`` file."""
    memory = io.BytesIO()
    torch.export.save(exported, memory, extra_files={_MEMBER: description.to_json()})
    return memory.getvalue()


def open_torch(content: bytes, file: Path) -> Predictor:
    """Open what `torch_bytes` made.

    Args:
        content: Of the file. It is a program: open none of unknown origin.
        file: For the messages.

    Raises:
        InputError: If it is none of ours, damaged, or of a torch that this one cannot read.
    """
    description = described(_description(content, file), file)
    try:
        program = torch.export.load(io.BytesIO(content)).module()
    except Exception as error:  # each torch has its own way to refuse
        raise InputError(
            f"model={file} cannot be loaded by torch {torch.__version__} ({type(error).__name__}): "
            "use the torch that wrote it, or model.onnx"
        ) from error

    def answer(images: Tensor) -> Tensor:
        with torch.no_grad():
            outputs: Tensor = program(images)
        return outputs

    return Predictor(description, answer)


def _description(content: bytes, file: Path) -> str | None:
    """Before torch reads the file, which would fill the screen with what it thinks of a damaged one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.testzip() is not None:
                raise zipfile.BadZipFile
            member = next((name for name in archive.namelist() if name.endswith(f"/{_MEMBER}")), None)
            return None if member is None else archive.read(member).decode()
    except Exception as error:  # encrypted, packed in an unknown way, cut: each has its own class
        raise InputError(f"model={file} is damaged or no .pt2 file: export the run again") from error
