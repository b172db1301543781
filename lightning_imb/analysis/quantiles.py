"""Quantiles of more values than fit into memory."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from lightning_imb.utils.errors import InputError

_BITS = 12  # of the 32 of a float32 that one pass tells apart; two passes leave 2^-15 of the value open
_BINS = 1 << _BITS
_HALF = _BINS // 2
_NOT_FINITE = 0x7F8  # leading bits of infinity and of what is no number, and 2048 more below zero
_AT_ONCE = 1 << 22  # values that are counted at a time


class StreamedQuantiles:
    """The q-quantile of each unit over a stream of values, in two passes and little memory.

    A quantile here is a value of the stream: the smallest one that at least a share ``q`` of the unit's values does not
    exceed (numpy's ``inverted_cdf``). Each pass counts how often each pattern of 12 bits occurs, first of the leading
    bits, then of those that follow in the one interval that holds the quantile. So nothing is sampled and nothing
    depends on the size of the blocks; what comes out is the quantile with 24 of its 32 bits, off by less than ``2^-15``
    (0.003 %) of its size. Values that have no more bits, such as zeros and ones, come out exactly. Memory: 32 KiB per
    unit.

    Args:
        q: Share of the values, in [0, 1].

    Raises:
        InputError: If ``q`` is out of range.
    """

    def __init__(self, q: float) -> None:
        if not 0 <= q <= 1:
            raise InputError(f"quantile={q} must be from 0 to 1")
        self.q = q
        self._counts: Tensor | None = None
        self._leading: tuple[Tensor, Tensor, Tensor] | None = (
            None  # leading bits, sign, rank among those that have them
        )

    def add(self, block: Tensor) -> None:
        """Count a block of the pass.

        Args:
            block: (B, U, P) float32, finite: P values of U units in B images. The same values must come in both passes,
                in any order and any blocks.
        """
        for part in torch.split(block, max(1, _AT_ONCE // block[0].numel())):
            found = _counts(part, None if self._leading is None else self._leading[0])
            self._counts = found if self._counts is None else self._counts.add_(found)

    def begin_second_pass(self) -> None:
        """Look closer, once all values were counted.

        Raises:
            InputError: If none came, or some were not finite.
        """
        counts = self._counted()
        if counts[:, _HALF + _NOT_FINITE :].any() or counts[:, _NOT_FINITE:_HALF].any():
            raise InputError("values that are not finite have no quantile: look at a run whose loss stayed finite")
        # patterns of numbers below zero ascend with their size, that is against their order
        ordered = torch.cat([counts[:, :_HALF].flip(1), counts[:, _HALF:]], dim=1)
        rank = torch.full_like(ordered[:, 0], max(math.ceil(self.q * int(ordered[0].sum())), 1))
        place, below = _bin_of(ordered, rank)
        negative = place < _HALF
        first = torch.where(negative, _HALF - 1 - place, place) - _HALF
        self._leading, self._counts = (first.int(), negative, rank - below), None

    def result(self) -> Tensor:
        """The quantiles (U,), float32, after the second pass, on the device of the blocks.

        Each is the smallest value that shares 24 bits with the quantile: comparing with ``>=`` takes in the quantile.
        """
        assert self._leading is not None, "there are two passes"
        first, negative, rank = self._leading
        counts = self._counted()
        second, _ = _bin_of(torch.where(negative.unsqueeze(1), counts.flip(1), counts), rank)
        second = torch.where(negative, _BINS - 1 - second, second)
        rest = torch.where(
            negative, (1 << (32 - 2 * _BITS)) - 1, 0
        )  # below zero, the smallest number has the most bits
        bits = (first.long() << (32 - _BITS)) | (second << (32 - 2 * _BITS)) | rest
        return bits.to(torch.int32).view(torch.float32)

    def _counted(self) -> Tensor:
        if self._counts is None:
            raise InputError("there is no quantile of nothing: no values came")
        return self._counts


def upper_quantiles(passes: Callable[[], Iterable[Tensor]], q: float) -> Tensor:
    """The quantiles (U,) of one stream, see `StreamedQuantiles`.

    Args:
        passes: Starts the stream of blocks (B, U, P) anew; called twice.
        q: As there.
    """
    quantiles = StreamedQuantiles(q)
    for block in passes():
        quantiles.add(block)
    quantiles.begin_second_pass()
    for block in passes():
        quantiles.add(block)
    return quantiles.result()


def _counts(block: Tensor, first: Tensor | None) -> Tensor:
    """How often each pattern of a unit's leading 12 bits occurs in a block, (U, 4096).

    Given those leading bits ``first`` (U,), of the 12 bits that follow them instead.
    """
    units = block.shape[1]
    offsets = (torch.arange(units, device=block.device, dtype=torch.int32) * _BINS).unsqueeze(1)
    bits = (block.float() + 0.0).contiguous().view(torch.int32)  # + 0.0: one zero instead of two
    leading = bits >> (32 - _BITS)  # keeps the sign: from -2048
    if first is None:
        flat = leading.add_(offsets + _HALF).flatten()
    else:
        after = (bits >> (32 - 2 * _BITS)).bitwise_and_(_BINS - 1).add_(offsets)
        flat = after[leading == first.unsqueeze(1)]
    return torch.bincount(flat, minlength=units * _BINS).view(units, _BINS)


def _bin_of(counts: Tensor, rank: Tensor) -> tuple[Tensor, Tensor]:
    """The bin (U,) into which the rank falls, and how many values (U,) lie below it."""
    up_to = counts.cumsum(dim=1)
    found = torch.searchsorted(up_to, rank.unsqueeze(1)).squeeze(1)
    return found, (up_to - counts).gather(1, found.unsqueeze(1)).squeeze(1)
