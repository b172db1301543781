"""What the layers of a network meet, seen by sending one image through it."""

import copy

import torch
from torch import Tensor, nn


def outrunning_convolution(extractor: nn.Module, shape: tuple[int, int, int]) -> str | None:
    """The first convolution whose stride is longer than the side of the maps it gets, as under images too small.

    oneDNN leaves parts of the bfloat16 weight gradient of such a layer unwritten on a CPU (seen with torch 2.15:
    whatever lay in memory, NaN among it, becomes gradient), so these networks need float32 there.

    Args:
        extractor: The network; it stays as it is.
        shape: (C, H, W) of the images.

    Returns:
        The name of the layer, or None.
    """
    trial, found = copy.deepcopy(extractor).train(), []  # in evaluation a network may call its layers otherwise

    def watch(name: str, layer: nn.Conv2d) -> None:
        def look(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if any(step > side for step, side in zip(layer.stride, inputs[0].shape[2:], strict=True)):
                found.append(name)

        layer.register_forward_hook(look)

    for name, layer in trial.named_modules():
        if isinstance(layer, nn.Conv2d):
            watch(name, layer)
    with torch.no_grad():
        trial(torch.zeros(2, *shape))
    return found[0] if found else None
