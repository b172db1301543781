"""Temperature scaling: probabilities that say how often the prediction is right."""

import logging
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imb.posthoc.base import Adjusted, Given, PostHoc
from lightning_imb.posthoc.heads import AffineLogits
from lightning_imb.posthoc.searched import SEARCH, number_or_search, require_val

log = logging.getLogger(__name__)

COLDEST, HOTTEST = 0.05, 20.0  # a validation set without errors would ask for 0, one without hits for infinity
_HALVINGS = 50  # of the range of log T: far below what float32 logits tell apart


class Temperature(PostHoc):
    """``z / T`` with one T for all classes: predictions stay, only confidences change; 1 is the trained head.

    A search minimises the cross entropy of the validation images. It is convex in ``1 / T``, so the sign of its
    derivative is followed by bisection. A search that the range stops says so, in the log and by ``stopped_at_bound``
    in the report.

    Args:
        temperature: A number from 0.05 to 20, or ``search``, which looks in the same range.

    Raises:
        InputError: If it is neither.

    Source:
        Guo et al. 2017 (arXiv 1706.04599), section 4.2.
    """

    name = "temperature"

    def __init__(self, temperature: float | str = SEARCH) -> None:
        self.temperature = number_or_search("posthoc.temperature", temperature, COLDEST, HOTTEST)

    def check(self, given: Given) -> None:
        """Refuse a search without validation data."""
        super().check(given)
        if self.temperature is None:
            require_val(given, "posthoc.temperature", "1.5")

    def _adjust(self, given: Given) -> Adjusted:
        found, tried = self._search(given) if self.temperature is None else (self.temperature, {})
        head = AffineLogits(given.head, torch.tensor(1 / found), torch.zeros(len(given.class_counts)))
        report = {"posthoc": self.name, "temperature": found, "searched_on": "val" if tried else None}
        return Adjusted(head, report | tried)

    def _search(self, given: Given) -> tuple[float, dict[str, Any]]:
        assert given.val is not None, "check() was called"
        z, target = given.val()
        logits: Tensor = given.head(z).double()
        best = best_temperature(logits, target)
        nll = [float(F.cross_entropy(logits / t, target)) for t in (1.0, best)]
        return best, {"val_nll_before": nll[0], "val_nll": nll[1]} | _bound(best)


def _bound(found: float) -> dict[str, Any]:
    """What to report of a search that its range has stopped; nothing of one that found the least loss inside."""
    for bound, kind in ((COLDEST, "all right, or nearly so"), (HOTTEST, "no better than a guess")):
        if math.isclose(found, bound, rel_tol=1e-6):
            log.warning(
                "posthoc.temperature=search stopped at %g, the end of its range: the validation predictions are "
                "%s, which no temperature in it fits",
                bound,
                kind,
            )
            return {"stopped_at_bound": bound}
    return {}


def best_temperature(logits: Tensor, target: Tensor) -> float:
    """The T in 0.05..20 with the least cross entropy of ``logits / T``; 1 where T makes no difference.

    Args:
        logits: (N, K) float64.
        target: (N,) labels.
    """
    if slope(logits, target, 1.0) == 0:
        return 1.0
    low, high = math.log(COLDEST), math.log(HOTTEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        # cross entropy falls while T is still too low, that is while it rises with 1 / T
        low, high = (middle, high) if slope(logits, target, math.exp(-middle)) > 0 else (low, middle)
    return math.exp((low + high) / 2)


def slope(logits: Tensor, target: Tensor, sharpness: float) -> float:
    """Derivative of the mean cross entropy of ``sharpness * logits`` by ``sharpness``.

    It is the mean of (expected logit - logit of the true class), the expectation under the softmax.
    """
    expected = (torch.softmax(sharpness * logits, dim=1) * logits).sum(1)
    return float((expected - logits.gather(1, target.unsqueeze(1)).squeeze(1)).mean())
