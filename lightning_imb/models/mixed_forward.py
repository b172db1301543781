"""A forward pass that mixes a batch at one of the extractor's layers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from lightning_imb.mixing import EMBEDDING, INPUT, Plan, apply
from lightning_imb.utils.errors import InputError

_NAMED = 16  # layers in a message


def embed_mixed(extractor: nn.Module, images: Tensor, plan: Plan) -> tuple[Tensor, Tensor | None]:
    """Embed a batch that is mixed on its way.

    Args:
        extractor: Maps images to embeddings.
        images: (R, C, H, W); rows after the plan's own are a second stream.
        plan: How to mix, on the device of the images.

    Returns:
        Embeddings (N, D) of the mixed rows; and those of the rows as they are, without gradient, where that costs
        nothing: when embeddings are what is mixed.
    """
    if plan.layer == INPUT:
        return extractor(apply(plan, images)), None
    if plan.layer == EMBEDDING:
        plain = extractor(images)
        return apply(plan, plain), plain[: plan.size].detach()
    with _mixing_after(layer_of(extractor, plan.layer), plan):
        return extractor(images), None


def layer_of(extractor: nn.Module, name: str) -> nn.Module:
    """The module of an extractor with this name, such as ``stage2`` or ``network.layer3``.

    Raises:
        InputError: If there is none; names the outer ones.
    """
    layers = dict(extractor.named_modules())
    if not name or name not in layers:
        outer = [known for known in layers if known and known.count(".") < 2][:_NAMED]
        raise InputError(
            f"{type(extractor).__name__} has no layer '{name}'; it has {', '.join(outer)} and those inside"
        )
    layer: nn.Module = layers[name]
    return layer


def check_layers(extractor: nn.Module, layers: Sequence[str], images: Tensor) -> None:
    """Refuse layers that the extractor does not have, or that do not pass a batch on once, row by row.

    Args:
        extractor: Maps images to embeddings.
        layers: Where a batch may be mixed.
        images: (N, C, H, W) to try them with.

    Raises:
        InputError: As `layer_of`; or if a layer is a mere container, or passed more than once.
    """
    for name in layers:
        if name not in (INPUT, EMBEDDING):
            _check_layer(extractor, name, images)


def _check_layer(extractor: nn.Module, name: str, images: Tensor) -> None:
    outputs: list[Any] = []
    handle = layer_of(extractor, name).register_forward_hook(lambda module, inputs, output: outputs.append(output))
    try:
        extractor(images)
    finally:
        handle.remove()
    if len(outputs) != 1 or not isinstance(outputs[0], Tensor) or len(outputs[0]) != len(images):
        raise InputError(
            f"mix.layer={name} passes a batch on {len(outputs)} times or not row by row, so nothing can be mixed there "
            "once: choose another layer"
        )


@contextmanager
def _mixing_after(layer: nn.Module, plan: Plan) -> Iterator[None]:
    def mix(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return apply(plan, output)

    handle = layer.register_forward_hook(mix)
    try:
        yield
    finally:
        handle.remove()
