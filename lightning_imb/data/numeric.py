"""Numeric targets: read from texts, put into bins, thinned to a law."""

import logging
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightning_imb.data.laws import Law
from lightning_imb.data.sources import FileSource
from lightning_imb.data.splits import Splits, hold_out_test
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, bins_of

log = logging.getLogger(__name__)

TASKS = ("classification", "regression")  # of dataset.task
DEFAULT_BINS = 10  # of equal width, where dataset.bins is null

_LARGEST = float(np.finfo(np.float32).max)  # targets reach the network as float32
_FEW_KEPT = 0.1  # share of the samples where a law has mass; one that keeps fewer is worth a warning
_MOST_BEYOND = 0.5  # share of the targets beyond the edges, from which on the edges are taken for a mistake


def parse_targets(texts: Sequence[str], where: Callable[[int], str]) -> NDArray[np.float64]:
    """Numbers written in texts, such as ``3``, ``-0.5`` or ``1e3``.

    Args:
        texts: (N,) as they stand in a file, or names of folders.
        where: How messages name an entry.

    Returns:
        (N,) finite numbers, also as float32.

    Raises:
        InputError: Naming the first entry that is empty, text, nan, inf or too large.
    """
    values = np.array([_number(text) for text in texts], dtype=np.float64)
    bad = np.flatnonzero(~(np.abs(values) <= _LARGEST))
    if len(bad):
        row = int(bad[0])
        raise InputError(
            f"{where(row)} has the target {texts[row]!r}, which is no finite number: correct it, or set "
            "dataset.task=classification"
        )
    return values


def target_bins(
    spec: int | Sequence[float] | None, values: ArrayLike, span: Sequence[float] | None = None
) -> TargetBins:
    """The bins of ``dataset.bins``.

    Args:
        spec: How many of equal width, or the edges; None for ten.
        values: (N,) targets.
        span: ``[low, high]`` that bins of equal width divide; None for the range of the values.

    Raises:
        InputError: If all targets are equal, the bins cannot be made, or most targets lie beyond given edges.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.min() == array.max():
        raise InputError(
            f"all {len(array)} targets are {array[0]:g}: a regression needs at least two different ones, so give "
            "other labels, or set dataset.task=classification"
        )
    bins = bins_of(DEFAULT_BINS if spec is None else spec, array if span is None else span, "dataset.bins")
    low, high = bins.edges[0], bins.edges[-1]
    beyond = np.mean((array < low) | (array > high))
    if beyond > _MOST_BEYOND:
        raise InputError(
            f"{beyond:.0%} of the targets, which go from {array.min():g} to {array.max():g}, lie beyond the edges "
            f"dataset.bins={spec}: give other edges, or a number of bins such as dataset.bins={DEFAULT_BINS}"
        )
    return bins


def numeric_splits(
    train: FileSource,
    val: FileSource | None,
    test: FileSource | None,
    bins: TargetBins,
    law: Law | None,
    subset_seed: int,
    test_size: float | int | None,
    split_seed: int,
) -> Splits:
    """Make the splits of images with numeric targets.

    A test split that the data do not bring is drawn first, from every bin, so that it does not depend on the law; a
    bin of one image leaves it to the training. Validation and test images are never thinned.

    Args:
        train: Training images with ``values`` and, as labels, their bins.
        val: Validation images, likewise; None for none.
        test: Test images, likewise; None has some of the training images held out.
        bins: Of the targets.
        law: Density that the targets of the training images are thinned to; None keeps all.
        subset_seed: Seed of the thinning.
        test_size: Share or number of images of every bin for the test split.
        split_seed: Seed of that split.

    Raises:
        InputError: As `hold_out_test` and `thinned_rows`.
    """
    kept, held = hold_out_test(train, test_size, split_seed) if test is None else (train, test)
    if law is not None:
        assert kept.values is not None, "the caller gives targets"
        kept = kept.subset(thinned_rows(kept.values, law, bins, subset_seed))
    return Splits(kept, val, held, bins)


def thinned_rows(values: NDArray[np.float64], law: Law, bins: TargetBins, seed: int) -> NDArray[np.int64]:
    """Leave out samples at random until the targets of those that stay follow a law.

    Rejection sampling: a sample stays with a probability proportional to the density that the law gives its target
    over the density that the data have there, which is that of their bin; within a bin they keep their shape. So where
    the law asks for targets that are rare in the data, few samples stay, and below a tenth of those where it has mass
    a warning names the bin that decides; bins without samples stay empty. Our choice.

    Args:
        values: (N,) targets.
        law: The density.
        bins: In which the density of the data is measured; the outer ones reach as far as the values they hold.
        seed: At least 0. A sample has the same random number under every law.

    Returns:
        Sorted rows of the samples that stay, at least two.

    Raises:
        InputError: If the law has no mass where the data are, or fewer than two samples stay.
    """
    ratio = law.density(values) / _densities(values, bins)[bins.of(values)]
    if not ratio.any():
        raise InputError(
            f"imbalance.law has no mass on the training targets, which go from {values.min():g} to "
            f"{values.max():g}: give it another range"
        )
    rows = np.flatnonzero(np.random.default_rng(seed).random(len(values)) * ratio.max() < ratio)
    if len(rows) < 2:
        raise InputError(
            f"imbalance.law leaves {len(rows)} of {len(values)} training images: choose a law nearer to the data, "
            "wider dataset.bins, or imbalance=natural"
        )
    _report(values, ratio, len(rows), bins)
    return rows


def _densities(values: NDArray[np.float64], bins: TargetBins) -> NDArray[np.float64]:
    """(B,) samples per unit of the target."""
    edges = np.array(bins.edges)
    edges[0], edges[-1] = min(edges[0], values.min()), max(edges[-1], values.max())
    densities: NDArray[np.float64] = np.asarray(bins.counts(values)) / np.diff(edges)
    return densities


def _report(values: NDArray[np.float64], ratio: NDArray[np.float64], kept: int, bins: TargetBins) -> None:
    """Log how many samples stay; ``ratio`` (N,) is largest in the bin that has the fewest for what the law asks."""
    log.info("imbalance.law keeps %d of %d training images", kept, len(values))
    within = np.count_nonzero(ratio)
    if kept < _FEW_KEPT * within:
        decides = int(bins.of(values[ratio.argmax()]))
        log.warning(
            "imbalance.law keeps %d of the %d training images it has mass on (%.1f %%): the bin %s, which holds %d, "
            "has the fewest for what the law asks; narrow imbalance.law.within to leave it out, or lower dataset.bins",
            *(kept, within, 100 * kept / within, bins.names[decides], bins.counts(values)[decides]),
        )


def _number(text: str) -> float:
    """The number in a text; nan for anything else, also for ``1_000``, which only python takes for a number."""
    try:
        return float("nan" if "_" in text else text)
    except ValueError:
        return float("nan")
