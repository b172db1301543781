"""Sharpness-aware minimisation: a step follows the gradient of the worst place nearby."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_imb.utils.checked import checked_flag, checked_number

_NOT_ZERO = 1e-12  # beside the length of the gradient, as released


class HasGroups(Protocol):
    """Any optimizer, wrapped by a framework or not."""

    param_groups: list[dict[str, Any]]


class SAM:
    r"""SAM, and ASAM where ``adaptive``: twice the gradient, once the step.

    With ``g`` the gradient at the weights ``w``, the optimizer is given the gradient at ``w + e`` in place of ``g``:

    * SAM: ``e = rho * g / |g|``
    * ASAM: ``e = rho * w^2 * g / | |w| * g |``, each weight in relation to its own size

    with lengths over all weights together. What it works on is the closure of a step, not the optimizer: whatever
    the optimizer, its learning rates, its state and its checkpoints are those of a training without SAM, and a
    resumed run is the same to the bit. ``rho=0`` is the optimizer alone.

    * Random layers (dropout) draw the same in both passes, and the draws after a step are those of one pass.
    * Both passes are made alike by every process of a distributed run, each with its gradients averaged over all, so
      that ``e`` is that of the whole batch (the authors of SAM leave the first pass of each device to itself).
    * The lengths cancel whatever scales the loss, so that float16 with loss scaling works. Where the first gradient is
      not finite, ``e`` is 0 and the second pass finds the same, for the optimizer or the scaler to judge.

    Args:
        rho: Radius of the neighbourhood, >= 0.
        adaptive: Whether the neighbourhood is in relation to the weights.

    Raises:
        InputError: A negative radius, or ``adaptive`` neither true nor false.

    Source:
        Foret et al. 2021 (arXiv 2010.01412), eq. 2; Kwon et al. 2021 (arXiv 2102.11600), for all weights and without
        the small constant that its code adds to their sizes; for long tails Rangwani et al. 2022 (arXiv 2212.13827).
    """

    def __init__(self, rho: float, adaptive: bool) -> None:
        self.rho = checked_number("sharpness.rho", rho, 0)
        self.adaptive = checked_flag("sharpness.adaptive", adaptive)

    def around(
        self,
        optimizer: HasGroups,
        closure: Callable[[], Any],
        second_pass: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> Callable[[], Any]:
        """The closure to give to ``optimizer.step`` in place of another one.

        Args:
            optimizer: Whose weights are moved and moved back.
            closure: Clears the gradients, computes the loss, makes its gradients and returns it.
            second_pass: Context of its second call, such as `still_statistics`.

        Returns:
            A closure that leaves the gradient at ``w + e`` and the weights ``w``, and returns what the second call of
            the given one returned.
        """
        if self.rho == 0:
            return closure

        def twice() -> Any:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            with _draws_to_come_again(weights):
                closure()
            before = self._climb([weight for weight in weights if weight.grad is not None])
            try:
                with second_pass():
                    return closure()
            finally:
                with torch.no_grad():
                    for weight, value in before:
                        weight.copy_(value)

        return twice

    @torch.no_grad()
    def _climb(self, weights: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Move the weights by ``e``; each with its value before."""
        before = [(weight, weight.clone()) for weight in weights]
        slopes = [weight.grad for weight in weights if weight.grad is not None]
        if self.adaptive:
            slopes = [value.abs() * slope for (_, value), slope in zip(before, slopes, strict=True)]
        share = self.rho / (torch.nn.utils.get_total_norm(slopes) + _NOT_ZERO)
        for (weight, value), slope in zip(before, slopes, strict=True):
            step = share * slope * value.abs() if self.adaptive else share * slope
            weight.add_(torch.where(share > 0, step, 0))  # an infinite length gives share 0, none at all a NaN
        return before


def _draws_to_come_again(weights: Iterable[Tensor]) -> AbstractContextManager[None]:
    """What is drawn inside is drawn again after it."""
    devices = {weight.device.index for weight in weights if weight.device.type == "cuda"}
    return torch.random.fork_rng(devices=sorted(devices))


@contextmanager
def still_statistics(network: nn.Module) -> Iterator[None]:
    """Batch norm in training mode normalises by its batch, as ever, but measures nothing.

    The running statistics, which evaluation uses, are to be those of the weights themselves and to count each batch
    once.

    Args:
        network: Whose batch norms stand still.
    """
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
