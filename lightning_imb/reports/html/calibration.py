"""Calibration of each row, and its accuracy under other class frequencies, from metrics.json alone."""

from collections.abc import Sequence

import numpy as np

from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.comparison import Summary
from lightning_imb.reports.html.parts import Picture, Section, picture
from lightning_imb.reports.html.rows import RowRuns, beyond
from lightning_imb.reports.reliability_figure import Bin, Calibrated, reliability_figure
from lightning_imb.reports.shift_figure import KNOWN, PREFIX, Spread, prior_shift_figure

MAX_ROWS = 24
MAX_LINES = 8
BINS, SHIFTS, SHIFTS_KNOWN, ECE = "test/reliability", f"test/{PREFIX}", f"test/{KNOWN}", "test/ece"
_WHERE = "metrics=[test/prior_shift/forward_50,...] puts them into a table"
_OLD = "were scored before calibration was; imb-eval scores them anew, into eval/ of the run"


def reliability_section(rows: Sequence[RowRuns]) -> Section:
    """Draw accuracy by confidence on the test set, a picture per row, its bins pooled over the seeds.

    Args:
        rows: Runs by row.
    """
    notes = list(beyond(rows, MAX_ROWS, "Reliability", "the others are in figures/ of each run"))
    pictures = []
    for row in rows[:MAX_ROWS]:
        scored = [record for record in row.records if BINS in record.metrics]
        if scored:
            pictures.append(_reliability(row, scored))
        if len(scored) < len(row.records):
            notes.append(f"{row.label}: {len(row.records) - len(scored)} of {len(row.records)} runs {_OLD}.")
    text = "Accuracy of predictions by their confidence: on the dashed line a model is as often right as it is sure."
    return Section("reliability", "Reliability", text, pictures=tuple(pictures), notes=tuple(notes), wide=False)


def prior_shift_section(rows: Sequence[RowRuns]) -> Section:
    """Draw the expected top-1 under eleven class frequencies, all rows of the same classes on one axis.

    Args:
        rows: Runs by row.
    """
    groups: dict[tuple[str, ...], list[RowRuns]] = {}
    for row in rows:
        if any(name.startswith(SHIFTS) for record in row.records for name in record.metrics):
            groups.setdefault(row.class_names, []).append(row)
    pictures = tuple(_shifts(members[:MAX_LINES]) for members in groups.values())
    notes = [note for members in groups.values() for note in beyond(members, MAX_LINES, "Lines", _WHERE)]
    text = (
        "Top-1 that test sets with other class frequencies have on average, from as imbalanced as training (left) to "
        "the opposite (right). Solid: predictions stay as they are; dashed: the logits are told these frequencies in "
        "the place of those they were trained for, class weights included."
    )
    return Section("prior_shift", "Test-prior shift", text, pictures=pictures, notes=tuple(notes))


def _reliability(row: RowRuns, scored: Sequence[RunRecord]) -> Picture:
    ece = Summary(tuple(float(record.metrics[ECE]) for record in scored))
    text = f"{ece.mean:.3f}" if ece.std is None else f"{ece.mean:.3f} ± {ece.std:.3f}"
    figure = reliability_figure({row.label: Calibrated(_pooled([r.metrics[BINS] for r in scored]), text)})
    alt = f"Reliability diagram of {row.label}: expected calibration error {text}."
    runs = f"{len(scored)} run{'s' if len(scored) > 1 else ''}"
    protocols = "; ".join(dict.fromkeys(record.protocol for record in scored))
    return picture(figure, alt, f"{row.label}: {runs}, bins pooled, ECE the mean of the runs; {protocols}.")


def _pooled(runs: Sequence[Sequence[Bin]]) -> list[list[float | None]]:
    """Bins of the predictions of all runs together."""
    values = np.array(runs, dtype=np.float64)  # (R, M, 3)
    samples = values[..., :1]
    total = samples.sum(axis=0)
    means = np.full(values.shape[1:], np.nan)
    np.divide((samples * np.nan_to_num(values)).sum(axis=0), total, out=means, where=total > 0)
    return [[n, *(None if np.isnan(m) else m for m in rest)] for (n,), (_, *rest) in zip(total, means, strict=True)]


def _shifts(rows: Sequence[RowRuns]) -> Picture:
    curves = {row.label: _spread(row.records, SHIFTS) for row in rows}
    known = {row.label: spread for row in rows if (spread := _spread(row.records, SHIFTS_KNOWN))}
    alt = "Expected top-1 by the class frequencies of the test set. " + "; ".join(
        f"{label}: {_ends(spread)}" for label, spread in curves.items()
    )
    caption = "Lines are means over seeds, bands one standard deviation."
    return picture(prior_shift_figure(curves, known), f"{alt}.", caption)


def _spread(records: Sequence[RunRecord], prefix: str) -> dict[str, Spread]:
    names = [name for record in records for name in record.metrics if name.startswith(prefix)]
    found = {
        name: Summary(tuple(value for record in records if (value := record.score(name)) is not None))
        for name in dict.fromkeys(names)
    }
    return {name.removeprefix(prefix): (s.mean, s.std or 0.0) for name, s in found.items() if s.mean is not None}


def _ends(spread: dict[str, Spread]) -> str:
    values = [mean for mean, _ in spread.values()]
    return f"from {values[0]:.3f} to {values[-1]:.3f}"
