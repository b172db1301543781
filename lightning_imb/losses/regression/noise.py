"""The noise of labels that Balanced MSE assumes: a number, fixed or learnt beside the network."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

_STATE = "log_noise"
_LEAST = 1e-4  # how far the noise can be learnt down, as a share of what it starts from


class LabelNoise(nn.Module):
    """Standard deviation s of the labels around what predicts them: ``s^2 = least^2 + exp(2 log_noise)``.

    Its logarithm is what is learnt, so that s stays positive and a step is a share of it; the released code learns s
    itself. ``least``, a tiny share of the first s, keeps one that is learnt down and down from 0.

    The number is no part of the network: it leaves no trace in a ``state_dict`` and is not expected in one. It
    travels through `state`.

    Args:
        initial: s at first, in units of the target, > 0.
        learn: Whether it is a parameter.
    """

    log_noise: Tensor

    def __init__(self, initial: float, learn: bool) -> None:
        super().__init__()
        self._least_variance = (_LEAST * initial) ** 2
        log_noise = torch.tensor(math.log(initial**2 - self._least_variance) / 2, dtype=torch.float32)
        if learn:
            self.log_noise = nn.Parameter(log_noise)
        else:
            self.register_buffer(_STATE, log_noise, persistent=False)

    def variance(self) -> Tensor:
        """``s^2``, a scalar."""
        return self._least_variance + (2 * self.log_noise).exp()

    def state(self) -> dict[str, Tensor]:
        """The learnt number; nothing where it is fixed."""
        return {_STATE: self.log_noise.detach().clone()} if isinstance(self.log_noise, nn.Parameter) else {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned."""
        if _STATE in state:
            with torch.no_grad():
                self.log_noise.copy_(state[_STATE])

    def _save_to_state_dict(self, *_: Any, **__: Any) -> None:
        """Nothing: a checkpoint holds the network, never the loss, and a parameter cannot be non-persistent."""

    def _load_from_state_dict(self, *_: Any, **__: Any) -> None:
        """Nothing, so that a strict load misses nothing either."""
