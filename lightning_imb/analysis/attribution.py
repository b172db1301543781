"""Which pixels of an image speak for a class: one number per position, by four methods.

All four run through captum. The network is evaluated in float32; its modes and parameters are as before afterwards, and
gradients flow to the images or maps alone. Guided backpropagation is left out: it changes the gradient of ReLU modules,
and networks that call ReLU as a function would silently be explained without it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from captum.attr import InputXGradient, IntegratedGradients, LayerGradCam, Occlusion
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from lightning_imb.analysis.layers import chosen_layers, evaluating, read_maps, stages

AUTO = "auto"


@contextmanager
def explaining(network: nn.Module) -> Iterator[None]:
    """Evaluation mode, float32, gradients on but none for parameters; everything as before afterwards.

    Args:
        network: What is explained.
    """
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    device = next((parameter.device.type for parameter in network.parameters()), "cpu")
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        # half precision rounds gradients of single pixels away
        with (
            evaluating(network),
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast(device, enabled=False),
        ):
            yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def explained_layers(extractor: nn.Module, wanted: str, inputs: Tensor) -> list[str]:
    """The layer whose maps Grad-CAM weighs.

    Args:
        extractor: Maps images to embeddings.
        wanted: Name of a module in it, or ``auto``: the last stage; of several experts, the last stage of each.
        inputs: (B, C, H, W); one image is tried.

    Returns:
        One name, or one per expert.

    Raises:
        InputError: If there is no such layer, or it puts out no maps (units, height, width).
    """
    if wanted != AUTO:
        return list(read_maps(extractor, chosen_layers(extractor, wanted, inputs), inputs[:1]))
    ends = stages(extractor, inputs)
    maps = read_maps(extractor, ends, inputs[:1])
    return [name for name in ends if maps[name].shape == maps[ends[-1]].shape]


def grad_cam(network: nn.Module, layers: Sequence[nn.Module], inputs: Tensor, target: Tensor) -> Tensor:
    """``ReLU(sum_k alpha_k A_k)``, with alpha_k the mean over the positions of ``d s_c / d A_k``.

    Args:
        network: Maps images to logits.
        layers: Modules in it that put out maps A of one size: usually one. Of several, such as the last stages of
            experts, the sums are added before the ReLU, as if their units stood beside each other in one layer.
        inputs: (N, C, H, W) as the network takes them.
        target: (N,) int64, the class c of each image.

    Returns:
        (N, h, w) float32, >= 0, in the layer's resolution and the logits' unit.

    Source:
        Selvaraju et al. 2017 (arXiv 1610.02391), equations 1 and 2; used for medical images under imbalance by the
        public code that goes with arXiv 2204.01729.
    """
    with explaining(network):
        sums = [LayerGradCam(network, layer).attribute(inputs, target).detach() for layer in layers]
    summed: Tensor = torch.stack(sums).sum(dim=0)
    return summed.squeeze(1).relu_().float()


def integrated_gradients(
    network: nn.Module, inputs: Tensor, target: Tensor, steps: int, baseline: Tensor | None = None
) -> Tensor:
    """``(x - x') * integral over a in [0, 1] of d s_c(x' + a (x - x')) / dx``: sums to ``s_c(x) - s_c(x')``.

    Needs no more memory than one gradient of the batch: the steps are taken one after the other.

    Args:
        network: Maps images to logits.
        inputs: (N, C, H, W).
        target: (N,) int64.
        steps: Points of the Gauss-Legendre quadrature, >= 1.
        baseline: x', (1, C, H, W) or any shape that is expanded to it; None for zeros, which is the mean colour of the
            training images where inputs are normalised.

    Returns:
        (N, C, H, W).

    Source:
        Sundararajan et al. 2017 (arXiv 1703.01365), equation 1.
    """
    start = torch.zeros_like(inputs) if baseline is None else baseline.expand_as(inputs).contiguous()
    with explaining(network):
        found: Tensor = IntegratedGradients(network).attribute(
            inputs, start, target, n_steps=steps, internal_batch_size=len(inputs)
        )
    return found.detach()


def input_x_gradient(network: nn.Module, inputs: Tensor, target: Tensor) -> Tensor:
    """``x * d s_c / dx``, (N, C, H, W): integrated gradients with one step, at the image.

    Args:
        network: Maps images to logits.
        inputs: (N, C, H, W).
        target: (N,) int64.

    Source:
        Shrikumar et al. 2016 (arXiv 1605.01713).
    """
    with explaining(network):
        found: Tensor = InputXGradient(network).attribute(inputs.detach().clone().requires_grad_(), target)
    return found.detach()


def occlusion(
    network: nn.Module, inputs: Tensor, target: Tensor, window: float, baseline: Tensor | None = None
) -> Tensor:
    """How much the logit falls when a square is covered: mean over the squares that cover a pixel.

    Args:
        network: Maps images to logits.
        inputs: (N, C, H, W).
        target: (N,) int64.
        window: Side of the square as a share of the image's sides, in (0, 1]; it moves by half its side.
        baseline: What covers, as in `integrated_gradients`.

    Returns:
        (N, C, H, W).

    Source:
        Zeiler and Fergus 2014 (arXiv 1311.2901), section 4.2.
    """
    channels, *size = inputs.shape[1:]
    sides = [max(1, round(window * length)) for length in size]
    strides = [max(1, side // 2) for side in sides]
    cover = 0 if baseline is None else baseline.expand_as(inputs)
    with explaining(network), torch.no_grad():
        found: Tensor = Occlusion(network).attribute(
            inputs, (channels, *sides), (channels, *strides), baselines=cover, target=target
        )
    return found.detach()


def evidence(attributions: Tensor, kind: str) -> Tensor:
    """One number per pixel, >= 0, of attributions to channels.

    Args:
        attributions: (N, C, H, W).
        kind: Of the sum over the channels, the ``positive`` part (what speaks for the class, as the ReLU of Grad-CAM)
            or the ``absolute`` value (what matters at all).

    Returns:
        (N, H, W) float32.
    """
    summed: Tensor = attributions.float().sum(dim=1)
    return summed.abs() if kind == "absolute" else summed.relu()


def smoothed(maps: Tensor, share: float) -> Tensor:
    """Gaussian means of neighbouring pixels.

    Gradients with respect to pixels jump from one pixel to the next, most of all before layers that skip pixels: a
    single pixel would decide a pointing game.

    Args:
        maps: (N, H, W).
        share: Standard deviation as a share of the image's sides, >= 0; 0 for none.

    Returns:
        (N, H, W) float32, on the same device.
    """
    widths = (0.0, *(share * length for length in maps.shape[1:]))
    return torch.from_numpy(gaussian_filter(maps.cpu().numpy(), widths, mode="nearest")).to(maps.device)
