"""What a dissection of layers says: numbers, tables, the figure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.analysis.concept_count import count_summary
from lightning_imb.analysis.concept_masks import ConceptMasks
from lightning_imb.analysis.dissect import DissectedLayer
from lightning_imb.analysis.dissection import Detectors, detectors
from lightning_imb.reports.analysis.dissection_figure import dissection_figure
from lightning_imb.studies.concepts import Concepts
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.subject import Subject

_NAN = float("nan")


class Measured(NamedTuple):
    """How a dissection was measured.

    Attributes:
        quantile: Of the activations of a unit, above which it is on.
        threshold: IoU above which a unit is a detector.
        protocol: In words, for the caption.
    """

    quantile: float
    threshold: float
    protocol: str


def dissection_findings(
    found: Mapping[str, DissectedLayer],
    concepts: Concepts,
    subject: Subject,
    labels: NDArray[np.int64],
    how: Measured,
) -> Findings:
    """Sum up the dissection of some layers.

    Args:
        found: By layer.
        concepts: Of the images.
        subject: The run.
        labels: (N,) classes of the images.
        how: How it was measured.
    """
    names = concepts.masks.names
    numbers = {"bacc": float(subject.run.read_metrics()["test/bacc"])}
    per_concept, per_unit, counts = [], [], []
    for layer, result in found.items():
        best = detectors(result.iou, how.threshold)
        by_chance = [detectors(iou, how.threshold) for iou in result.shuffled]
        concept_rows = _concepts(result, best, by_chance, how, concepts.masks)
        per_concept += [{"layer": layer, **row} for row in concept_rows]
        per_unit.append(_units(layer, result, best, names, how.threshold))
        counts += [{"layer": layer, **row} for row in _counts(result.counts, labels, subject.class_names)]
        numbers |= {
            f"dissection/{layer}/{name}": value for name, value in _numbers(best, by_chance, concept_rows).items()
        }
        if counts and counts[-1]["layer"] == layer:
            numbers[f"dissection/{layer}/concept_count"] = counts[-1]["mean"]
    tables = {"concepts": pd.DataFrame(per_concept), "units": pd.concat(per_unit, ignore_index=True)}
    draws = len(next(iter(found.values())).shuffled)
    caption = (
        f"{how.protocol}. Chance: the best unit, and the number of detectors, with the masks of other images, mean and "
        f"range of {draws} shuffles. Protocol of the run: {subject.protocol}, balanced accuracy {numbers['bacc']:.3f}."
    )
    return Findings(
        numbers=numbers,
        tables=tables | ({"concept_counts": pd.DataFrame(counts)} if counts else {}),
        figures={"concepts": dissection_figure(tables["concepts"], how.threshold)},
        captions={"concepts": caption},
        remarks=(*concepts.remarks, *_doubtful_names(concepts, how.quantile)),
    )


def _doubtful_names(concepts: Concepts, quantile: float) -> tuple[str, ...]:
    """A remark where units are on in too few pixels for their IoU to tell regions from the regions of a class.

    Where units are on in few pixels, an IoU is about the share of the concept that they cover: that of all regions then
    lies between those of the classes for units that know no classes.
    """
    if len(concepts.regions) < 2:
        return ()
    masks, region = concepts.masks, concepts.regions[0]
    filled = masks.area(region) * float(masks.annotated[:, region].mean())
    if 1 - quantile >= filled / 2:
        return ()
    return (
        f"Units are on in {1 - quantile:.2g} of all pixels, of which '{masks.names[region]}' fills {filled:.2g}: "
        "whether a unit is named after it or after that of a class may rest on the sizes of regions, not on the unit; "
        f"quantile={1 - filled:.2g} tells them apart.",
    )


def _concepts(
    result: DissectedLayer, best: Detectors, by_chance: list[Detectors], how: Measured, masks: ConceptMasks
) -> list[dict[str, Any]]:
    """One row per concept: its best unit, and the units that detect it."""
    iou = np.nan_to_num(result.iou)
    shuffled = np.nan_to_num(result.shuffled).max(axis=1, initial=0.0)  # (R, C), the best unit of each shuffle
    rows = []
    for c, name in enumerate(masks.names):
        chance_units = [_detecting(draw, c, how.threshold) for draw in by_chance]
        rows.append(
            {
                "concept": name,
                "images": int(masks.annotated[:, c].sum()),
                "showing": masks.showing(c),
                "area": masks.area(c),
                "ceiling": masks.ceiling(c, 1 - how.quantile),
                "best_unit": int(iou[:, c].argmax()),
                "iou": float(iou[:, c].max()),
                **_spread("iou_chance", shuffled[:, c]),
                "detectors": _detecting(best, c, how.threshold),
                **_spread("detectors_chance", np.asarray(chance_units, dtype=np.float64)),
            }
        )
    return rows


def _detecting(found: Detectors, concept: int, threshold: float) -> int:
    return int(((found.concept == concept) & (found.iou > threshold)).sum())


def _spread(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Mean and range over the shuffles; NaN without any."""
    if not len(values):
        return dict.fromkeys((name, f"{name}_min", f"{name}_max"), _NAN)
    return {name: float(values.mean()), f"{name}_min": float(values.min()), f"{name}_max": float(values.max())}


def _units(
    layer: str, result: DissectedLayer, best: Detectors, names: tuple[str, ...], threshold: float
) -> pd.DataFrame:
    """One row per unit: what it detects best, and its IoU with every concept."""
    table = pd.DataFrame(
        {
            "layer": layer,
            "unit": np.arange(len(best.iou)),
            "threshold": result.thresholds,
            "concept": [names[c] if c >= 0 else "none" for c in best.concept],
            "iou": best.iou,
            "detector": best.iou > threshold,
        }
    )
    every = pd.DataFrame(result.iou, columns=[f"iou/{name}" for name in names])
    return pd.concat([table, every], axis=1)


def _counts(counts: NDArray[np.int64] | None, labels: NDArray[np.int64], names: list[str]) -> list[dict[str, Any]]:
    """Concepts inside the regions by class, and of all images last; none where nothing was counted."""
    if counts is None or not (counts >= 0).any():
        return []
    marked = counts >= 0
    groups = [(names[c], marked & (labels == c)) for c in np.unique(labels[marked])]
    return [{"class": name, **count_summary(counts[rows])} for name, rows in [*groups, ("all", marked)]]


def _numbers(best: Detectors, by_chance: list[Detectors], rows: list[dict[str, Any]]) -> dict[str, float]:
    numbers = {"detectors": float(best.units), "unique_detectors": float(best.unique)}
    if by_chance:
        numbers["detectors_chance"] = float(np.mean([draw.units for draw in by_chance]))
        numbers["unique_detectors_chance"] = float(np.mean([draw.unique for draw in by_chance]))
    for row in rows:
        numbers[f"{row['concept']}/iou"] = row["iou"]
        numbers[f"{row['concept']}/above_chance"] = row["iou"] - row["iou_chance"]
    return numbers
