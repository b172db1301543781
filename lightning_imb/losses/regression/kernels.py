"""Kernels that smooth what is known per target bin: densities (LDS) and statistics of features (FDS)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import convolve1d, gaussian_filter1d
from scipy.signal.windows import triang

from lightning_imb.utils.checked import checked_choice, checked_number
from lightning_imb.utils.errors import InputError

KERNELS = ("none", "gaussian", "triang", "laplace")
IMPLEMENTATIONS = ("official", "plain")
PADS = {"zero": "constant", "reflect": "mirror"}
"""How the ends are continued, and what scipy calls it; ``reflect`` does not repeat the outermost bin."""


def smoothing_kernel(kernel: str, size: int, sigma: float, impl: str) -> NDArray[np.float64]:
    """A symmetric window over neighbouring bins.

    Args:
        kernel: ``gaussian`` ``exp(-x^2 / (2 sigma^2))``, ``triang`` (a triangle that reaches 0 one bin outside the
            window), ``laplace`` ``exp(-|x| / sigma)``, or ``none``, an impulse that leaves everything as it is.
        size: Bins that the window covers, an odd number.
        sigma: Width in bins, > 0; read by ``gaussian`` and ``laplace`` only.
        impl: Of ``gaussian``. ``official``: an impulse as long as the window, put through a Gaussian filter that
            reflects at both its ends, as in the released code; it is flatter than its name says. ``plain``: the
            formula.

    Returns:
        ``(size,)``, the largest value 1.

    Raises:
        InputError: Another word, an even or unusable size, or a width that is not above 0.

    Source:
        Yang et al. 2021, "Delving into deep imbalanced regression" (arXiv 2102.09554), section 3;
        YyzHarry/imbalanced-regression: imdb-wiki-dir/utils.py.
    """
    checked_choice("kernel", kernel, KERNELS)
    checked_choice("kernel_impl", impl, IMPLEMENTATIONS)
    if checked_number("sigma", sigma, 0) == 0:
        raise InputError(f"sigma is {sigma!r}; give the width of the kernel in bins, above 0")
    offsets = np.arange(_checked_size(size)) - size // 2
    window: NDArray[np.float64] = np.asarray(_window(kernel, offsets, sigma, impl))
    return np.asarray(window / window.max())


def smooth(values: ArrayLike, kernel: NDArray[np.float64], pad: str) -> NDArray[np.float64]:
    """Convolve values per bin with a window.

    Args:
        values: ``(B,)``.
        kernel: ``(size,)`` from `smoothing_kernel`; it is not rescaled.
        pad: ``zero``: nothing lies beyond the ends, so that the outer bins come out too low. ``reflect``: what lies
            beyond mirrors what lies inside.

    Returns:
        ``(B,)``.

    Raises:
        InputError: Another word for ``pad``.
    """
    mode = PADS[checked_choice("pad", pad, PADS)]
    return np.asarray(convolve1d(np.asarray(values, dtype=np.float64), kernel, mode=mode), dtype=np.float64)


def _checked_size(size: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise InputError(f"size is {size!r}; give the number of bins that the kernel covers, odd and >= 1")
    return size


def _window(kernel: str, offsets: NDArray[np.int64], sigma: float, impl: str) -> ArrayLike:
    impulse = np.where(offsets == 0, 1.0, 0.0)
    windows: dict[str, ArrayLike] = {
        "none": impulse,
        "triang": triang(len(offsets)),
        "laplace": np.exp(-np.abs(offsets) / sigma),
        "gaussian": gaussian_filter1d(impulse, sigma) if impl == "official" else np.exp(-((offsets / sigma) ** 2) / 2),
    }
    return windows[kernel]
