"""Who could be a nearest neighbour: fast, rounded distances propose more rows than are asked for.

What is proposed differs by backend, dtype and memory; :mod:`lightning_imb.resampling.ranking` makes the answer exact.
"""

from importlib import import_module, util
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from lightning_imb.resampling.rows import Norms, Rows, Search
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.extras import how_to_install

_BLOCK = 256  # queries of one product: enough to be efficient, few enough for the scores of a strip to stay in cache
_FAISS_BLOCK = 4096  # faiss takes as many at a time
_STRIP = 2048  # rows of one product, for the same reasons
_FOLD = 0.36  # 1 makes as many groups as rows looked into; looking into one costs more


class Proposal(NamedTuple):
    """Candidates of B queries, and what bounds their rounding.

    Attributes:
        numbers: (B, M) rows proposed, in any order.
        worst: (B,) float64: no other row has a smaller computed squared distance than this.
        reach: (B,) float64: distance of each query from the point that the norms are taken from.
        shift: distance of that point from the origin.
        dtype: of the products.
    """

    numbers: Tensor
    worst: Tensor
    reach: Tensor
    shift: float
    dtype: torch.dtype


class Proposer(Protocol):
    """What proposes candidates."""

    block: int
    """Queries to ask for at once."""

    def propose(self, asked: Tensor) -> Proposal:
        """Propose for the rows of numbers (B,); a row may be among its own candidates."""


class Products:
    """Propose by ``|x − c|² − 2·(q − c)·x``, which differs from ``|x − q|²`` by a constant of the query.

    Only the norms are centred, so the rows are used where they lie. They are taken a panel at a time, such that the
    scores of a panel fit the memory, and a panel is multiplied in strips, whose scores are folded while in cache.

    Args:
        rows: what is searched.
        norms: of these rows, in the dtype of the products.
        wanted: candidates per query, at most as many as every query may have.
        classes: (A,) class of each row, if rows of the query's own class must not be proposed.
        search: memory.
    """

    def __init__(self, rows: Rows, norms: Norms, wanted: int, classes: Tensor | None, search: Search) -> None:
        self.rows, self.norms, self.wanted, self.classes = rows, norms, wanted, classes
        self.dtype, size = norms.squares.dtype, norms.squares.element_size()
        self.block = search.rows_for(16, 64 * wanted + 32 * rows.features, _BLOCK)
        most = search.rows_for(8, self.block * size, len(rows))
        self.panel = -(-len(rows) // -(-len(rows) // most))  # panels of equal size
        self.fold = max(1, int(_FOLD * (self.panel / wanted) ** 0.5))
        strip = search.rows_for(8, 16 * rows.features, _STRIP) if rows.copies(self.dtype) else _STRIP
        strips = -(-self.panel // strip)
        self.strip = self.fold * -(-self.panel // (strips * self.fold))
        padded = -(-self.panel // self.strip) * self.strip
        self._scores = torch.empty(padded * self.block, dtype=self.dtype, device=rows.data.device)

    def propose(self, asked: Tensor) -> Proposal:
        """Propose for the rows of numbers (B,)."""
        points = self.rows.at(asked)
        query = points.to(self.dtype) - self.norms.centre
        values, numbers = self._of_panel(query, asked, 0)
        for start in range(self.panel, len(self.rows), self.panel):
            more = self._of_panel(query, asked, start)
            values, numbers = torch.cat([values, more[0]], dim=1), torch.cat([numbers, more[1]], dim=1)
            if values.shape[1] > self.wanted:
                values, kept = values.topk(self.wanted, largest=False, sorted=False)
                numbers = numbers.gather(1, kept)
        centre = self.norms.centre.double()
        square = (points.double() - centre).square().sum(dim=1)
        worst = values.amax(dim=1).double() + square + 2 * (query.double() @ centre)
        return Proposal(numbers, worst, square.sqrt(), self.norms.shift, self.dtype)

    def _of_panel(self, query: Tensor, asked: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Return the smallest scores (B, M) of the panel that begins at a row, and their rows.

        Padding and barred rows score infinity; they are among the smallest of a panel only until panels are merged.
        """
        count = min(self.panel, len(self.rows) - start)
        padded = -(-count // self.strip) * self.strip
        scores = self._scores[: padded * len(query)].view(padded, len(query))
        scores[count:] = torch.inf
        factor, folded = (-2 * query).T, (self.fold, self.strip // self.fold, len(query))
        minima = []
        for low in range(0, count, self.strip):
            high = min(low + self.strip, count)
            self._score(scores[low:high], factor, asked, start + low)
            minima.append(scores[low : low + self.strip].view(*folded).amin(dim=0))
        values, numbers = _smallest(scores, torch.cat(minima), min(self.wanted, count), self.fold, self.strip)
        return values, start + numbers

    def _score(self, out: Tensor, factor: Tensor, asked: Tensor, start: int) -> None:
        """Write the scores (T, B) of a strip that begins at a row; barred rows get infinity."""
        stop = start + len(out)
        rows = self.rows.strip(start, stop, self.dtype)
        torch.addmm(self.norms.squares[start:stop, None], rows, factor, out=out)
        if self.classes is not None:
            out.masked_fill_(self.classes[start:stop, None] == self.classes[asked], torch.inf)


def _smallest(scores: Tensor, minima: Tensor, wanted: int, fold: int, strip: int) -> tuple[Tensor, Tensor]:
    """Select the ``wanted`` smallest scores of each column exactly, without sorting whole columns.

    Every strip of rows is folded into groups of ``fold`` rows; the ``wanted`` groups with the smallest minima must
    contain the ``wanted`` smallest scores, and only those groups are looked into.

    Args:
        scores: (P, B), P a multiple of ``strip``.
        minima: (P / fold, B) smallest score of each group.
        wanted: M, at most P / fold.
        fold: rows per group.
        strip: rows per strip, a multiple of ``fold``.

    Returns:
        Scores (B, M) in any order, and their rows (B, M).
    """
    columns, width = scores.shape[1], strip // fold
    groups = minima.T.contiguous().topk(wanted, largest=False, sorted=False).indices
    first = groups + groups // width * (strip - width)
    steps = torch.arange(0, strip, width, device=scores.device)
    rows = (first[:, :, None] + steps).flatten(1)
    inside = scores.take(rows * columns + torch.arange(columns, device=scores.device)[:, None])
    values, at = inside.topk(wanted, largest=False, sorted=False)
    return values, rows.gather(1, at)


class Faiss:
    """Propose by faiss's exhaustive search (Douze et al., The Faiss library, arXiv 2401.08281).

    Args:
        rows: what is searched: all rows of a float32 matrix on the CPU.
        wanted: candidates per query, at most as many as there are rows.
        search: memory.
    """

    def __init__(self, rows: Rows, wanted: int, search: Search) -> None:
        self._faiss = import_module("faiss")  # it takes a second, which only those who ask for it pay
        self.rows, self.wanted = rows, wanted
        self.block = search.rows_for(16, 64 * wanted + 32 * rows.features, _FAISS_BLOCK)

    def propose(self, asked: Tensor) -> Proposal:
        """Propose for the rows of numbers (B,)."""
        query = self.rows.at(asked)
        self._faiss.omp_set_num_threads(torch.get_num_threads())
        squared, numbers = self._faiss.knn(query.numpy(), self.rows.data.numpy(), self.wanted)
        reach = torch.linalg.vector_norm(query.double(), dim=1)
        worst = torch.from_numpy(squared).double().amax(dim=1)
        return Proposal(torch.from_numpy(numbers), worst, reach, 0.0, torch.float32)


def faiss_can(rows: Rows, classes: Tensor | None) -> bool:
    """Tell whether faiss can search these rows without a copy of them: it takes contiguous float32, and all rows."""
    data = rows.data
    plain = data.dtype == torch.float32 and data.device.type == "cpu" and data.is_contiguous()
    return plain and rows.whole and classes is None


def require_faiss() -> None:
    """Refuse to go on without faiss.

    Raises:
        InputError: faiss is not installed.
    """
    if util.find_spec("faiss") is None:
        raise InputError(f"backend='faiss' needs faiss: {how_to_install('faiss')}, or use backend='torch'")
