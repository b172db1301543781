"""Imbalance profiles: how many training images of every class are kept, and which ones.

Three pure count functions (`exponential`, `step`, `balanced`) say how many images a class would have; the
``*_profile`` functions apply them to the counts that a data set really has. Class order is label order:
class 0 is the head, class K - 1 the tail; nothing is sorted or shuffled.

Source: Cao et al. 2019, Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss, code
``kaidic/LDAM-DRW: imbalance_cifar.py``.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lightning_imb.utils.errors import InputError


def exponential(max_count: int, num_classes: int, ratio: float) -> list[int]:
    """Long-tailed counts ``int(max_count * ratio ** (-k / (K - 1)))`` for k = 0..K-1.

    Args:
        max_count: Images of class 0, at least 1.
        num_classes: K, at least 2.
        ratio: Largest over smallest class, at least 1.

    Returns:
        K counts, never increasing.

    Raises:
        InputError: For bad arguments, or when a class would be left without an image.
    """
    _check(max_count, num_classes, ratio)
    last = num_classes - 1
    return _filled([_truncate(max_count * ratio ** (-k / last)) for k in range(num_classes)], max_count, ratio)


def step(max_count: int, num_classes: int, ratio: float, minority: float = 0.5) -> list[int]:
    """Two plateaus: head classes keep ``max_count``, tail classes ``int(max_count / ratio)``.

    Args:
        max_count: Images of a head class, at least 1.
        num_classes: K, at least 2.
        ratio: Head over tail count, at least 1.
        minority: Share of the classes in the tail, in (0, 1). The head has ``int(K * (1 - minority))``
            classes, so of an odd K at one half the middle class belongs to the tail (the released loop drops
            a class there); each side has at least one class.

    Returns:
        K counts, head classes first.

    Raises:
        InputError: For bad arguments, or when the tail would be left without an image.
    """
    _check(max_count, num_classes, ratio)
    if not 0 < minority < 1:
        raise InputError(f"imbalance.minority={minority} must lie between 0 and 1: it is the share of tail classes")
    head = min(max(_truncate(num_classes * (1 - minority)), 1), num_classes - 1)
    tail = _truncate(max_count / ratio)
    return _filled([max_count] * head + [tail] * (num_classes - head), max_count, ratio)


def balanced(max_count: int, num_classes: int, ratio: float) -> list[int]:
    """Every class has ``max_count`` images; ``ratio`` must be 1 and is there for the common signature.

    Raises:
        InputError: For bad arguments.
    """
    _check(max_count, num_classes, ratio)
    _check_unused(ratio, "none")
    return [max_count] * num_classes


def exponential_profile(available: Sequence[int], ratio: float) -> list[int]:
    """`exponential` on a data set, with ``max_count`` = its largest class.

    A class that has fewer images than the profile asks keeps what it has: on a data set that is
    imbalanced by itself the result is the smaller of the two counts, class by class.

    Args:
        available: Images of every class, (K,), label order.
        ratio: Largest over smallest class, at least 1.

    Returns:
        K target counts, each between 1 and ``available``.

    Raises:
        InputError: As `exponential`, or when a class has no image at all.
    """
    _check_available(available)
    return _at_most(exponential(max(available), len(available), ratio), available)


def step_profile(available: Sequence[int], ratio: float, minority: float) -> list[int]:
    """`step` on a data set, with ``max_count`` = its largest class; see `exponential_profile`."""
    _check_available(available)
    return _at_most(step(max(available), len(available), ratio, minority), available)


def balanced_profile(available: Sequence[int], ratio: float) -> list[int]:
    """Every class cut to the smallest class, so that the training set is truly balanced.

    Raises:
        InputError: When ``ratio`` is not 1 or a class has no image.
    """
    _check_available(available)
    return balanced(min(available), len(available), ratio)


def natural_profile(available: Sequence[int], ratio: float) -> list[int]:
    """The data set as it is: every image is kept.

    Raises:
        InputError: When ``ratio`` is not 1 (the data decide it) or a class has no image.
    """
    _check_available(available)
    _check(max(available), len(available), ratio)
    _check_unused(ratio, "natural")
    return list(available)


def subsample(
    labels: npt.ArrayLike, counts: Sequence[int], seed: int, selection: str = "random"
) -> npt.NDArray[np.int64]:
    """Choose ``counts[k]`` samples of every class k.

    Both selections are nested: with the same seed a smaller count picks a part of a larger one.

    Args:
        labels: (N,) integers in 0..K-1.
        counts: (K,) samples wanted of every class.
        seed: Subset seed, at least 0; independent of the training seed.
        selection: ``random`` draws every class from its own generator, seeded by (seed, class). ``ldam_drw``
            repeats the released code, hence the subset published CIFAR-LT numbers were measured on: one
            ``RandomState(seed)``, classes ascending, shuffle the class's indices, take the first.

    Returns:
        Sorted indices into ``labels``.

    Raises:
        InputError: When a class has fewer samples than asked, or for a bad seed or selection.
    """
    if selection not in ("random", "ldam_drw"):
        raise InputError(f"imbalance.selection={selection!r} is unknown: use random or ldam_drw")
    if not 0 <= seed < 2**32:
        raise InputError(f"imbalance.seed={seed} must be an integer from 0 to 2**32 - 1")
    shared = np.random.RandomState(seed)
    chosen = []
    for k, count in enumerate(counts):
        members = np.flatnonzero(np.asarray(labels) == k)
        if not 0 <= count <= len(members):
            raise InputError(f"class {k} has {len(members)} images, {count} were asked: lower its count")
        shuffler = shared if selection == "ldam_drw" else np.random.default_rng((seed, k))
        shuffler.shuffle(members)
        chosen.append(members[:count])
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def _truncate(value: float) -> int:
    """``int`` that forgives rounding noise: 49 * (1 / 49) is 0.9999999999999999 and counts as 1."""
    return int(round(value, 6))


def _at_most(counts: list[int], available: Sequence[int]) -> list[int]:
    return [min(wanted, there) for wanted, there in zip(counts, available, strict=True)]


def _filled(counts: list[int], max_count: int, ratio: float) -> list[int]:
    if 0 in counts:
        raise InputError(
            f"imbalance.ratio={ratio:g} leaves class {counts.index(0)} without an image "
            f"(the largest class has {max_count}): use a ratio of at most {max_count}"
        )
    return counts


def _check(max_count: int, num_classes: int, ratio: float) -> None:
    if num_classes < 2:
        raise InputError(f"an imbalance profile needs at least 2 classes, found {num_classes}: check the labels")
    if max_count < 1:
        raise InputError(f"the largest class has {max_count} images: a profile needs at least 1")
    if not (ratio >= 1 and math.isfinite(ratio)):
        raise InputError(f"imbalance.ratio={ratio} must be a finite number of at least 1: largest over smallest class")


def _check_available(available: Sequence[int]) -> None:
    if 0 in available:
        raise InputError(f"class {list(available).index(0)} has no training image: add images or remove the class")
    if len(available) == 0:
        raise InputError("an imbalance profile needs at least 2 classes, found 0: check the labels")


def _check_unused(ratio: float, name: str) -> None:
    if ratio != 1:
        raise InputError(
            f"imbalance.ratio={ratio:g} has no effect with imbalance={name}: "
            "leave it at 1, or choose imbalance=exp or imbalance=step"
        )
