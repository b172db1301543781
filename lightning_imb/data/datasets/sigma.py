"""Samples of normal noise laid out as images; the target is their standard deviation."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import poch

from lightning_imb.data.decode import ImageSize, size_pair
from lightning_imb.data.drawn import Draw, Draws
from lightning_imb.data.laws import Law
from lightning_imb.data.numeric import target_bins
from lightning_imb.data.sources import ArraySource
from lightning_imb.data.splits import Splits
from lightning_imb.utils.checked import checked_choice
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins

# of the rows of (N, n) float64; standard deviations are those about the mean of the sample itself, over n
_STATISTICS: dict[str, Callable[..., NDArray[np.float64]]] = {
    "std": np.std,
    "mean": np.mean,
    "median": np.median,
    "max": np.max,
}
_ROWS_AT_ONCE = 4096  # bounds the float64 copy


def sigma(
    law: Law | None,
    target: str,
    train_size: int,
    val_size: int,
    test_size: int,
    image_size: ImageSize,
    within: Sequence[float],
    bins: int | Sequence[float] | None,
    data_seed: int,
    test_seed: int,
) -> Splits:
    """Draw sigma from a law, then n independent values of N(0, sigma^2), for every sample of three splits.

    The setting of the TU Delft CSE3000 projects on CNNs and imbalanced regression; sizes and layout are our choice.
    Training and validation follow the training law. The test set is that of ``test_seed`` and the uniform law, the
    same for all training laws and seeds. Training sets of one ``data_seed`` and different laws are made of the same
    standard normal numbers, so that they differ by their laws alone.

    Args:
        law: Density of sigma in training and validation; None for the one of the test.
        target: ``sigma``, the parameter; or a statistic of the n values of the sample, known without error: ``std``
            (over n, about the mean of the sample), ``mean``, ``median`` or ``max``. The law is that of sigma in any
            case.
        train_size: Number of training samples.
        val_size: Number of validation samples.
        test_size: Number of test samples.
        image_size: [height, width] or side of the layout; n = height * width, [1, n] is a vector.
        within: [low, high], between which sigma is uniform in the test set.
        bins: Number of bins of equal width, over ``within`` for sigma, else over the test targets; or their edges;
            None for ten. The same for all training laws.
        data_seed: Seed of training and validation samples.
        test_seed: Seed of the test samples.

    Returns:
        Sources of float32 (N, 1, height, width). ``floor`` is `noise_floor` for sigma, 0 for the statistics.

    Raises:
        InputError: For sizes, seeds, targets or bins that cannot be, or a law that draws a sigma <= 0.
    """
    checked_choice("dataset.target", target, ("sigma", *_STATISTICS))
    shape = size_pair(image_size)
    if shape is None:
        raise InputError("dataset.image_size is null: give the layout of a sample, a side or [height, width]")
    draws = Draws(law, within, data_seed, test_seed)
    sizes = {"train": train_size, "val": val_size, "test": test_size}
    made = {
        split: _samples(draws.of(split, size, f"dataset.{split}_size"), shape, target) for split, size in sizes.items()
    }
    _, values, sigmas = made["test"]
    found = target_bins(bins, values, within if target == "sigma" else None)
    sources = {split: _source(split, images, values, found) for split, (images, values, _) in made.items()}
    floor = noise_floor(sigmas, shape[0] * shape[1]) if target == "sigma" else np.zeros(test_size)
    return Splits(sources["train"], sources["val"], sources["test"], found, floor)


def noise_floor(sigmas: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    r"""Expected squared error (N,) of the maximum-likelihood estimate of sigma from n values, for each of these sigmas.

    The estimate is the root of the mean square. Its expectation is ``c_n sigma`` with
    ``c_n = sqrt(2 / n) Gamma((n + 1) / 2) / Gamma(n / 2)``, and that of its square is ``sigma^2``, hence the squared
    error is ``2 sigma^2 (1 - c_n)``, about ``sigma^2 / (2 n)``. A yardstick, not a bound: who also knows the law of
    sigma, as a network learns it, approaches the posterior mean, whose error over the law is lower for every n. With
    sigma uniform between 1 and 10 it is about 1.14 against 1.82 for n = 10, and still 0.022 against 0.0236 for n = 784,
    where the gain lies at the two ends.

    Args:
        sigmas: (N,) true deviations, the mean 0 being known.
        n: Values of a sample.
    """
    expected = np.sqrt(2 / n) * poch(n / 2, 0.5)  # the ratio of the gamma functions, also where both overflow
    floor: NDArray[np.float64] = 2 * sigmas**2 * (1 - expected)
    return floor


def _samples(
    draw: Draw, shape: tuple[int, int], target: str
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Images (N, 1, height, width), targets (N,), sigmas (N,)."""
    sigmas = draw.targets()
    if sigmas.min() <= 0:
        raise InputError(
            f"imbalance.law drew sigma = {sigmas.min():g}, but a standard deviation is positive: "
            "cut the law off with imbalance.law.within=[0, null]"
        )
    noise = draw.random(1).standard_normal((draw.size, shape[0] * shape[1]), dtype=np.float32)
    noise *= sigmas.astype(np.float32)[:, None]
    values = sigmas if target == "sigma" else _statistic(noise, _STATISTICS[target])
    return noise.reshape(draw.size, 1, *shape), values, sigmas


def _statistic(rows: NDArray[np.float32], statistic: Callable[..., NDArray[np.float64]]) -> NDArray[np.float64]:
    starts = range(0, len(rows), _ROWS_AT_ONCE)
    parts = [statistic(rows[i : i + _ROWS_AT_ONCE].astype(np.float64), axis=1) for i in starts]
    return np.concatenate(parts)


def _source(split: str, images: NDArray[np.float32], values: NDArray[np.float64], bins: TargetBins) -> ArraySource:
    names = [f"{split}/{i:06d}" for i in range(len(images))]
    return ArraySource(images, bins.of(values), bins.names, names, values)
