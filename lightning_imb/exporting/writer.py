"""Files of a network, each opened again and compared with it before it takes its name."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lightning_imb.data.datasets.unlabelled import unlabelled_images
from lightning_imb.data.loading import load_all
from lightning_imb.exporting.agreement import check_agreement, compare, in_words, trial_images
from lightning_imb.exporting.description import Description
from lightning_imb.exporting.network import network_predictor
from lightning_imb.exporting.onnx_file import onnx_bytes
from lightning_imb.exporting.opened import OPENERS
from lightning_imb.exporting.predictor import Predictor
from lightning_imb.exporting.program import Program
from lightning_imb.exporting.torch_file import torch_bytes, traced
from lightning_imb.reports.model_card import MODELS
from lightning_imb.restore import restore_network, restore_transform
from lightning_imb.runs import RunFolder
from lightning_imb.utils.atomic import atomic_file
from lightning_imb.utils.errors import InputError

ONNX, TORCH = "onnx", "torch"
FILES = dict(zip((ONNX, TORCH), MODELS, strict=True))
_REAL = 256  # images that a check looks at: what is wrong with a file shows in few


@dataclass(frozen=True)
class Request:
    """What is written where, and how it is checked.

    Attributes:
        formats: Some of ``onnx`` and ``torch``.
        out: The folder.
        opset: Version of ONNX's operators.
        tolerance: Largest difference, see `lightning_imb.exporting.agreement.check_agreement`.
        images: Where real images for the check are; None for none.
    """

    formats: Sequence[str]
    out: Path
    opset: int
    tolerance: float
    images: str | None


@dataclass(frozen=True)
class Written:
    """A file.

    Attributes:
        path: Where it is.
        check: How far it is from the network and on which images, in words; names no folder.
    """

    path: Path
    check: str


def write_files(run: RunFolder, description: Description, request: Request) -> Iterator[Written]:
    """Write files of one network of a run, one after the other.

    Args:
        run: A finished run.
        description: Of the network.
        request: What is asked.

    Yields:
        Each file once it stands under its name.

    Raises:
        InputError: If the network cannot be exported, a file differs from it, or an image is unusable.
    """
    real = _real_images(request.images, description)
    batches, classes = [*trial_images(description), *real], not description.regression
    model = restore_network(run, description.phase, description.checkpoint)
    model.to(memory_format=torch.contiguous_format)  # the layout of images in files; torch.export.save warns of others
    transform = restore_transform(run, channels_last=False)
    original = network_predictor(run, model, transform, description, exact=True)
    remark = _rounding(network_predictor(run, model, transform, description, exact=False), original, batches)
    with torch.no_grad():
        exported = traced(Program(model, transform, description).eval(), description)
    made: dict[str, Callable[[], bytes]] = {
        ONNX: lambda: onnx_bytes(exported, description, request.opset),
        TORCH: lambda: torch_bytes(exported, description),
    }
    for name in request.formats:
        path, content = request.out / FILES[name], made[name]()
        reopened = OPENERS[path.suffix](content, path)
        found = check_agreement(path.name, reopened.answer, original.answer, batches, classes, request.tolerance)
        with atomic_file(path) as file:
            file.write(content)
        looked_at = _looked_at(batches, sum(map(len, real)))
        yield Written(path, f"differs from the network by at most {in_words(found, classes)}, {looked_at}{remark}")


def _looked_at(batches: Sequence[Tensor], real: int) -> str:
    """Which images were compared: noise lies far from what a network was trained on."""
    sizes = " + ".join(str(len(images)) for images in batches)
    given = f"the last {real} given by images=" if real else "none given by images="
    return f"on batches of {sizes} images: random ones, {given}"


def _real_images(place: str | None, description: Description) -> list[Tensor]:
    """One batch of them, or none."""
    if place is None:
        return []
    if description.pixels != "uint8":
        raise InputError(f"images={place} cannot be looked at by a network of arrays of real numbers: use images=null")
    channels, height, width = description.image_size
    source = unlabelled_images(place, image_size=(height, width), channels=channels)
    return [load_all(source, np.arange(min(len(source), _REAL)), setting="images")[0]]


def _rounding(as_scored: Predictor, exact: Predictor, batches: Sequence[Tensor]) -> str:
    """How far float32 is from what the run computed with, in words; nothing where that is float32 as well."""
    precision = exact.description.precision
    if precision == "32-true":
        return ""
    classes = not exact.description.regression
    found = compare(as_scored.answer, exact.answer, batches, classes)
    return f"; it computes in float32, and the run's own {precision} differs from that by {in_words(found, classes)}"
