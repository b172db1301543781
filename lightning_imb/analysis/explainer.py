"""One network and how it is explained: any method of attribution by its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from lightning_imb.analysis.attribution import (
    evidence,
    grad_cam,
    input_x_gradient,
    integrated_gradients,
    occlusion,
    smoothed,
)
from lightning_imb.utils.checked import checked_choice, checked_number

GRAD_CAM = "grad_cam"
EVIDENCE = ("positive", "absolute")


@dataclass(frozen=True)
class Explainer:
    """The methods of `lightning_imb.analysis.attribution` with their settings, for one network.

    Args:
        network: Maps images to logits.
        layers: What `grad_cam` weighs.
        steps: Of `integrated_gradients`, >= 1.
        evidence: What is kept of attributions to pixels, ``positive`` or ``absolute``.
        smooth: How far the gradients with respect to pixels are `smoothed`, from 0 to 1.
        window: Of `occlusion`, in (0, 1].
        baseline: Of `integrated_gradients` and `occlusion`.

    Raises:
        InputError: A setting out of range.
    """

    network: nn.Module
    layers: Sequence[nn.Module]
    steps: int
    evidence: str
    smooth: float
    window: float
    baseline: Tensor | None = None

    def __post_init__(self) -> None:
        check_settings(self.steps, self.evidence, self.smooth, self.window)

    def explain(self, method: str, inputs: Tensor, target: Tensor) -> Tensor:
        """Raw maps (N, h, w) float32, >= 0, of images (N, C, H, W) and their classes (N,).

        Args:
            method: One of `METHODS`.
            inputs: As the network takes them.
            target: int64, the class that each map is of.
        """
        return METHODS[method](self, inputs, target)

    def _grad_cam(self, inputs: Tensor, target: Tensor) -> Tensor:
        return grad_cam(self.network, self.layers, inputs, target)

    def _integrated_gradients(self, inputs: Tensor, target: Tensor) -> Tensor:
        found = integrated_gradients(self.network, inputs, target, self.steps, self.baseline)
        return smoothed(evidence(found, self.evidence), self.smooth)

    def _input_x_gradient(self, inputs: Tensor, target: Tensor) -> Tensor:
        return smoothed(evidence(input_x_gradient(self.network, inputs, target), self.evidence), self.smooth)

    def _occlusion(self, inputs: Tensor, target: Tensor) -> Tensor:
        return evidence(occlusion(self.network, inputs, target, self.window, self.baseline), self.evidence)


METHODS: dict[str, Callable[[Explainer, Tensor, Tensor], Tensor]] = {
    GRAD_CAM: Explainer._grad_cam,
    "integrated_gradients": Explainer._integrated_gradients,
    "input_x_gradient": Explainer._input_x_gradient,
    "occlusion": Explainer._occlusion,
}


def check_settings(steps: int, kind: str, smooth: float, window: float) -> None:
    """Refuse settings of an `Explainer` that are out of range.

    Raises:
        InputError: ``steps`` below 1, an unknown kind of evidence, ``smooth`` or ``window`` out of range.
    """
    checked_number("steps", steps, 1)
    checked_choice("evidence", kind, EVIDENCE)
    checked_number("smooth", smooth, 0, 1)
    checked_number("window", window, 0.01, 1)
