"""The parts of study ``fragility``, each with its numbers, tables and figures."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.analysis.archetypes import ARCHETYPES, NEIGHBOURS
from lightning_imb.analysis.class_measures import smallest_class
from lightning_imb.analysis.class_profiles import EmbeddingKind
from lightning_imb.analysis.density import density_ratio
from lightning_imb.analysis.head_change import head_change
from lightning_imb.analysis.top_features import at_features
from lightning_imb.runs import RunFolder
from lightning_imb.studies import fragility_figures as drawing
from lightning_imb.studies import fragility_tables as tables
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.fragility_compare import measures_drawn, sorted_differences, twin_table
from lightning_imb.studies.fragility_views import Reading, Seen, View, embedded_split, profiles, see, units_of
from lightning_imb.studies.subject import Stage, Subject
from lightning_imb.utils.errors import InputError

MAX_NAMES = 5  # of classes in a remark


def features_part(subject: Subject, kinds: Sequence[EmbeddingKind], reading: Reading) -> Findings:
    """Features of each class by stage and kind of embedding; figures show the final network, mostly the first kind."""
    wanted = [View(stage, kind) for stage in subject.stages for kind in _possible(subject, stage, kinds)]
    views = {view: see(subject, view, reading) for view in subject.track(wanted, "features of the classes")}
    classes = tables.classes_table(views, _same_extractor(subject))
    overlaps = {view: tables.class_overlap(seen, view) for view, seen in views.items()}
    numbers = _bacc(views)
    for view, matrix in overlaps.items():
        mine = classes[(classes["stage"] == view.stage) & (classes["embedding"] == view.kind)]
        numbers |= tables.view_numbers(view, mine, _mean(matrix))
    made = {
        "classes": classes,
        "top_features": tables.top_features_table(subject, views),
        "match": tables.match_table(subject, views),
    }
    final = {view: seen for view, seen in views.items() if view.stage == "after"}
    first = next(iter(final))
    drawn = [drawing.top_features_drawn(subject, view, seen) for view, seen in final.items()]
    drawn.append(drawing.view_drawn(subject, first, final[first], numbers, reading.repetitions))
    pictures = [Findings(figures=part.figures, captions=part.captions) for part in drawn]
    shared = _shared_part(subject, {view: overlaps[view] for view in final}, reading.top)
    return joined([Findings(numbers, made, remarks=_remarks(subject, kinds, final[first])), *pictures, shared])


def _shared_part(subject: Subject, overlaps: Mapping[View, NDArray[np.float64]], top: int) -> Findings:
    """Features that classes of the final network share."""
    shown = {view: drawing.overlaps_from_head_to_tail(subject, matrix) for view, matrix in overlaps.items()}
    closest = [tables.closest_classes(subject, view.kind, matrix) for view, matrix in overlaps.items()]
    made = {
        "class_overlap": pd.concat([tables.overlaps_table(view.kind, found) for view, found in shown.items()]),
        "closest_classes": pd.concat(closest),
    }
    first = next(iter(shown))
    return Findings({}, made, *drawing.overlap_drawn(subject, shown[first], first, top))


def density_part(subject: Subject, reading: Reading, reference: str | None) -> Findings:
    """How often training rows of each class have the features of a reference class among their own.

    Raises:
        InputError: There is no such class.
    """
    r = int(np.argmax(subject.train_counts)) if reference is None else _position(subject, reference)
    found = profiles(subject, View("after", "fe"), "train", reading)
    features = found.top_features("fe")[r]
    ratios = density_ratio(found.contained, found.rows, features, r)
    others = np.delete(ratios.rate, r, axis=0)
    drawn = drawing.density_drawn(subject, ratios, features, r)
    numbers = {"fragility/density_rate": _mean(others)}
    return Findings(numbers, {"density": tables.density_table(subject, ratios, features)}, *drawn)


def archetypes_part(subject: Subject) -> Findings:
    """Safe, border, rare and outlier training images of each class."""
    rows = len(subject.labels("train"))
    if rows <= NEIGHBOURS:
        return Findings(remarks=(f"{rows} training images are too few for archetypes by {NEIGHBOURS} neighbours.",))
    table = tables.archetypes_table(subject)
    numbers = {f"fragility/{kind}": float(table[f"{kind}_share"].mean()) for kind in ARCHETYPES}
    return Findings(numbers, {"archetypes": table})


def head_part(subject: Subject) -> Findings:
    """How far the head of the final network is from that before."""
    if subject.head("before") is None or subject.head("after") is None:
        return Findings(remarks=("The change of the head is left out: it has no single vector per class.",))
    before, after = (embedded_split(subject, stage, "train").vectors for stage in ("before", "after"))
    change = head_change(before, after)
    numbers = {"fragility/head_change": change.relative, "fragility/head_frobenius": change.frobenius}
    remark = f"{change.zeros} weights that were 0 are left out of the relative change of the head."
    return Findings(
        numbers, {"head_change": tables.head_table(subject, change)}, remarks=(remark,) * (change.zeros > 0)
    )


def twin_part(subject: Subject, folder: str, kinds: Sequence[EmbeddingKind], reading: Reading) -> Findings:
    """The same classes in a run on balanced data.

    Raises:
        InputError: The folder is no finished run, or its classes are others.
    """
    run = RunFolder.open_finished(folder)
    twin = Subject(run, subject.device, subject.batch_size, subject.root, quiet=subject.quiet)
    if twin.class_names != subject.class_names:
        raise InputError(f"twin={folder} has other classes than {subject.run.path}; give a run on the same classes.")
    both = [kind for kind in _possible(subject, "after", kinds) if kind in _possible(twin, "after", kinds)]
    if not both:
        return Findings(remarks=("The twin is left out: it has none of the embeddings asked for.",))
    made: list[pd.DataFrame] = []
    numbers: dict[str, float] = {}
    for kind in both:
        view = View("after", kind)
        own = see(subject, view, reading)
        size = reading.matched_rows or smallest_class(own.train, own.test)
        other = see(twin, view, reading._replace(matched_rows=size))
        differences = sorted_differences(*(_sorted_magnitudes(seen, view) for seen in (own, other)))
        made.append(twin_table(own.classes, other.classes).assign(**differences))
        numbers |= {f"{view.prefix}{name}": _mean(np.abs(values)) for name, values in differences.items()}
    lines = {"this run": made[0], "twin": made[0].filter(regex="^twin_").rename(columns=_untwinned)}
    caption = f"This run ({subject.label}) and the twin ({twin.label}), final networks."
    return Findings(numbers, {"twin": pd.concat(made)}, *measures_drawn(subject, lines, both[0], "twin", caption))


def joined(parts: Sequence[Findings]) -> Findings:
    """Everything that parts found, in their order."""
    return Findings(
        numbers={name: value for part in parts for name, value in part.numbers.items()},
        tables={name: table for part in parts for name, table in part.tables.items()},
        figures={name: figure for part in parts for name, figure in part.figures.items()},
        captions={name: text for part in parts for name, text in part.captions.items()},
        remarks=tuple(remark for part in parts for remark in part.remarks),
    )


def _possible(subject: Subject, stage: Stage, kinds: Sequence[EmbeddingKind]) -> list[EmbeddingKind]:
    """Kinds of embeddings that the head of a stage allows; the features are always there."""
    if subject.head(stage) is not None:
        return list(kinds)
    return ["fe"]


def _same_extractor(subject: Subject) -> bool:
    return len({units_of(subject, stage) for stage in subject.stages}) == 1


def _position(subject: Subject, name: str) -> int:
    if name not in subject.class_names:
        raise InputError(
            f"reference={name} is no class of this run; give one of {', '.join(subject.class_names[:10])}."
        )
    return subject.class_names.index(name)


def _bacc(views: Mapping[View, Seen]) -> dict[str, float]:
    """Balanced accuracy on test by stage: a mean over the classes that are there."""
    recalls = {view.stage: seen.classes["recall"].mean() for view, seen in views.items()}
    return {"bacc" if stage == "after" else f"{stage}/bacc": float(recalls[stage]) for stage in reversed(recalls)}


def _sorted_magnitudes(seen: Seen, view: View) -> NDArray[np.float64]:
    return at_features(seen.train.magnitude(view.kind), seen.train.top_features(view.kind))


def _untwinned(column: str) -> str:
    return column.removeprefix("twin_")


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _remarks(subject: Subject, kinds: Sequence[EmbeddingKind], seen: Seen) -> tuple[str, ...]:
    head, names = subject.head(), seen.classes["class_name"]
    size, top = int(seen.classes["matched_rows"].iloc[0]), seen.train.top
    lacking, unseen = (names[profiles.right == 0].tolist() for profiles in (seen.train, seen.test))
    remarks = {
        "CE are left out: the head has no single vector per class.": head is None and "ce" in kinds,
        "The head is a cosine head: features (FE, CE, archetypes) and weights are normalised, the weights times its "
        "scale.": head is not None and head.kind == "cosine",
        "Features may be negative (no ReLU before the head): FE are ranked by their mean as they are.": bool(
            subject.embeddings("train").min() < 0
        ),
        f"No true positive in training: {_some(lacking)}; CE of these classes are empty.": bool(lacking),
        f"No true positive in test: {_some(unseen)}; R of true positives is empty there.": bool(unseen),
        f"diversity_c_matched is of {size} rows per class, fewer than 2 K = {2 * top}, and tells little; set "
        "matched_rows higher, which leaves smaller classes out.": size < 2 * top,
        "The extractor was trained on: features before and after are not compared by identity.": not _same_extractor(
            subject
        ),
    }
    return tuple(remark for remark, holds in remarks.items() if holds)


def _some(names: Sequence[str]) -> str:
    rest = len(names) - MAX_NAMES
    return ", ".join(map(str, names[:MAX_NAMES])) + (f" and {rest} more" if rest > 0 else "")
