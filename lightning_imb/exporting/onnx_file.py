"""``model.onnx``: the program as ONNX, with the description among its metadata."""

import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from lightning_imb.exporting.described import described
from lightning_imb.exporting.description import INPUT, KEY, Description
from lightning_imb.exporting.predictor import Predictor
from lightning_imb.utils.errors import InputError, one_line
from lightning_imb.utils.extras import how_to_install

if TYPE_CHECKING:
    from onnx import ModelProto

_TO_WRITE = ("onnx", "onnxscript", "onnxruntime")
_LARGEST = 2**31 - 1  # bytes of a protobuf message, which an .onnx file is
_BATCH = "batch"


def require_onnx(packages: tuple[str, ...] = _TO_WRITE) -> None:
    """Refuse ONNX files where a package for them is missing.

    Raises:
        InputError: If one is not installed.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"ONNX files need {' and '.join(missing)}: {how_to_install('onnx')}")


def onnx_bytes(exported: ExportedProgram, description: Description, opset: int) -> bytes:
    """The content of an ``.onnx`` file.

    Args:
        exported: The recorded program.
        description: Of it.
        opset: Version of ONNX's operators, >= 18.

    Raises:
        InputError: If ONNX has no such operators, or the network is too large for one file.
    """
    size = sum(tensor.numel() * tensor.element_size() for tensor in exported.state_dict.values())
    if size > _LARGEST:
        raise InputError(
            f"an .onnx file holds at most 2 GB, the weights are {size / 1e9:.1f} GB: leave onnx out of formats"
        )
    model = _converted(exported, description.output, opset)
    _name_batch(model)
    model.metadata_props.add(key=KEY, value=description.to_json())
    content: bytes = model.SerializeToString()
    return content


def _converted(exported: ExportedProgram, output: str, opset: int) -> "ModelProto":
    try:
        with _without_chatter():
            program = torch.onnx.export(
                exported, dynamo=True, opset_version=opset, input_names=[INPUT], output_names=[output], verbose=False
            )
    except Exception as error:  # the converter has classes of its own for what it lacks
        raise InputError(
            f"this network cannot become ONNX ({_reason(error)}): leave onnx out of formats, or choose another model"
        ) from error
    assert program is not None
    model = program.model_proto
    made = next(entry.version for entry in model.opset_import if entry.domain == "")
    if made != opset:
        raise InputError(
            f"opset={opset} cannot be made by torch {torch.__version__} (it made {made}): use opset={made}"
        )
    return model


@contextmanager
def _without_chatter() -> Iterator[None]:
    """The converter logs each of its steps; warnings and errors come through."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)


def _reason(error: Exception) -> str:
    """What lies at the bottom: the converter wraps it in advice to its own developers."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return one_line(error)


def _name_batch(model: "ModelProto") -> None:
    """Call the number of images by a word; the converter numbers it."""
    number = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = dim.dim_param.replace(number, _BATCH)


def open_onnx(content: bytes, file: Path) -> Predictor:
    """Open what `onnx_bytes` made, for the CPU.

    Args:
        content: Of the file.
        file: For the messages.

    Raises:
        InputError: If onnxruntime is missing, or the file is none of ours or damaged.
    """
    require_onnx(("onnxruntime",))
    session = _session(content, file)
    description = described(session.get_modelmeta().custom_metadata_map.get(KEY), file)
    _check_ends(session, description, file)

    def answer(images: Tensor) -> Tensor:
        (outputs,) = session.run([description.output], {INPUT: images.contiguous().numpy()})
        return torch.from_numpy(outputs)

    return Predictor(description, answer)


def _check_ends(session: Any, description: Description, file: Path) -> None:
    ends = [*session.get_inputs(), *session.get_outputs()]
    names, wanted = [end.name for end in ends], [INPUT, description.output]
    if names != wanted:
        raise InputError(
            f"model={file} is damaged (its input and output are called {', '.join(names)}, not {', '.join(wanted)}): "
            "export the run again"
        )


def _session(content: bytes, file: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised, too
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each of its statuses is a class of its own
        raise InputError(f"model={file} is damaged or no .onnx file: export the run again") from error
