"""An expected order as text: a line per statement, a sentence per order."""

from collections.abc import Sequence

from lightning_imb.reports.cells import MISSING
from lightning_imb.reports.digits import signed
from lightning_imb.reports.grid import Grid
from lightning_imb.reports.ordering import MIN_TREND, Ordering, Statement
from lightning_imb.reports.paired_tables import conditions, warning_of
from lightning_imb.reports.ranks import ALPHA
from lightning_imb.reports.signed_rank import MAX_EXACT
from lightning_imb.utils.direction import lower_is_better

RESULTS = {"seen": "seen", "not seen": "not seen", "too few": "too few runs to tell"}


def ordering_grid(found: Sequence[Ordering], keys: Sequence[str]) -> Grid:
    """One line per statement, and whether it is seen.

    Args:
        found: At least one order, all of the same levels and metric.
        keys: The other keys, whose values tell the orders apart.
    """
    first = found[0]
    lines = [((*one.of, s.claim, RESULTS[s.verdict], *_numbers(s)), s) for one in found for s in one.statements]
    ends, labels = _ends(found), len(keys) + 2
    return Grid(
        title=f"Expected order of {first.blocks.metric}, the best first: {', '.join(first.levels)}",
        header=(*keys, "statement", "result", "blocks", "mean difference", "p", "p (Holm)"),
        rows=tuple(cells for cells, _ in lines),
        labels=labels,
        caption="; ".join(remark for remark in _remarks(found) if remark),
        warning=next((warning for one in found if (warning := warning_of(one.blocks))), ""),
        bold=frozenset((i, labels - 1) for i, (_, s) in enumerate(lines) if s.verdict == "seen"),
        breaks=ends,
    )


def ordering_sentences(found: Sequence[Ordering]) -> tuple[str, ...]:
    """Whether each order is seen as a whole, and why."""
    return tuple(_sentence(one) for one in found)


def _sentence(one: Ordering) -> str:
    start = f"{', '.join(one.of)}: the" if one.of else "The"
    steps = [s for s in one.statements if s.kind == "step"]
    words = {"seen": "is seen", "not seen": "is not seen", "too few": "cannot be told from so few runs"}
    return (
        f"{start} order {', '.join(one.levels)} in {one.blocks.metric} {words[one.verdict]}: "
        f"{'; '.join(map(_in_words, steps))}{_beside(one)}."
    )


def _in_words(s: Statement) -> str:
    mean = "no pair" if s.mean is None else f"mean difference {signed(s.mean)}, p (Holm) = {s.p_holm:.2g}"
    return f"{s.claim}: {RESULTS[s.verdict]} (n = {s.n}, {mean})"


def _beside(one: Ordering) -> str:
    """What the trend and the constants add to the steps."""
    trend = next((s for s in one.statements if s.kind == "trend"), None)
    constants = [s for s in one.statements if s.kind == "constant"]
    beaten = sum(s.verdict == "seen" for s in constants)
    parts = [
        f"the trend over all of them is {RESULTS[trend.verdict]} (p (Holm) = {trend.p_holm:.2g})" if trend else "",
        f"{beaten} of {len(constants)} are seen to beat the mean of their training targets" if constants else "",
    ]
    return "".join(f"; {part}" for part in parts if part)


def _numbers(s: Statement) -> tuple[str, ...]:
    mean = MISSING if s.mean is None else signed(s.mean)
    return (str(s.n), mean, *(MISSING if s.n == 0 else f"{p:.3g}" for p in (s.p, s.p_holm)))


def _ends(found: Sequence[Ordering]) -> frozenset[int]:
    """The last line of each order."""
    sizes = [len(one.statements) for one in found]
    return frozenset(sum(sizes[: i + 1]) - 1 for i in range(len(sizes)))


def _remarks(found: Sequence[Ordering]) -> tuple[str, ...]:
    first = found[0]
    kinds = {s.kind for s in first.statements}
    few = any(s.verdict == "too few" for one in found for s in one.statements)
    return (
        *conditions(first.blocks),
        f"{'lower' if lower_is_better(first.blocks.metric) else 'higher'} is better, difference = first - second",
        "one-sided Wilcoxon signed-rank test, zero differences ranked and then left out (Pratt), "
        f"exact up to {MAX_EXACT} others",
        "trend: Page's test (Page 1963)" if "trend" in kinds else f"below {MIN_TREND} levels there is no trend to test",
        "" if "constant" in kinds else "no run has recorded what a constant scores in it",
        f"Holm's correction over the {len(first.statements)} statements of an order, seen: below {ALPHA}",
        f"too few runs to tell: no corrected p below {ALPHA} is possible with so few" if few else "",
    )
