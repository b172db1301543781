"""Study ``resampler_audit``: what the over-sampler of embeddings did to each class."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from lightning_imb.analysis.audit import LIES, PARTNERS, seen_in_result, told_by_resampler
from lightning_imb.reports.analysis.audit_figure import audit_figure
from lightning_imb.resampling.rows import Search
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.images_too import IMAGES_TOO, over_samples_images_too
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Balanced, Subject
from lightning_imb.utils.checked import checked_number

_NAMED = 5  # classes that a remark names before it only counts them


@dataclass(frozen=True)
class ResamplerAudit(Study):
    """What the over-sampler tells of each class, and where the synthetic rows lie among the real ones.

    Numbers: ``generated``; ``copy``, ``near_own`` and ``near_enemy`` (shares of all synthetic rows); and where the
    over-sampler tells them ``partners/copy``, ``partners/same_class``, ``partners/enemy`` (shares of all partners)
    and ``fallbacks`` (classes that needed one).

    Args:
        max_rows: Synthetic rows whose nearest real row is searched, shared out evenly among the classes and at least
            one for each; a random part of more.
        memory_mb: Upper bound in MiB of what the search holds.
        seed: Of the choice of rows.

    Source:
        Dablain et al. (arXiv 2207.06080) for the pairing with enemies; counting what became of it is ours.
    """

    max_rows: int
    memory_mb: float
    seed: int

    name: ClassVar[str] = "resampler_audit"
    title: ClassVar[str] = "Resampler audit"

    def __post_init__(self) -> None:
        for name, least in (("max_rows", 1), ("memory_mb", 1), ("seed", 0)):
            checked_number(name, getattr(self, name), least)

    def look(self, subject: Subject) -> Findings:
        """Audit one run: table ``classes``, figure ``audit``; a remark alone where there is no balanced set."""
        balanced = subject.balanced
        if balanced is None:
            return Findings(remarks=(_why_none(subject),))
        search = Search(memory_mb=self.memory_mb)
        table = seen_in_result(
            balanced.z, balanced.y, balanced.n_real, subject.num_classes, self.max_rows, self.seed, search
        )
        told, remark = _told(balanced)
        table = table.merge(told, how="left", left_on="class", right_on="label").drop(columns="label")
        named = table.assign(**{"class": [subject.class_names[c] for c in table["class"]]})
        return Findings(
            numbers=_numbers(table),
            tables={"classes": named},
            figures={"audit": audit_figure(table, subject.class_names)},
            captions={"audit": self._caption(table)},
            remarks=(*remark, *_fallbacks(named)),
        )

    def _caption(self, table: pd.DataFrame) -> str:
        looked_at, generated = int(table["looked_at"].sum()), int(table["generated"].sum())
        part = "all" if looked_at == generated else f"a random {looked_at:,} of {generated:,}"
        text = f"Middle: the real embedding nearest to each synthetic one ({part} of them looked at)."
        if "eligible_share" not in table:
            return text.replace("Middle", "Below")
        return f"{text} Below: what the over-sampler tells of the partners it drew, and which rows could be a base."


def _why_none(subject: Subject) -> str:
    if over_samples_images_too(subject):
        return f"{IMAGES_TOO}, and what became of their embeddings cannot be told."
    return "Nothing over-samples embeddings in this run."


def _told(balanced: Balanced) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """What the over-sampler tells, without the counts that the result shows as well."""
    if not balanced.report:
        silent = "The over-sampler tells nothing of its classes: the table holds what its result shows."
        return pd.DataFrame({"label": pd.Series(dtype="int64")}), (silent,)
    return told_by_resampler(balanced.report).drop(columns=["n", "generated"], errors="ignore"), ()


def _fallbacks(table: pd.DataFrame) -> list[str]:
    """Say which classes could not be over-sampled as meant."""
    if "fallback" not in table:
        return []
    used = table[table["fallback"].notna()].groupby("fallback")["class"]
    return [
        f"Fallback {name}: {', '.join(list(classes)[:_NAMED])}"
        + (f" and {len(classes) - _NAMED} more." if len(classes) > _NAMED else ".")
        for name, classes in used
    ]


def _numbers(table: pd.DataFrame) -> dict[str, float]:
    generated = table["generated"]
    # shares of a class weigh as much as its rows, whatever part of them was looked at
    numbers = {"generated": float(generated.sum())}
    numbers |= {name: _weighted(table[f"{name}_share"], generated) for name in LIES}
    for kind in PARTNERS:
        if (column := f"partners_{kind}_share") in table:
            numbers[f"partners/{kind}"] = _weighted(table[column], generated)
    if "fallback" in table:
        numbers["fallbacks"] = float(table["fallback"].notna().sum())
    return numbers


def _weighted(shares: pd.Series, weights: pd.Series) -> float:
    known = shares.notna()
    total = float(weights[known].sum())
    return float((shares[known] * weights[known]).sum() / total) if total else float("nan")
