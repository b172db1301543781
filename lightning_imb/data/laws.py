"""Laws of numeric targets: the density that training targets are drawn from, or thinned to.

They are to numbers what the profiles are to classes. A law without a value that it cannot do without is refused in
words, because ``conf/imbalance`` takes the values from the data set, and data sets of classes have none.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, truncnorm

from lightning_imb.utils.checked import checked_number
from lightning_imb.utils.errors import InputError

_LEAST_MASS = 1e-6  # of a normal density between its ends; with less the deviation says nothing of what is drawn

Ends = Sequence[float | None]  # [low, high]; None for no end


class Law(Protocol):
    """A probability density on the real line."""

    def draw(self, n: int, random: np.random.Generator) -> NDArray[np.float64]:
        """(n,) independent values."""

    def density(self, y: ArrayLike) -> NDArray[np.float64]:
        """The density at each value, of any shape; 0 where no value is ever drawn."""


class Uniform:
    """The same density everywhere between two ends.

    Args:
        within: ``[low, high]``, both belong to it.

    Raises:
        InputError: If they are missing, not finite, or leave no room.
    """

    def __init__(self, within: Sequence[float]) -> None:
        self.low, self.high = interval(within, "imbalance.law.within")

    def draw(self, n: int, random: np.random.Generator) -> NDArray[np.float64]:
        """(n,) independent values."""
        return random.uniform(self.low, self.high, n)

    def density(self, y: ArrayLike) -> NDArray[np.float64]:
        """``1 / (high - low)`` between the ends, 0 outside."""
        values = np.asarray(y, dtype=np.float64)
        inside = (self.low <= values) & (values <= self.high)
        return np.where(inside, 1 / (self.high - self.low), 0.0)


class Normal:
    """A normal density, cut off at the ends of what a target can be: values beyond them are drawn again.

    Args:
        mean: Of the density before it is cut off.
        std: Likewise, positive.
        within: ``[low, high]``, None for no end on that side; None for neither.

    Raises:
        InputError: If mean or deviation are missing or no such numbers, or the ends leave no room or
            no mass, less than a millionth of the density.
    """

    def __init__(self, mean: float, std: float, within: Ends | None) -> None:
        _refuse_missing(mean, "imbalance.law.mean")
        _refuse_missing(std, "imbalance.law.std")
        self.mean = checked_number("imbalance.law.mean", mean, -math.inf)
        self.std = checked_number("imbalance.law.std", std, 0)
        if self.std == 0:
            raise InputError("imbalance.law.std is 0: one value is no target to learn, give a positive number")
        low, high = (None, None) if within is None else _two_ends(within, "imbalance.law.within")
        ends = (-math.inf if low is None else low, math.inf if high is None else high)
        below, above = ((end - self.mean) / self.std for end in ends)
        if norm.cdf(above) - norm.cdf(below) < _LEAST_MASS:
            raise InputError(
                f"imbalance.law.within={within} leaves no mass of a normal density of mean {self.mean:g} and std "
                f"{self.std:g}: give ends around the mean, or a wider std"
            )
        self._cut = truncnorm(below, above, loc=self.mean, scale=self.std)

    def draw(self, n: int, random: np.random.Generator) -> NDArray[np.float64]:
        """(n,) independent values."""
        return np.asarray(self._cut.rvs(n, random_state=random), dtype=np.float64)

    def density(self, y: ArrayLike) -> NDArray[np.float64]:
        """The normal density over its mass between the ends, 0 outside."""
        return np.asarray(self._cut.pdf(np.asarray(y, dtype=np.float64)), dtype=np.float64)


class Density:
    """Any shape: straight lines between given heights, scaled to mass 1.

    Args:
        at: (M,) where the heights are given, ascending, at least two.
        density: (M,) heights, not negative, not all 0; on no scale. The density is 0 outside of ``at``.

    Raises:
        InputError: If they are missing, do not fit together, or have no mass.
    """

    def __init__(self, at: Sequence[float], density: Sequence[float]) -> None:
        self.at = _ascending(at)
        heights = _heights(density, len(self.at))
        masses = (heights[1:] + heights[:-1]) / 2 * np.diff(self.at)
        self._heights = heights / masses.sum()
        self._masses = masses / masses.sum()

    def draw(self, n: int, random: np.random.Generator) -> NDArray[np.float64]:
        """(n,) independent values: a piece by its mass, then the inverse of its distribution function."""
        piece = random.choice(len(self._masses), size=n, p=self._masses)
        left, right = self._heights[piece], self._heights[piece + 1]
        level = 1 - random.random(n)  # in (0, 1]: a piece that begins at height 0 has no 0 / 0 then
        # of the two forms of the root of (right - left) t^2 / 2 + left t = level (left + right) / 2 the one that is
        # stable where both heights are equal
        share = level * (left + right) / (left + np.sqrt(left**2 + level * (right**2 - left**2)))
        values: NDArray[np.float64] = self.at[piece] + share * np.diff(self.at)[piece]
        return values

    def density(self, y: ArrayLike) -> NDArray[np.float64]:
        """The scaled heights, joined by straight lines; 0 outside."""
        values = np.asarray(y, dtype=np.float64)
        return np.asarray(np.interp(values, self.at, self._heights, left=0.0, right=0.0), dtype=np.float64)


def interval(within: Sequence[float], setting: str) -> tuple[float, float]:
    """Two finite ends with room between them.

    Args:
        within: ``[low, high]``.
        setting: What the message calls it.

    Raises:
        InputError: If it is anything else.
    """
    _refuse_missing(within, setting)
    low, high = _two_ends(within, setting)
    if low is None or high is None:
        raise InputError(f"{setting}={within} has an open end: give [low, high]")
    return low, high


def _two_ends(within: Ends, setting: str) -> tuple[float | None, float | None]:
    wanted = f"{setting}={within} must be [low, high], two numbers with low < high"
    if isinstance(within, str | int | float) or len(within) != 2:
        raise InputError(wanted)
    low, high = (None if end is None else checked_number(f"an end of {setting}", end, -math.inf) for end in within)
    if low is not None and high is not None and low >= high:
        raise InputError(wanted)
    return low, high


def _ascending(at: Sequence[float]) -> NDArray[np.float64]:
    _refuse_missing(at, "imbalance.law.at")
    points = _numbers(at, "imbalance.law.at")
    if len(points) < 2 or not (np.diff(points) > 0).all():
        raise InputError(f"imbalance.law.at={at} must be at least two values in ascending order")
    return points


def _heights(density: Sequence[float], points: int) -> NDArray[np.float64]:
    _refuse_missing(density, "imbalance.law.density")
    heights = _numbers(density, "imbalance.law.density")
    if len(heights) != points:
        raise InputError(f"imbalance.law.density={density} has {len(heights)} heights for {points} values of at")
    if (heights < 0).any():
        raise InputError(f"imbalance.law.density={density} has a negative height: give numbers >= 0")
    if not heights.any():
        raise InputError(f"imbalance.law.density={density} has no mass: at least one height must be above 0")
    return heights


def _numbers(values: Sequence[float], setting: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.full(1, np.nan)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise InputError(f"{setting}={values} must be a list of finite numbers")
    return array


def _refuse_missing(value: object, setting: str) -> None:
    if value is None:
        raise InputError(
            f"{setting} is null, and the data set proposes nothing (dataset.laws): give it, or choose "
            "imbalance=natural; only numeric targets follow a law (dataset.task=regression)"
        )
