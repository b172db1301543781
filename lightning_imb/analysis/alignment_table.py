"""Alignment of many maps summed up: per class, over all images, over all classes; always beside chance."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.analysis.alignment import Alignment, align
from lightning_imb.analysis.region_bank import RegionBank

ALL_IMAGES = "(all images)"
MEAN_OF_CLASSES = "(mean of classes)"
POSITIVES, FOUND, MISSED = "positives", "true positives", "false negatives"
GROUPS = (POSITIVES, FOUND, MISSED)
SOFT = ("iou", "iobb", "ior")
OVERLAPS = (*SOFT, *(f"hard_{name}" for name in SOFT))
MEASURES = (*OVERLAPS, "pointing", "pointing_macro")
VALUES = ("score", "chance", "above_chance", "constant", "above_constant")


def image_entry(
    heat: NDArray[Any], bank: RegionBank, row: int, draws: int, threshold: float, top: int
) -> dict[str, float]:
    """The scores of one map with the region of its image, and with regions of other images of the class.

    Args:
        heat: (H, W) in [0, 1].
        bank: Holds the region of the image, and those of the others.
        row: Which image.
        draws: How many other regions make the level of chance.
        threshold: Of the hard measures.
        top: Of the pointing game.

    Returns:
        ``area`` (the region's share of the frame), ``points``, and each of `Alignment` with its mean over the draws as
        ``<name>_chance``, NaN where no other image of the class has a region.
    """
    region = bank.region(row)
    own = align(heat, region[None], threshold, top)
    other = align(heat, bank.others(row, draws), threshold, top)
    entry = {"area": float(region.mean()), "points": float(own.points)}
    for name in Alignment._fields[:-1]:
        drawn = getattr(other, name)
        entry[name] = float(getattr(own, name)[0])
        entry[f"{name}_chance"] = float(drawn.mean()) if len(drawn) else float("nan")
    return entry


def alignment_table(images: pd.DataFrame, class_names: Sequence[str]) -> pd.DataFrame:
    """Sum up the entries of the maps that one method made.

    Args:
        images: One row per map: ``label`` and ``predicted`` (class indices) and what `image_entry` gives.
        class_names: (K,).

    Returns:
        One row per class, then one over all images and one with the mean of the classes, times group (all maps of
        images with a region; those whose class the model predicts; those whose class it misses), times measure.
        Columns: ``class, group, measure, images, score, sd, chance, above_chance, constant, above_constant``.
        ``images`` counts maps; for ``pointing`` only those that are not zero everywhere. ``constant`` is what a map of
        ones scores: the region's share of the frame for IoU, IoR and pointing, 1 for IoBB.
    """
    rows: list[dict[str, Any]] = []
    right = images["label"] == images["predicted"]
    for group, maps in zip(GROUPS, (images, images[right], images[~right]), strict=True):
        by_class = {k: summed_up(maps[maps["label"] == k]) for k in sorted(images["label"].unique())}
        for k, scores in by_class.items():
            rows += _labelled(class_names[k], group, scores)
        rows += _labelled(ALL_IMAGES, group, summed_up(maps))
        rows += _labelled(MEAN_OF_CLASSES, group, _mean(list(by_class.values())))
    columns = ["class", "group", "measure", "images", "score", "sd", *VALUES[1:]]
    return pd.DataFrame(rows, columns=columns)


def summed_up(maps: pd.DataFrame) -> dict[str, dict[str, float]]:
    """All measures over some maps, by name, with the columns of `alignment_table`."""
    constant = {"iobb": np.ones(len(maps)), "hard_iobb": np.ones(len(maps))}
    found = {
        name: _of_maps(maps[name], maps[f"{name}_chance"], constant.get(name, maps["area"].to_numpy()))
        for name in OVERLAPS
    }
    found["pointing"] = _micro(maps[maps["points"] > 0])
    found["pointing_macro"] = _of_maps(maps["hit"], maps["hit_chance"], maps["area"].to_numpy())
    return found


def _of_maps(own: "pd.Series[float]", chance: "pd.Series[float]", constant: NDArray[Any]) -> dict[str, float]:
    """Means over maps; what is compared with chance are the maps that have one."""
    return {
        "images": float(len(own)),
        "score": float(own.mean()),
        "sd": float(own.std(ddof=1)),
        "chance": float(chance.mean()),
        "above_chance": float((own - chance).mean()),
        "constant": float(constant.mean()) if len(constant) else float("nan"),
        "above_constant": float((own - constant).mean()),
    }


def _micro(maps: pd.DataFrame) -> dict[str, float]:
    """Hits over points, both summed over maps that point somewhere."""
    drawn = maps[maps["hits_chance"].notna()]
    score, constant = _share(maps["hits"], maps["points"]), float(maps["area"].mean())
    chance = _share(drawn["hits_chance"], drawn["points"])
    return {
        "images": float(len(maps)),
        "score": score,
        "sd": float("nan"),
        "chance": chance,
        "above_chance": _share(drawn["hits"], drawn["points"]) - chance,
        "constant": constant,
        "above_constant": score - constant,
    }


def _share(hits: "pd.Series[float]", points: "pd.Series[float]") -> float:
    return float(hits.sum() / points.sum()) if len(points) else float("nan")


def _mean(classes: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Mean over the classes that have a value; the images are added up."""
    found: dict[str, dict[str, float]] = {}
    for name in MEASURES:
        table = pd.DataFrame([scores[name] for scores in classes])
        found[name] = {value: float(table[value].mean()) for value in VALUES}
        found[name] |= {"images": float(table["images"].sum()), "sd": float(table["score"].std(ddof=1))}
    return found


def _labelled(label: str, group: str, scores: Mapping[str, Mapping[str, float]]) -> Iterable[dict[str, Any]]:
    return [{"class": label, "group": group, "measure": name, **values} for name, values in scores.items()]


def headline(table: pd.DataFrame) -> dict[str, float]:
    """The numbers of a table that are worth a line each.

    Returns:
        For each soft measure and pointing game m: ``m`` and ``m_above_chance``, over all images. For IoU and the macro
        pointing game also ``m_tp_above_chance`` (images whose class the model predicts) and
        ``class_mean_m_above_chance``.
    """
    numbers: dict[str, float] = {}
    keys, values = table[["class", "group", "measure"]], table[["score", "above_chance"]]
    at = dict(zip(keys.itertuples(index=False, name=None), values.to_numpy(dtype=np.float64).tolist(), strict=True))
    for name in (*SOFT, "pointing", "pointing_macro"):
        numbers[name], numbers[f"{name}_above_chance"] = at[ALL_IMAGES, POSITIVES, name]
    for name in ("iou", "pointing_macro"):
        _, numbers[f"{name}_tp_above_chance"] = at[ALL_IMAGES, FOUND, name]
        _, numbers[f"class_mean_{name}_above_chance"] = at[MEAN_OF_CLASSES, POSITIVES, name]
    return numbers
