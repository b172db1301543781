"""Logit adjustment after training: the prior of the training set goes out, that of the test set comes in."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lightning_imb.posthoc.base import Given
from lightning_imb.posthoc.heads import AffineLogits
from lightning_imb.posthoc.searched import SEARCH, TENTHS_TO_2, SearchedPostHoc
from lightning_imb.utils.checked import checked_number
from lightning_imb.utils.errors import InputError

UNIFORM = "uniform"
_NOTHING = 1e-5  # losses keep their shift in float32


class LogitAdjustment(SearchedPostHoc):
    """``z_c - tau * log pi_c``, for test classes of another prior ``z_c - tau * (log pi_c - log pi_test_c)``.

    ``tau=0`` is the trained head; ``tau=1`` is Bayes' rule, called PC-softmax by Hong et al. Made for heads trained by
    cross entropy on the classes as they come. Where the loss took the training prior out itself (logit adjustment,
    balanced softmax, VS, LADE), or a sampler or an over-sampler changed the classes before it, ``pi`` is what is left
    in the logits: after all of it only the test prior is added, and for a uniform one there is nothing to do, which is
    refused. What class weights take out is not known here: search ``tau``.

    Args:
        tau: A number >= 0, or ``search``, which maximises balanced accuracy and so is for a uniform test prior.
        grid: What a search tries.
        target_prior: ``uniform``, or one number > 0 per class (shares or counts) of the data to predict.

    Raises:
        InputError: If a setting is out of range.

    Source:
        Menon et al. 2021 (arXiv 2007.07314), equation 9; Hong et al. 2021 (arXiv 2012.00321), PC-softmax.
    """

    name = "logit_adjustment"
    parameter = "tau"

    def __init__(
        self,
        tau: float | str = 1.0,
        grid: Sequence[float] = TENTHS_TO_2,
        target_prior: str | Sequence[float] = UNIFORM,
    ) -> None:
        super().__init__(tau, grid)
        self.target_prior = _checked_prior(target_prior)
        if self.target_prior is not None and self.value is None:
            raise InputError(
                f"posthoc.tau={SEARCH} maximises balanced accuracy, which is for a uniform test prior: "
                "give a number such as posthoc.tau=1 beside posthoc.target_prior"
            )

    def check(self, given: Given) -> None:
        """Refuse a prior of another length, and a search without validation data."""
        super().check(given)
        classes = len(given.class_counts)
        if self.target_prior is not None and len(self.target_prior) != classes:
            raise InputError(
                f"posthoc.target_prior has {len(self.target_prior)} numbers for {classes} classes: give one per class"
            )

    def check_worth(self, given: Given) -> None:
        """Refuse to take a prior out of a head that is adjusted already."""
        if given.head_prior is not None and _constant(self.shift(given, 1.0)) and not _constant(_log_counts(given)):
            raise InputError(
                "the loss or the sampling of this head's training takes the class prior into account, so its logits "
                "are adjusted already: choose posthoc=none, or a loss such as loss=ce on the classes as they come, or "
                "give another posthoc.target_prior"
            )

    def head_for(self, given: Given, value: float) -> nn.Module:
        """The head with its logits shifted by this tau."""
        return AffineLogits(given.head, torch.tensor(1.0), self.shift(given, value))

    def shift(self, given: Given, tau: float) -> Tensor:
        """What is added to the logits, (K,) float64; a constant for all classes is left out."""
        prior = given.head_prior
        known = _log_counts(given) if prior is None else torch.as_tensor(prior, dtype=torch.float64).log()
        wanted = torch.zeros_like(known) if self.target_prior is None else self.target_prior.log()
        return tau * (wanted - known)

    def _settings(self) -> dict[str, Any]:
        return {"target_prior": UNIFORM if self.target_prior is None else self.target_prior.tolist()}


class PCSoftmax(LogitAdjustment):
    """`LogitAdjustment` under the name that it has for known test priors (Hong et al. 2021, arXiv 2012.00321)."""

    name = "pc_softmax"


def _log_counts(given: Given) -> Tensor:
    """Log of the shares of the training classes, (K,) float64."""
    counts = torch.as_tensor(given.class_counts, dtype=torch.float64)
    return (counts / counts.sum()).log()


def _constant(shift: Tensor) -> bool:
    """Whether adding it changes no softmax."""
    return float(shift.max() - shift.min()) < _NOTHING


def _checked_prior(prior: str | Sequence[float]) -> Tensor | None:
    """Shares of the classes (K,) float64; None for a uniform prior."""
    if prior == UNIFORM:
        return None
    if not isinstance(prior, list | tuple) or not prior:
        raise InputError(f"posthoc.target_prior is {prior!r}; give {UNIFORM}, or one number > 0 per class")
    shares = [checked_number("an entry of posthoc.target_prior", share, 0) for share in prior]
    if not all(shares):
        raise InputError(
            f"posthoc.target_prior is {prior!r}, whose 0 rules a class out: "
            "give a small number such as 1e-6 to a class that hardly comes"
        )
    values = torch.tensor(shares, dtype=torch.float64)
    return values / values.sum()
