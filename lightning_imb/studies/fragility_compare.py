"""Study ``fragility`` over several runs, and a run beside its balanced twin."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.analysis.feature_overlap import overlap
from lightning_imb.analysis.top_features import ABSENT, shares
from lightning_imb.reports.analysis.diversity_figure import measures_by_class_figure
from lightning_imb.reports.analysis.overlap_figure import overlap_figure
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.fragility_figures import Drawn
from lightning_imb.studies.fragility_views import WHAT, units_of
from lightning_imb.studies.subject import Subject

MAX_LINES, MAX_RUNS = 8, 40  # that a figure has room for
_RANKED = ["class", "class_name", "rank", "magnitude", "share"]
Run = tuple[Subject, Findings]
PANELS = {
    "diversity_b_train": "effective number\nof features (train)",
    "excess_abs_log_r_tp": "mean |log R| (test / train)\nbeyond chance",
    "magnitude_train_tp": "mean magnitude\nof top K (train)",
    "recall": "recall on test",
}


def compare_runs(subjects: Sequence[Subject], found: Sequence[Findings], kinds: Sequence[str]) -> Findings | None:
    """Compare runs class by class, and by the identity of features where they share the extractor.

    Units of two networks that were trained apart have nothing in common but their number, so their indices are not
    compared.

    Args:
        subjects: Runs.
        found: What `Fragility.look` found in each.
        kinds: Kinds of embeddings; figures show the first. A kind that a run does not have is left out.

    Returns:
        None where fewer than two runs have the same classes, or no kind in common.
    """
    same = [i for i, subject in enumerate(subjects) if subject.class_names == subjects[0].class_names]
    runs = [(subjects[i], found[i]) for i in same]
    kinds = [kind for kind in kinds if all(kind in set(_final(f, "classes")["embedding"]) for _, f in runs)]
    if len(runs) < 2 or not kinds:
        return None
    names = subjects[0].class_names
    measures = _means(runs, "classes", ["class"], names)
    magnitudes = _means(runs, "top_features", ["class", "rank"], names)[["embedding", "row", *_RANKED]]
    rows = list(dict.fromkeys(measures["row"]))
    shared, drawn = _shared_extractor(runs, kinds)
    both = _by_class(subjects[0], measures, rows[:MAX_LINES], kinds[0]), drawn
    return Findings(
        tables={"models_by_class": measures, "models_sorted_magnitudes": magnitudes} | shared,
        figures={name: figure for part in both for name, figure in part.figures.items()},
        captions={name: text for part in both for name, text in part.captions.items()},
        remarks=_left_out(len(subjects) - len(same), rows, drawn) + _unequal(runs),
    )


def twin_table(own: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Measures of each class in two trainings side by side, those of the twin with ``twin_`` before their names.

    Args:
        own: (C rows) of one kind of embedding, as `Seen.classes` has them.
        other: The same of the twin.
    """
    said = ["embedding", "class", "class_name"]
    twin = other.drop(columns=[*said, "stage"]).add_prefix("twin_")
    return pd.concat([own.drop(columns="stage"), twin], axis=1)


def sorted_differences(own: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """How far the sorted magnitudes of each class are from those of the twin, whatever their indices.

    Args:
        own: (C, K) magnitudes of the top features, largest first; NaN for a class without.
        other: (C, K) the same of the twin.

    Returns:
        ``twin_log_magnitude``: (C,) mean over ranks of log(own / twin), 0 for equal magnitudes, NaN where one is 0.
        ``twin_share_distance``: (C,) half the sum of the absolute differences of their shares, 0 to 1.
    """
    ratio = own / np.where(other > 0, other, np.nan)
    logs = np.log(np.where(ratio > 0, ratio, np.nan)).mean(axis=1)
    return {"twin_log_magnitude": logs, "twin_share_distance": np.abs(shares(own) - shares(other)).sum(axis=1) / 2}


def measures_drawn(subject: Subject, tables: Mapping[str, pd.DataFrame], kind: str, name: str, caption: str) -> Drawn:
    """Draw measures of the classes of several trainings, a line each."""
    panels = {
        axis: {line: table[measure].to_numpy(dtype=np.float64) for line, table in tables.items()}
        for measure, axis in PANELS.items()
    }
    title = f"Features of the classes: {WHAT[kind]}"
    figure = measures_by_class_figure(panels, subject.class_names, subject.train_counts, title)
    return Drawn({name: figure}, {name: f"{caption} {subject.protocol}."})


def _final(found: Findings, name: str) -> pd.DataFrame:
    table = found.tables[name].query("stage == 'after'")
    return table.query("split == 'train'") if "split" in table else table


def _means(runs: Sequence[Run], name: str, by: Sequence[str], class_names: Sequence[str]) -> pd.DataFrame:
    """Means over the seeds of each row of all that is a number in a table of the runs."""
    table = pd.concat([_final(found, name).assign(row=subject.row) for subject, found in runs])
    keys = ["embedding", "row", *by]
    means = table.groupby(keys, sort=False).mean(numeric_only=True).reset_index()
    # not from the tables: read back from disk, a name such as "7" is a number
    return means.assign(class_name=[class_names[c] for c in means["class"]])[
        [*keys[:3], "class_name", *means.columns.drop(keys[:3])]
    ]


def _by_class(subject: Subject, measures: pd.DataFrame, rows: Sequence[str], kind: str) -> Drawn:
    of_kind = measures[measures["embedding"] == kind]
    lines = {row: of_kind[of_kind["row"] == row] for row in rows}
    caption = "Final networks, means over seeds."
    return measures_drawn(subject, lines, kind, "models_by_class", caption)


def _shared_extractor(runs: Sequence[Run], kinds: Sequence[str]) -> tuple[dict[str, pd.DataFrame], Drawn]:
    """Overlap of the top features of runs that share the extractor; nothing where no two do."""
    digests = [_units(subject) for subject, _ in runs]
    related = [(run, digest) for run, digest in zip(runs, digests, strict=True) if digests.count(digest) > 1]
    if not related:
        return {}, Drawn({}, {})
    labels = [subject.label for (subject, _), _ in related]
    apart = np.array([[a != b for _, b in related] for _, a in related]) | np.eye(len(related), dtype=bool)
    matrices = {}
    for kind in kinds:
        identities = [_identities(found, kind, subject.num_classes) for (subject, found), _ in related]
        shared = np.array([[_mean_overlap(a, b) for b in identities] for a in identities])
        matrices[kind] = np.where(apart, np.nan, shared)
    table = pd.concat([_pairs(kind, labels, matrix) for kind, matrix in matrices.items()], ignore_index=True)
    return {"models_overlap": table}, _overlap_drawn(matrices[kinds[0]], labels, kinds[0])


def _units(subject: Subject) -> str:
    digest = units_of(subject, "after")
    subject.forget()  # or the networks of all runs would stay
    return digest


def _overlap_drawn(matrix: NDArray[np.float64], labels: Sequence[str], kind: str) -> Drawn:
    title = f"Top features that runs share: {WHAT[kind]}"
    figure = overlap_figure(matrix[:MAX_RUNS, :MAX_RUNS], labels[:MAX_RUNS], title, "run")
    cut = f" The first {MAX_RUNS} of {len(labels)} runs." if len(labels) > MAX_RUNS else ""
    caption = f"Training images, mean over classes; grey where two runs have different extractors.{cut}"
    return Drawn({"models_overlap": figure}, {"models_overlap": caption})


def _identities(found: Findings, embedding: str, classes: int) -> NDArray[np.int64]:
    """T_c of training out of a table, (C, K); -1 for classes that are not in it."""
    table = _final(found, "top_features").query("embedding == @embedding")
    features = np.full((classes, int(table["rank"].max())), ABSENT)
    features[table["class"], table["rank"] - 1] = table["feature"]
    return features


def _mean_overlap(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    shared = overlap(a, b)
    known = shared[~np.isnan(shared)]
    return float(known.mean()) if len(known) else float("nan")


def _pairs(embedding: str, labels: Sequence[str], matrix: NDArray[np.float64]) -> pd.DataFrame:
    """Each pair of runs that share the extractor, once."""
    first, second = np.nonzero(np.triu(~np.isnan(matrix), k=1))
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    rows = [(embedding, labels[a], labels[b], matrix[a, b]) for a, b in pairs]
    return pd.DataFrame(rows, columns=["embedding", "run", "other_run", "overlap"])


def _left_out(others: int, rows: Sequence[str], drawn: Drawn) -> tuple[str, ...]:
    remarks = {
        f"{others} runs with other classes are left out.": others > 0,
        f"The figure shows the first {MAX_LINES} of {len(rows)} rows; the table holds all of them.": len(rows)
        > MAX_LINES,
        "No two runs share their extractor, so the identity of features is not compared.": not drawn.figures,
    }
    return tuple(remark for remark, holds in remarks.items() if holds)


def _unequal(runs: Sequence[Run]) -> tuple[str, ...]:
    sizes = sorted({size for _, found in runs for size in _final(found, "classes")["matched_rows"].tolist()})
    if len(sizes) == 1:
        return ()
    return (
        f"diversity_c_matched is of {sizes[0]} to {sizes[-1]} rows per class, by run: no comparison between runs; "
        "set matched_rows to one number for all.",
    )
