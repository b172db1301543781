"""The runs of a sweep side by side: where they look, beside how well they classify."""

from collections.abc import Sequence

import pandas as pd

from lightning_imb.analysis.seed_spread import seed_spread
from lightning_imb.reports.analysis.alignment_scatter_figure import Axis, alignment_scatter_figure
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.subject import Subject

SCORES = ("bacc", "auroc", "ap")  # of `metrics.json`, as far as a run has them
DRAWN = "class_mean_iou_above_chance"
_KEYS = ["row", "seed"]


def compare_alignment(
    subjects: Sequence[Subject], found: Sequence[Findings], methods: Sequence[str]
) -> Findings | None:
    """Alignment of every run beside its scores, and whether rows differ by more than their seeds do.

    Args:
        subjects: The runs.
        found: What `lightning_imb.studies.saliency.Saliency` found in each.
        methods: Those that were looked with.

    Returns:
        Tables ``runs`` (one row per run), ``rows`` (mean and sd over seeds) and ``spread`` (of `seed_spread`), and the
        figure ``alignment_and_scores``; None where fewer than two runs were compared with regions.
    """
    pairs = [(subject, one) for subject, one in zip(subjects, found, strict=True) if one.numbers["saliency/images"]]
    if len(pairs) < 2:
        return None
    runs = pd.DataFrame([_run(subject, one, methods) for subject, one in pairs])
    scores = [score for score in SCORES if score in runs]
    spread = seed_spread(runs, "row", [str(name) for name in runs if name not in _KEYS])
    axes = [Axis(f"{method}/{DRAWN}", method) for method in methods]
    caption = (
        "Small marks: runs; large marks: means over their seeds, bars: ± one standard deviation (ddof 1). Soft IoU of "
        "the heat maps minus that with regions of other images of the class, mean over the classes. "
        f"Protocol: {', '.join(sorted({subject.protocol for subject, _ in pairs}))}."
    )
    remarks = (
        [f"{len(subjects) - len(pairs)} runs without marked regions are left out"] if len(pairs) < len(subjects) else []
    )
    return Findings(
        tables={"runs": runs, "rows": _rows(runs), "spread": spread},
        figures={"alignment_and_scores": alignment_scatter_figure(runs, axes, scores)},
        captions={"alignment_and_scores": caption},
        remarks=tuple(remarks),
    )


def _run(subject: Subject, found: Findings, methods: Sequence[str]) -> dict[str, str | int | float]:
    """Scores and alignment of one run."""
    metrics = subject.run.read_metrics()
    entry: dict[str, str | int | float] = {"row": subject.row, "seed": subject.seed}
    entry |= {score: float(metrics[f"test/{score}"]) for score in SCORES if metrics.get(f"test/{score}") is not None}
    for method in methods:
        prefix = f"saliency/{method}/"
        mine = {name: value for name, value in found.numbers.items() if name.startswith(prefix)}
        entry |= {name.removeprefix("saliency/"): value for name, value in mine.items()}
    return entry


def _rows(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over the seeds of each row."""
    grouped = runs.drop(columns="seed").groupby("row", sort=False)
    table = grouped.mean().join(grouped.std(ddof=1).add_suffix(" sd"))
    in_pairs = [f"{name}{part}" for name in table.columns[: table.shape[1] // 2] for part in ("", " sd")]
    table = table[in_pairs]
    table.insert(0, "runs", grouped.size())
    return table.reset_index()
