"""What stands below a table of kept results: how often, with what and for how long it was measured."""

from collections.abc import Iterable, Sequence

from lightning_imb.reports.captions import WARNING
from lightning_imb.reports.kept.cell import KeptRun
from lightning_imb.reports.kept.study import Line, Study

_PACKAGES = ("python", "torch", "pytorch-lightning", "imbalanced-learn")


def measured(studies: Sequence[Study]) -> str:
    """Spread, protocol, number of runs and their hours, precision, hardware, versions, and what is missing."""
    cells = [cell for study in studies for cell in study.cells]
    runs = [run for cell in cells for run in cell.runs]
    if not runs:
        return "No run is kept yet."
    protocols = _listed(cell.protocol for cell in cells)
    precision, hardware = _listed(run.precision for run in runs), _listed(map(_hardware, runs))
    return (
        f"Mean ± std over n seeds (ddof 1); protocol: {protocols}; {len(runs)} runs, {_hours(runs)}, "
        f"{precision}, {hardware}; {_versions(runs)}. {_missing(studies)}"
    ).strip()


def warning(studies: Sequence[Study]) -> str:
    """What has to be said where some result is of an epoch that was chosen on the test set."""
    return WARNING if any(cell.selected_on == "test" for study in studies for cell in study.cells) else ""


def _lacks(study: Study, line: Line) -> int:
    """How many runs a row has less than it shall have."""
    cell = study.find(line.where)
    return max(study.seeds - (len(cell.runs) if cell else 0), 0)


def _hours(runs: Sequence[KeptRun]) -> str:
    """Of all launches; a phase 1 that came from elsewhere took its time there."""
    lent = sum(run.phase_1 not in ("trained", "resumed") for run in runs)
    own = f"{sum(run.wall_s for run in runs) / 3600:.1f} hours"
    return f"{own} beside phase 1 of {lent}, which came from other runs" if lent else own


def _listed(texts: Iterable[str]) -> str:
    return " and ".join(sorted(set(texts)))


def _hardware(run: KeptRun) -> str:
    threads, gpu = run.hardware["threads"], run.hardware["gpu"]
    cores = "1 thread" if threads == 1 else f"{threads} threads"
    return f"{cores} of {run.hardware['cpu']}, {'no GPU' if gpu == 'none' else gpu}"


def _versions(runs: Sequence[KeptRun]) -> str:
    found = {name: _listed(run.versions[name] for run in runs if name in run.versions) for name in _PACKAGES}
    return ", ".join(f"{name} {versions}" for name, versions in found.items() if versions)


def _missing(studies: Sequence[Study]) -> str:
    short = sum(_lacks(study, line) for study in studies for line in study.lines)
    wanted = sum(study.seeds * len(study.lines) for study in studies)
    return f"{short} of {wanted} runs are still missing." if short else ""
