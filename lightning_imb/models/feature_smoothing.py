"""Feature distribution smoothing (FDS): statistics of features that change smoothly with the target."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lightning_imb.losses.regression.kernels import smooth, smoothing_kernel
from lightning_imb.utils.checked import checked_choice, checked_number
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, bin_of

EMPTY = ("exclude", "official")
_STILL = 1e-10  # sum of the variances of a bin below which its features do not vary


class FeatureSmoothing(nn.Module):
    r"""Gives features the smoothed mean and variance of their target bin.

    A row z whose target lies in bin b, with the bin's mean ``m_b`` and variance ``v_b`` and their averages over near
    bins ``M_b`` and ``V_b``, becomes, dimension by dimension,

    ``(z - m_b) * sqrt(clip(V_b / v_b)) + M_b``.

    A dimension without variance in a bin stays as it is, and so does a bin whose variances sum to less than 1e-10. The
    first and the last bin take what lies beyond them. Beyond the ends the bins are mirrored; the window sums to 1.
    Statistics are of raw features, never of smoothed ones, and those of an epoch take effect in the next one: the
    released code smooths before it updates, which is one epoch later, and mixes smoothed features into the statistics.

    Args:
        embed_dim: Width D of the features.
        edges: ``(B + 1,)`` of the target bins, ascending.
        kernel: Of the averages over near bins, as `smoothing_kernel`.
        size: Bins that the kernel covers, odd, at most ``2 B - 1``.
        sigma: Width of the kernel in bins, > 0.
        kernel_impl: Of a Gaussian kernel, ``official`` or ``plain``, as `smoothing_kernel`.
        momentum: Share of the statistics so far in those after an update, 0..1; the first ones are taken as they are.
        start_epoch: First epoch with smoothed features, 0-based, >= 1.
        clip: Limits of ``V_b / v_b``; two numbers, the first above 0.
        empty: Of bins that never had a sample. ``exclude`` (our choice): they are left out of the averages, and what is
            left of the window is scaled to 1. ``official``: they count with mean 0 and variance 1, as in the released
            code, which draws the bins beside them there.

    Raises:
        InputError: A setting out of its range, or a kernel that covers more than the bins and their mirror images.

    Attributes:
        running_mean: (B, D), 0 before the first update.
        running_var: (B, D), unbiased, and 0 of a single sample; 1 before the first update.
        smoothed_mean: (B, D), the averages over near bins.
        smoothed_var: (B, D).
        seen: (B,) int64, samples of all updates.

    Source:
        Yang et al. 2021, "Delving into deep imbalanced regression" (arXiv 2102.09554), section 3.2, eq. 2 to 5;
        YyzHarry/imbalanced-regression: imdb-wiki-dir/fds.py.
    """

    running_mean: Tensor
    running_var: Tensor
    smoothed_mean: Tensor
    smoothed_var: Tensor
    seen: Tensor
    inner: Tensor

    def __init__(
        self,
        embed_dim: int,
        edges: Sequence[float],
        kernel: str,
        size: int,
        sigma: float,
        kernel_impl: str,
        momentum: float,
        start_epoch: int,
        clip: Sequence[float],
        empty: str,
    ) -> None:
        super().__init__()
        self.bins = TargetBins(tuple(edges))
        self.momentum = checked_number("smoothing.momentum", momentum, 0, 1)
        self.start_epoch = _checked_start(start_epoch)
        self.clip = _checked_clip(clip)
        self.empty = checked_choice("smoothing.empty", empty, EMPTY)
        self.window = _window_matrix(len(self.bins), smoothing_kernel(kernel, size, sigma, kernel_impl))
        for name in ("running", "smoothed"):
            self.register_buffer(f"{name}_mean", torch.zeros(len(self.bins), embed_dim))
            self.register_buffer(f"{name}_var", torch.ones(len(self.bins), embed_dim))
        self.register_buffer("inner", torch.from_numpy(self.bins.inner), persistent=False)
        self.register_buffer("seen", torch.zeros(len(self.bins), dtype=torch.int64))

    def forward(self, z: Tensor, y: Tensor, epoch: int) -> Tensor:
        """Smooth the features of a batch; in evaluation mode and before ``start_epoch`` they are returned as they are.

        Args:
            z: Features (N, D), at least float32.
            y: Targets (N,).
            epoch: That is trained, 0-based.

        Returns:
            (N, D), a function of z with gradient.
        """
        if not self.training or epoch < self.start_epoch:
            return z
        rows = bin_of(y, self.inner)
        mean, var = self.running_mean[rows], self.running_var[rows]
        fixed = (var == 0) | (var.sum(dim=1, keepdim=True) < _STILL)
        ratio = self.smoothed_var[rows] / var.masked_fill(fixed, 1)
        smoothed = (z - mean) * ratio.clamp(*self.clip).sqrt() + self.smoothed_mean[rows]
        return torch.where(fixed, z, smoothed)

    @torch.no_grad()
    def update(self, z: Tensor, y: Tensor) -> None:
        """Take the features of an epoch into the statistics, then smooth these.

        Args:
            z: Raw features (N, D) of the whole training set, on the CPU.
            y: Targets (N,).
        """
        counts, *found = _moments(z, bin_of(y, self.inner.cpu()), len(self.bins))
        seen = self.seen.cpu()
        # official: what comes late joins the 0 and 1 that stood there
        fresh = seen == 0 if self.empty == "exclude" else (seen == 0).all()
        share = torch.where(fresh, 1.0, 1 - self.momentum) * (counts > 0)
        seen += counts
        self.seen.copy_(seen)
        running, smoothed = (self.running_mean, self.running_var), (self.smoothed_mean, self.smoothed_var)
        for old, new, averaged in zip(running, found, smoothed, strict=True):
            now = torch.lerp(old.cpu().double(), new, share.double()[:, None])  # out of place: nothing is an alias
            old.copy_(now)
            averaged.copy_(self._averaged(now, seen > 0))

    def _averaged(self, statistic: Tensor, known: Tensor) -> Tensor:
        """Means (B, D) over near bins of what is known per bin (B, D)."""
        if self.empty == "official":
            known = torch.ones_like(known)
        weight = self.window * known
        mean = weight @ statistic / weight.sum(dim=1, keepdim=True).clamp_min(torch.finfo(weight.dtype).tiny)
        return torch.where(known[:, None], mean, statistic)


def _moments(z: Tensor, rows: Tensor, bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """Counts (B,), means and variances (B, D) float64 of features (N, D) in their bins (N,); 0 and 1 where none are."""
    counts = torch.bincount(rows, minlength=bins)
    mean = torch.zeros(bins, z.shape[1], dtype=torch.float64)
    var = torch.ones_like(mean)
    for b, members in enumerate(torch.split(z[rows.argsort(stable=True)], counts.tolist())):
        if len(members):
            unbiased = int(len(members) > 1)
            var[b], mean[b] = torch.var_mean(members.double(), dim=0, correction=unbiased)
    return counts, mean, var


def _window_matrix(bins: int, kernel: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Tensor:
    """(B, B): how much each bin (column) counts in the average of a bin (row)."""
    if len(kernel) > 2 * bins - 1:
        raise InputError(
            f"smoothing.size={len(kernel)} covers more than {bins} target bins and their mirror images: "
            f"use at most {2 * bins - 1}, or more bins with smoothing.bins"
        )
    columns = [smooth(impulse, kernel / kernel.sum(), "reflect") for impulse in np.eye(bins)]
    return torch.from_numpy(np.stack(columns, axis=1))


def _checked_start(epoch: int) -> int:
    if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < 1:
        raise InputError(f"smoothing.start_epoch is {epoch!r}; give an epoch from 1 on: there are no statistics before")
    return epoch


def _checked_clip(clip: Sequence[float]) -> tuple[float, float]:
    wanted = f"smoothing.clip is {clip!r}; give two numbers such as [0.1, 10], 0 < low <= high"
    try:
        low, high = (float(limit) for limit in clip)
    except (TypeError, ValueError):
        raise InputError(wanted) from None
    if not 0 < low <= high:  # written so that NaN fails, too
        raise InputError(wanted)
    return low, high
