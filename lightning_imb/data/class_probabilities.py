r"""How likely a draw is to be of a class: the formulas of the samplers of images (``conf/sampler``)."""

import numpy as np
from numpy.typing import NDArray

from lightning_imb.losses import class_weights

KINDS = ("instance", "class_balanced", "sqrt", "power", "progressive", "effective", "reverse")


def class_probabilities(
    counts: NDArray[np.int64], kind: str, power: float, beta: float, progress: float
) -> NDArray[np.float64]:
    """Probability of each class, from which an image is then drawn uniformly.

    ============== =================================================== ===========================
    kind           p_c in proportion to                                source
    ============== =================================================== ===========================
    instance       n_c                                                 --
    class_balanced 1                                                   Kang et al. 2020, q = 0
    sqrt           n_c^(1/2)                                           Kang et al. 2020, q = 1/2
    power          n_c^power                                           Kang et al. 2020, equation 1
    progressive    (1 - progress) n_c / N + progress / K               Kang et al. 2020, equation 2
    effective      n_c (1 - beta) / (1 - beta^n_c)                     Cui et al. 2019, per image
    reverse        1 / n_c                                             Zhou et al. 2020
    ============== =================================================== ===========================

    Args:
        counts: (K,) training images per class, at least two of them above 0.
        kind: One of `KINDS`.
        power: 0..1, read by ``power`` only.
        beta: 0..1, read by ``effective`` only; 0 gives ``instance``, 1 the limit ``class_balanced``.
        progress: 0..1, how much of the training is over; read by ``progressive`` only.

    Returns:
        (K,) with sum 1; 0 for a class without images.

    Source:
        Kang et al. 2020 (arXiv 1910.09217); Cui et al. 2019 (arXiv 1901.05555), as each image's weight in the code of
        Zhong et al. 2021 (arXiv 2104.00466); Zhou et al. 2020 (arXiv 1912.02413), the reversed sampler.
    """
    shares = np.zeros(len(counts))
    present = counts > 0
    shares[present] = _shares(counts[present].astype(np.float64), kind, power, beta, progress)
    probabilities: NDArray[np.float64] = shares / shares.sum()
    return probabilities


def _shares(n: NDArray[np.float64], kind: str, power: float, beta: float, progress: float) -> NDArray[np.float64]:
    exponents = {"instance": 1.0, "class_balanced": 0.0, "sqrt": 0.5, "power": power, "reverse": -1.0}
    if kind == "progressive":
        shares = (1 - progress) * n / n.sum() + progress / len(n)
    elif kind == "effective":
        shares = n * class_weights(n.astype(np.int64).tolist(), "effective", beta).numpy()
    else:
        shares = n ** exponents[kind]
    return np.asarray(shares)
