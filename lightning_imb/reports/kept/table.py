"""A study as tables: its rows beside published numbers, and its differences."""

from lightning_imb.reports.cells import MISSING
from lightning_imb.reports.comparison import Summary
from lightning_imb.reports.grid import Grid
from lightning_imb.reports.kept.cell import Cell
from lightning_imb.reports.kept.contrast import Interval, difference
from lightning_imb.reports.kept.measured import measured, warning
from lightning_imb.reports.kept.relation import correlation
from lightning_imb.reports.kept.study import Contrast, Line, Study
from lightning_imb.reports.paired import LEVEL


def results_grid(study: Study) -> Grid:
    """One line per row that the study shall have; a dash where it has no run yet."""
    published = any(line.published for line in study.lines)
    beside = ("published", f"within ± {study.tolerance:g}") if published else ()
    notes = (*(["source"] if published else []), "overrides")
    return Grid(
        title=study.title,
        header=("", "n", *study.columns, *beside, *notes),
        rows=tuple(_row(study, line, published) for line in study.lines),
        notes=len(notes),
        caption=f"{study.about} {measured([study])}",
        warning=warning([study]),
    )


def contrast_grid(study: Study) -> Grid:
    """One line per difference whose two rows are there, with both intervals."""
    unit = "points" if study.percent else next(iter(study.columns))
    return Grid(
        title=f"{study.title}: differences, with {LEVEL:.0%} intervals",
        header=("", "seeds", f"difference ({unit})", "over seeds", "over test images"),
        rows=tuple(row for contrast in study.contrasts if (row := _contrast_row(study, contrast))),
        caption=(
            "Paired: same seed, same phase 1 where it is shared, same test images. Over seeds: Student's t, of what "
            "other trainings on these data would give: all seeds share one split. Over test images: of these very "
            "networks on other test images. The intervals are not corrected for the number of differences."
        ),
        warning=warning([study]),
    )


def relation_grid(study: Study) -> Grid:
    """One line per relation that enough rows are there for."""
    found = [(relation, correlation(study, relation)) for relation in study.relations]
    return Grid(
        title=f"{study.title}: what goes together",
        header=("", "rows", "Spearman's ρ", f"{LEVEL:.0%} interval"),
        rows=tuple(
            (relation.label, str(one.rows), f"{one.rho:+.2f}", _bounds_of(one.interval))
            for relation, one in found
            if one
        ),
        caption=(
            "Over rows, of means over seeds; interval by Fisher's transformation (Bonett and Wright 2000), which takes "
            "rows for independent: where they share phase 1 it is too narrow."
        ),
    )


def _bounds_of(interval: Interval | None) -> str:
    return MISSING if interval is None else "{:+.2f} to {:+.2f}".format(*interval)


def _row(study: Study, line: Line, published: bool) -> tuple[str, ...]:
    cell = study.find(line.where)
    texts = [mean_std(study, score, cell) for score in study.columns.values()]
    beside = (_bounds(line), _verdict(study, line, cell), line.source) if published else ()
    command = f"`{line.command}`" if line.command else ""
    return line.label, str(len(cell.runs)) if cell else MISSING, *texts, *beside, command


def mean_std(study: Study, score: str, cell: Cell | None) -> str:
    """Mean ± std of a score as it is shown; a dash where there is none."""
    summary = cell.summary(score) if cell else Summary(())
    if cell is None or summary.mean is None:
        return MISSING
    partial = f" (n={len(summary.values)})" if len(summary.values) != len(cell.runs) else ""
    spread = "" if summary.std is None else f" ± {study.text(score, summary.std)}"
    return f"{study.text(score, summary.mean)}{spread}{partial}"


def _bounds(line: Line) -> str:
    if line.published is None:
        return MISSING
    low, high = line.published
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _verdict(study: Study, line: Line, cell: Cell | None) -> str:
    """Whether the mean lies in the published range or near it; below the wanted number of seeds only so far."""
    found = cell.summary(study.score) if cell else Summary(())
    if line.published is None or found.mean is None:
        return MISSING
    value, (low, high) = study.scale(study.score) * found.mean, line.published
    off = min(value - low, 0.0) + max(value - high, 0.0)
    verdict = "yes" if abs(off) <= study.tolerance else f"no, {off:+.1f}"
    return verdict if len(found.values) >= study.seeds else f"{verdict} (n={len(found.values)})"


def _contrast_row(study: Study, contrast: Contrast) -> tuple[str, ...] | None:
    """None where a row is not there yet, or the two share no seed."""
    better, than, score = study.find(contrast.better), study.find(contrast.than), contrast.score or study.score
    found = difference(better, than, score) if better and than else None
    if found is None:
        return None
    return (
        contrast.label,
        str(len(found.by_seed)),
        study.text(score, found.mean, "+"),
        *(_interval(study, score, one) for one in (found.over_seeds, found.over_images)),
    )


def _interval(study: Study, score: str, interval: Interval | None) -> str:
    if interval is None:
        return MISSING
    return " to ".join(study.text(score, bound, "+") for bound in interval)
