"""What the layers inside a network put out, read batch by batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from lightning_imb.utils.errors import InputError

Keeper = Callable[[str, object], None]

_NAMED = 12  # layers that an error lists


def read_layers(network: nn.Module, layers: Sequence[str], inputs: Tensor) -> dict[str, Tensor]:
    """Send one batch through a network and copy what some of its layers put out.

    The network runs in evaluation mode, in float32 and without gradients; its hooks and modes are as before afterwards,
    also where it fails. Copies, because a layer that follows may overwrite its input (ReLU in place).

    Args:
        network: Maps inputs to anything.
        layers: Names of its modules, such as ``stage3`` or ``network.layer4``.
        inputs: (B, ...), on the network's device.

    Returns:
        What each layer put out, (B, ...) float32, by name, in the order of ``layers``.

    Raises:
        InputError: If a layer does not exist, is not run (a layer that another one computes in its place), or puts out
            anything but one tensor with a row per image.
    """
    found: dict[str, Tensor] = {}

    def keep(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim >= 2 and len(output) == len(inputs):
            found[name] = output.detach().float().clone()

    _run_hooked(network, {name: _layer(network, name) for name in layers}, keep, inputs)
    for name in layers:
        if name not in found:
            raise InputError(
                f"layer {name} of {type(network).__name__} puts out no tensor with one row per image in evaluation: "
                "choose the layer around it, or auto"
            )
    return {name: found[name] for name in layers}


def stages(network: nn.Module, inputs: Tensor) -> list[str]:
    """The last layer at each size of the maps: the stages of a convolutional network, whatever their names.

    Args:
        network: Maps inputs to embeddings (B, D).
        inputs: (B, C, H, W); one image is enough.

    Returns:
        Names of layers that put out maps (B, U, h, w) of more than one position, in the order in which they end. For
        `ResNetCifar` that is ``stage1``, ``stage2``, ``stage3``.

    Raises:
        InputError: If no layer puts out maps.
    """
    ended: dict[str, tuple[int, ...]] = {}

    def note(name: str, output: object) -> None:
        ended.pop(name, None)  # a layer that runs twice counts where it ends last
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2:].numel() > 1:
            ended[name] = tuple(output.shape[2:])

    _run_hooked(network, {name: layer for name, layer in network.named_modules() if name}, note, inputs[:1])
    if not ended:
        raise InputError(f"no layer of {type(network).__name__} puts out maps of images of {tuple(inputs.shape[1:])}")
    names, sizes = list(ended), list(ended.values())
    return [name for name, size, after in zip(names, sizes, [*sizes[1:], None], strict=True) if size != after]


def chosen_layers(network: nn.Module, wanted: str | Sequence[str], inputs: Tensor, auto: str = "last") -> list[str]:
    """The layers that a setting means.

    Args:
        network: As `stages`.
        wanted: ``auto``, the name of a layer, or several names.
        inputs: As `stages`.
        auto: What ``auto`` stands for: the ``last`` of the `stages`, or ``all`` of them.

    Returns:
        Names, each tried with one image.

    Raises:
        InputError: As `read_layers` and `stages`, or for an empty list.
    """
    if isinstance(wanted, str):
        if wanted == "auto":
            return stages(network, inputs)[-1 if auto == "last" else 0 :]
        wanted = [wanted]
    if not wanted:
        raise InputError("layers is an empty list: name layers of the extractor, or use auto")
    return list(read_layers(network, list(dict.fromkeys(wanted)), inputs[:1]))


def read_maps(network: nn.Module, layers: Sequence[str], inputs: Tensor) -> dict[str, Tensor]:
    """As `read_layers`, for layers that put out maps (B, U, h, w).

    Raises:
        InputError: As `read_layers`, and if a layer puts out anything else.
    """
    found = read_layers(network, layers, inputs)
    for name, maps in found.items():
        if maps.ndim != 4:
            raise InputError(
                f"layer {name} puts out {tuple(maps.shape[1:])} per image, not maps (units, height, width): "
                "choose a layer before the pooling, or auto"
            )
    return found


def _layer(network: nn.Module, name: str) -> nn.Module:
    layers = dict(network.named_modules())
    if not name or name not in layers:
        outer = ", ".join([known for known in layers if known and known.count(".") < 2][:_NAMED])
        raise InputError(f"{type(network).__name__} has no layer {name!r}; it has {outer} and those inside")
    layer: nn.Module = layers[name]
    return layer


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode, and the mode of every module as it was afterwards."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _run_hooked(network: nn.Module, layers: dict[str, nn.Module], keep: Keeper, inputs: Tensor) -> None:
    handles: list[RemovableHandle] = []
    try:
        for name, layer in layers.items():
            handles.append(layer.register_forward_hook(lambda _, __, output, name=name: keep(name, output)))
        with evaluating(network), torch.no_grad(), torch.autocast(inputs.device.type, enabled=False):
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
