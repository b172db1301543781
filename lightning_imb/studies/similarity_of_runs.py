"""The same layer in the networks of different runs."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.analysis.cka import cka_matrix
from lightning_imb.reports.analysis.cka_figure import runs_figure
from lightning_imb.studies.features import Probe, untrained
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.subject import Subject

UNTRAINED = "untrained"
FORMS = {"cka": True, "biased": False}
_COLUMNS = ["layer", "row", "other", "same_seed", "pairs", "cka", "sd", "biased"]


def compare_layers(probe: Probe, subjects: Sequence[Subject], with_untrained: bool, seed: int) -> Findings:
    """CKA of each layer between all pairs of runs, averaged over the pairs of two rows of a sweep.

    Two runs of the same row differ by their seed alone: their similarity is the level of noise, and only methods that
    are less alike than that differ. Runs of one seed began with the same weights and may share phase 1, so they are
    alike for another reason and averaged on their own. The untrained network is the other end.

    Args:
        probe: Images and layers.
        subjects: The runs; those with other data, other images or other layers than the first one are left out.
        with_untrained: Whether to compare with untrained networks.
        seed: Of the weights of these.

    Returns:
        Only remarks where fewer than two runs can be compared.
    """
    layers, images = probe.layers_in(subjects[0]), _images(probe, subjects[0])
    # flattened maps of all runs and layers at once may be large
    groups = [layers] if probe.pooling == "mean" else [[layer] for layer in layers]
    of_data = _of_data(subjects)
    pairs, alike = [], of_data
    for group in groups:
        features = [_features(probe, subject, layers, images, group, with_untrained, seed) for subject in alike]
        alike = [subject for subject, found in zip(alike, features, strict=True) if found is not None]
        pairs += _pairs(alike, [found for found in features if found is not None])
    remarks = _remarks(subjects, of_data, alike)
    if len(alike) < 2:
        return Findings(remarks=remarks)
    table, names = averaged(pairs), list(dict.fromkeys(subject.row for subject in alike))
    counts = ", ".join(f"{name} {sum(subject.row == name for subject in alike)}" for name in names)
    caption = (
        f"{probe.said(len(probe.rows(alike[0])))} Means over pairs of runs of different seeds; where there are "
        "none, of the same seed, which began with the same weights. On the diagonal, in bold: runs that differ in "
        f"their seed alone, the level of noise. Number of runs: {counts}."
    )
    return Findings(
        tables={"runs": table},
        figures={"runs": runs_figure(matrices(table, layers, names), names, with_untrained)},
        captions={"runs": caption},
        remarks=remarks,
    )


def _of_data(subjects: Sequence[Subject]) -> list[Subject]:
    """The runs on the data of the first one: images of other data may have the same names."""
    prints = [subject.run.read_data()["fingerprint"] for subject in subjects]
    return [subject for subject, own in zip(subjects, prints, strict=True) if own == prints[0]]


def _images(probe: Probe, subject: Subject) -> tuple[list[str], list[int]]:
    """Names and labels of the images of the split, of which the probe chooses."""
    return subject.names(probe.split), subject.labels(probe.split).tolist()


def _remarks(subjects: Sequence[Subject], of_data: Sequence[Subject], alike: Sequence[Subject]) -> tuple[str, ...]:
    """Which runs were left out."""
    others = "; ".join(subject.label for subject in subjects if subject not in of_data)
    remarks = [f"Left out, for other data than those of {subjects[0].label}: {others}."] if others else []
    if left_out := len(of_data) - len(alike):
        remarks.append(f"{left_out} runs with other images or other layers are left out.")
    return tuple(remarks)


class _Features(NamedTuple):
    """Of one run, by layer."""

    trained: Mapping[str, NDArray[Any]]
    untrained: Mapping[str, NDArray[Any]] | None


def _features(
    probe: Probe,
    subject: Subject,
    layers: Sequence[str],
    images: tuple[list[str], list[int]],
    wanted: Sequence[str],
    with_untrained: bool,
    seed: int,
) -> _Features | None:
    """What the wanted layers put out; None for a run that has not all the layers, or not the images."""
    try:
        if _images(probe, subject) != images or probe.layers_in(subject) != layers:
            return None
        trained = probe.features(subject, subject.model(), wanted)
        return _Features(trained, probe.features(subject, untrained(subject, seed), wanted) if with_untrained else None)
    finally:
        subject.forget()


def _pairs(subjects: Sequence[Subject], features: Sequence[_Features]) -> list[dict[str, Any]]:
    """One entry per layer and pair of runs, and one per layer and run for the untrained network."""
    entries: list[dict[str, Any]] = []

    def enter(layer: str, one: Subject, other: str, same: bool, values: Mapping[str, float]) -> None:
        entries.append({"layer": layer, "row": one.row, "other": other, "same_seed": same, **values})

    for layer in features[0].trained if features else ():
        of_runs = [of.trained[layer] for of in features]
        forms = {form: cka_matrix(of_runs, of_runs, debiased) for form, debiased in FORMS.items()}
        for (i, one), (j, other) in combinations(enumerate(subjects), 2):
            enter(layer, one, other.row, one.seed == other.seed, _cells(forms, i, j))
        for i, of in enumerate(features):
            if of.untrained is not None:
                ends = {form: cka_matrix([of_runs[i]], [of.untrained[layer]], is_) for form, is_ in FORMS.items()}
                enter(layer, subjects[i], UNTRAINED, False, _cells(ends, 0, 0))
    return entries


def _cells(forms: Mapping[str, NDArray[np.float64]], i: int, j: int) -> dict[str, float]:
    return {form: float(matrix[i, j]) for form, matrix in forms.items()}


def averaged(pairs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Mean and standard deviation (ddof 1; of pairs that share runs, so it is too small for an interval) over pairs.

    Args:
        pairs: ``layer, row, other, same_seed, cka, biased`` of each; the order of ``row`` and ``other`` means nothing.

    Returns:
        One row per layer and unordered pair of rows of the sweep, for equal and for different seeds: ``layer, row,
        other, same_seed, pairs, cka, sd, biased``.
    """
    table = pd.DataFrame(pairs)
    names = list(dict.fromkeys([*table["row"], *table["other"]]))
    place = {name: (name == UNTRAINED, i) for i, name in enumerate(names)}
    swap = [place[a] > place[b] for a, b in zip(table["row"], table["other"], strict=True)]
    table.loc[swap, ["row", "other"]] = table.loc[swap, ["other", "row"]].to_numpy()
    grouped = table.groupby(["layer", "row", "other", "same_seed"], sort=False)
    found = grouped.agg(pairs=("cka", "size"), cka=("cka", "mean"), sd=("cka", "std"), biased=("biased", "mean"))
    return found.reset_index()[_COLUMNS]


def matrices(table: pd.DataFrame, layers: Sequence[str], names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """(M, M + 1) of each layer: rows of the sweep with each other and with untrained networks; NaN without a pair.

    Args:
        table: As `averaged` returns it; pairs of equal seeds count only where there are no others.
        layers: L names.
        names: (M,) rows of the sweep.
    """
    found = {}
    for layer in layers:
        matrix = np.full((len(names), len(names) + 1), np.nan)
        mine = table[table["layer"] == layer].sort_values("same_seed", ascending=False)  # different seeds come last
        for entry in mine.itertuples():
            i = names.index(entry.row)
            j = len(names) if entry.other == UNTRAINED else names.index(entry.other)
            matrix[i, j] = entry.cka
            if j < len(names):
                matrix[j, i] = entry.cka
        found[layer] = matrix
    return found
