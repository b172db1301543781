"""The agreement of heat maps with marked regions as numbers, tables, a figure and remarks."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd

from lightning_imb.analysis.alignment_table import (
    ALL_IMAGES,
    FOUND,
    MEAN_OF_CLASSES,
    POSITIVES,
    alignment_table,
    headline,
)
from lightning_imb.analysis.region_bank import RegionBank
from lightning_imb.reports.analysis.alignment_figure import alignment_figure
from lightning_imb.settings import first_of
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.subject import Subject

Entry: TypeAlias = dict[str, str | int | float]
"""One map: ``stage, method, row, name, label, predicted`` (class indices), and what `image_entry` gives."""

NO_REGIONS = "the data mark no regions in these images (masks or boxes): there is nothing to compare the maps with"


def alignment_findings(
    entries: Sequence[Mapping[str, str | int | float]], subject: Subject, bank: RegionBank, protocol: str, draws: int
) -> Findings:
    """Sum up the maps of one run.

    Args:
        entries: One per stage, method and image with a region.
        subject: The run.
        bank: All regions of the split.
        protocol: What the caption says of split, target and protocol.
        draws: Regions that made the level of chance.
    """
    if not entries:
        return Findings(numbers={"saliency/images": 0.0}, remarks=(NO_REGIONS,))
    images = pd.DataFrame(entries)
    table = _by_stage_and_method(images, subject.class_names)
    after = table[table["stage"] == "after"]
    compared = images["row"].nunique()
    caption = (
        f"{compared} images with a marked region. {protocol} Black line, chance: the same maps with the regions of up "
        f"to {draws} other images of the class. Dotted line: a map of ones."
    )
    return Findings(
        numbers={"saliency/images": float(compared)} | _numbers(table),
        tables={"alignment": table, "images": _named(images, subject.class_names)},
        figures={"alignment": alignment_figure(after, subject.class_names, subject.train_counts)},
        captions={"alignment": caption},
        remarks=(*_left_out(subject, bank, compared), *_not_defined(after)),
    )


def _by_stage_and_method(images: pd.DataFrame, class_names: Sequence[str]) -> pd.DataFrame:
    tables = []
    for (stage, method), maps in images.groupby(["stage", "method"], sort=False):
        table = alignment_table(maps, class_names)
        table.insert(0, "method", str(method))
        table.insert(0, "stage", str(stage))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _numbers(table: pd.DataFrame) -> dict[str, float]:
    """Headlines of every stage and method; those of the final network carry no name of a stage."""
    return {
        f"saliency/{'' if stage == 'after' else f'{stage}/'}{method}/{name}": value
        for (stage, method), part in table.groupby(["stage", "method"], sort=False)
        for name, value in headline(part).items()
    }


def _named(images: pd.DataFrame, class_names: Sequence[str]) -> pd.DataFrame:
    """Entries with names in place of class indices."""
    names = np.array(class_names, dtype=object)
    return images.assign(label=names[images["label"]], predicted=names[images["predicted"]])


def _left_out(subject: Subject, bank: RegionBank, compared: int) -> list[str]:
    """How many images are not in the scores, and why."""
    remarks = []
    if without := bank.without:
        by_class = ", ".join(f"{subject.class_names[k]} {n}" for k, n in sorted(without.items()))
        remarks.append(f"{sum(without.values())} images have no marked region and are left out ({by_class})")
    if compared < len(bank):
        remarks.append(f"{compared} of {len(bank)} images with a marked region were compared (max_images)")
    return remarks


def _not_defined(after: pd.DataFrame) -> list[str]:
    """Which classes have no true positive, and which no level of chance."""
    first = after[(after["measure"] == "iou") & (after["method"] == after["method"].iloc[0])]
    classes = first[~first["class"].isin([ALL_IMAGES, MEAN_OF_CLASSES])]
    found, every = (classes[classes["group"] == group] for group in (FOUND, POSITIVES))
    missed = found.loc[found["images"] == 0, "class"].tolist()
    alone = every.loc[every["chance"].isna(), "class"].tolist()
    said = {
        "no true positive among the images with a region": missed,
        "one image with a region, so no chance level": alone,
    }
    return [f"classes with {what}: {first_of(names)}" for what, names in said.items() if names]
