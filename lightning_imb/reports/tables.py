"""The closing table of one run and the comparison of many, as text."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from lightning_imb.reports.comparison import Comparison, Summary, clear_best
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.grid import Grid, to_rich

TEST, PHASE_1 = "test/", "represent/test/"
MAX_CLASSES = 20
WARNING = (
    "WARNING: the epoch was chosen on the TEST set, so these scores are too high. "
    "Compare them only with numbers obtained the same way."
)


def run_table(metrics: Mapping[str, Any]) -> Table:
    """Make the closing table of one run; see :func:`run_grid`."""
    return to_rich(run_grid(metrics))


def run_grid(metrics: Mapping[str, Any]) -> Grid:
    """Sum up one run: recall of each class, then the scores; phase 1 beside the final model.

    Above 20 classes the ten with the most and the ten with the fewest training images are listed.

    Args:
        metrics: ``metrics.json``. Without ``represent/test/...`` there is one column of results. ``scored``
            names the images when they are not those of the test set.
    """
    scored = metrics.get("scored", "test set")
    prefixes = [prefix for prefix in (PHASE_1, TEST) if f"{prefix}recall" in metrics]
    counts = metrics["class_counts"]["train"]
    shown = _shown_classes(counts)
    classes = [
        (metrics["class_names"][k], f"{counts[k]:,}", *(_fixed(metrics[f"{p}recall"][k]) for p in prefixes))
        for k in shown
    ]
    names = [key.removeprefix(TEST) for key in metrics if key.startswith(TEST) and not isinstance(metrics[key], list)]
    scores = [(name, "", *(_fixed(metrics.get(prefix + name)) for prefix in prefixes)) for name in names]
    hidden = len(counts) - len(shown)
    return Grid(
        title=f"{metrics['method']}, seed {metrics['seed']}: {metrics['protocol']}",
        header=(
            "recall per class, scores",
            "n_train",
            *("phase 1" if p == PHASE_1 else "final" for p in prefixes),
        ),
        rows=tuple(classes + scores),
        caption=f"{scored}; {hidden} classes between head and tail stand in metrics.json" if hidden else scored,
        warning=WARNING if metrics.get("selected_on") == "test" else "",
        breaks=frozenset({len(classes) - 1}),
    )


def comparison_grid(comparison: Comparison) -> Grid:
    """Mean ± sample standard deviation over seeds: one line per row, one column per metric.

    The best of a column is stressed only where it leads by more than the noise of the seeds.
    """
    best = {(clear_best(comparison, name), j) for j, name in enumerate(comparison.metrics)}
    offset = len(comparison.keys) + 1
    return Grid(
        title="Scores, mean ± std over seeds",
        header=(*comparison.keys, "n", *(name.removeprefix(TEST) for name in comparison.metrics)),
        rows=tuple(
            (*row.labels, str(row.n), *(_mean_std(row.scores[name], row.n) for name in comparison.metrics))
            for row in comparison.rows
        ),
        labels=len(comparison.keys),
        caption=_caption(comparison),
        warning=WARNING if comparison.selected_on_test else "",
        bold=frozenset((i, j + offset) for i, j in best if i is not None),
    )


def recall_grid(comparison: Comparison) -> Grid:
    """Recall of each class, mean ± sample standard deviation over seeds: one line per class."""
    counts = comparison.train_counts
    return Grid(
        title="Recall per class, mean ± std over seeds",
        header=("class", "n_train", *(f"{' '.join(row.labels)} (n={row.n})" for row in comparison.rows)),
        rows=tuple(
            (
                name,
                f"{counts[k]:,}" if counts else "differs",
                *(_mean_std(row.recalls[k], row.n) if row.recalls else "–" for row in comparison.rows),
            )
            for k, name in enumerate(comparison.class_names)
        ),
        caption=_caption(comparison),
        warning=WARNING if comparison.selected_on_test else "",
    )


def comparison_csv(comparison: Comparison, per_class: bool) -> str:
    """Write a comparison as csv with numbers of full precision, one line per row.

    Args:
        comparison: The comparison.
        per_class: Whether to add the recall of each class.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    recalls = [f"test/recall/{name}" for name in comparison.class_names] if per_class else []
    names = [f"{name}/{part}" for name in (*comparison.metrics, *recalls) for part in ("mean", "std", "n")]
    protocol = [] if "protocol" in comparison.keys else list(comparison.protocols)
    writer.writerow([*comparison.keys, *(["protocol"] if protocol else []), "n", *names])
    for row in comparison.rows:
        summaries = [row.scores[name] for name in comparison.metrics] + (list(row.recalls) if per_class else [])
        numbers = [cell for s in summaries for cell in (s.mean, s.std, len(s.values))]
        writer.writerow([*row.labels, *protocol, row.n, *numbers])
    return text.getvalue()


def _caption(comparison: Comparison) -> str:
    return f"test set; protocol: {'; '.join(comparison.protocols)}; std with ddof=1, n/a for one seed"


def _mean_std(summary: Summary, n: int) -> str:
    """Such as ``0.812 ± 0.010``; a score that not all n runs have says how many have it."""
    if summary.mean is None:
        return "–"
    std = "n/a" if summary.std is None else f"{summary.std:.3f}"
    partial = f" (n={len(summary.values)})" if len(summary.values) != n else ""
    return f"{summary.mean:.3f} ± {std}{partial}"


def _fixed(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _shown_classes(counts: Sequence[int]) -> list[int]:
    if len(counts) <= MAX_CLASSES:
        return list(range(len(counts)))
    order = head_to_tail(counts)
    return order[: MAX_CLASSES // 2] + order[-(MAX_CLASSES // 2) :]
