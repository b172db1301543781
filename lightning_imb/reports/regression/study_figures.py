"""Figures of a study: errors by bin for each training law, and for each method."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from lightning_imb.reports.cells import TEST
from lightning_imb.reports.collect import RunRecord, grouped
from lightning_imb.reports.comparison import Summary
from lightning_imb.reports.differences import group_of
from lightning_imb.reports.digits import mean_and_spread, significant
from lightning_imb.reports.regression.errors_figure import MAX_LINES, BinErrors, errors_figure
from lightning_imb.reports.regression.read import bin_errors, noise_floor
from lightning_imb.reports.style import WIDE
from lightning_imb.reports.value_map import MapLook, value_map_figure
from lightning_imb.utils.atomic import atomic_file
from lightning_imb.utils.errors import InputError

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Facet:
    """Runs that share a figure.

    Attributes:
        of: What they share, such as ``("reg_mse",)``; empty for all runs.
        lines: The runs of each line.
    """

    of: Labels
    lines: dict[str, list[RunRecord]]

    @property
    def records(self) -> list[RunRecord]:
        """All of its runs."""
        return [record for members in self.lines.values() for record in members]

    @property
    def title(self) -> str:
        """Of the figure."""
        end = f": {', '.join(self.of)}" if self.of else ""
        return f"Error by bin of {self.records[0].metrics['target']}{end}"

    @property
    def name(self) -> str:
        """Of the file."""
        return "_".join(["errors", *(re.sub(r"[^\w.=-]+", "_", label) for label in self.of)])

    @property
    def drawable(self) -> bool:
        """Whether all runs have the same bins, and errors in them."""
        edges = {tuple(record.metrics["bin_edges"]) for record in self.records}
        return len(edges) == 1 and all(f"{TEST}bin_mse" in record.metrics for record in self.records)


def facets(records: Sequence[RunRecord], keys: Sequence[str]) -> list[Facet]:
    """Which runs are drawn together: the training laws of each method, and the methods of each law.

    Where the keys name no law, or nothing else, all runs share one figure.

    Args:
        records: The runs.
        keys: What makes a row.
    """
    laws = [key for key in keys if group_of(key) == "imbalance"]
    others = [key for key in keys if key not in laws]
    if not laws or not others:
        return [Facet((), _lines(records, keys))]
    found = [
        Facet(labels, _lines(members, compared))
        for shared, compared in ((others, laws), (laws, others))
        for labels, members in grouped(records, shared).items()
    ]
    return [facet for facet in found if len(facet.lines) > 1]


def facet_figure(facet: Facet) -> Figure:
    """Draw the errors by bin of up to eight lines; more become a map.

    Args:
        facet: Runs with the same bins.
    """
    first = facet.records[0].metrics
    errors = {
        f"{label} (MSE {_score(members)})": bin_errors([record.metrics for record in members])
        for label, members in facet.lines.items()
    }
    if len(errors) > MAX_LINES:
        means = dict(zip(facet.lines, errors.values(), strict=True))
        return _map(means, first["class_names"], facet.title, str(first["target"]))
    floor = noise_floor([record.metrics for record in facet.records])
    return errors_figure(errors, first["bin_edges"], str(first["target"]), facet.title, floor)


def save_error_figures(records: Sequence[RunRecord], keys: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Write the errors by bin as png files.

    Args:
        records: Regressions.
        keys: What makes a row.
        folder: Where to; made if missing.

    Returns:
        Sentences that name the files, and what could not be drawn.

    Raises:
        InputError: The folder cannot be written to.
    """
    every = facets(records, keys)
    files = [_save(facet_figure(facet), folder / f"{facet.name}.png") for facet in every if facet.drawable]
    written = [f"errors by bin: {', '.join(map(str, files))}"] if files else []
    return (*written, *not_drawn(every))


def not_drawn(every: Iterable[Facet]) -> tuple[str, ...]:
    """A sentence for every figure that cannot be drawn."""
    return tuple(
        f"{facet.title} is not drawn: its runs have different bins, or none" for facet in every if not facet.drawable
    )


def _save(figure: Figure, path: Path) -> Path:
    try:
        with atomic_file(path) as file:
            figure.savefig(file, format="png")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another folder as figures=.") from error
    return path


def _map(lines: Mapping[str, BinErrors], names: Sequence[str], title: str, target: str) -> Figure:
    means = {label: errors.mse.mean(axis=0) for label, errors in lines.items()}
    values = np.concatenate(list(means.values()))
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    norm = LogNorm(low, high) if low > 0 and high / low > WIDE else Normalize(low, high)
    look = MapLook(title, f"mean squared error of {target}", f"bin of the true {target}", norm, _three)
    return value_map_figure({label: line.tolist() for label, line in means.items()}, names, look)


def _three(value: float) -> str:
    return significant(value, 3)


def _score(members: Sequence[RunRecord]) -> str:
    score = Summary(tuple(value for record in members if (value := record.score(f"{TEST}mse")) is not None))
    return "n/a" if score.mean is None else mean_and_spread(score.mean, score.std)


def _lines(records: Sequence[RunRecord], keys: Sequence[str]) -> dict[str, list[RunRecord]]:
    return {", ".join(labels): members for labels, members in grouped(records, keys).items()}
