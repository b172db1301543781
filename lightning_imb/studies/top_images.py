"""Study ``top_images``: the images that excite single units of a network most."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.analysis.layers import read_maps
from lightning_imb.analysis.top_images import (
    VALUES,
    ClassValues,
    TopImages,
    spread_classes,
    unit_values,
    units_of_classes,
)
from lightning_imb.reports.analysis.top_images_figure import TopImage, UnitRow, top_images_figure
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.image_passes import SPLITS, chosen_batches, layers_of
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.checked import checked_choice, checked_number
from lightning_imb.utils.errors import InputError

FEATURES, SELECTIVE, GIVEN = "largest weight of the class", "most selective for the class", "named"


class Chosen(NamedTuple):
    """A unit that is shown.

    Attributes:
        unit: Its number in the layer.
        label: The class that it stands for; None for a unit that was named.
        score: Its weight or selectivity for the class; NaN for a unit that was named.
    """

    unit: int
    label: int | None
    score: float


@dataclass(frozen=True)
class TopActivations(Study):
    """The images with the strongest activation of single units, with the part of the image that excites them.

    Numbers: ``top_images/purity``: of the images that excite the unit of a class most, the share that is of the class,
    mean over the units that stand for a class; ``bacc`` of the run.

    Args:
        split: ``train``, ``val`` or ``test``.
        layer: ``auto`` (the last stage of the network), or a module inside the extractor.
        units: ``auto``: for classes from the largest to the smallest, the unit with the largest weight in the head, if
            the units of the layer, averaged over their positions, are what the head reads; else the unit whose mean
            for the class stands out most from that for the others. Or a list of units.
        n_units: Units shown with ``auto``.
        n_images: Images shown of each.
        value: What ranks images: the ``max`` or the ``mean`` of the unit's map.
        outline: The part of the image is outlined where the map is above this share of its maximum, in [0, 1].

    Raises:
        InputError: A setting out of range.

    Source:
        Zhou et al. 2015 (arXiv 1412.6856): units by the images that excite them. Which units are shown is our choice.
    """

    split: str
    layer: str
    units: str | Sequence[int]
    n_units: int
    n_images: int
    value: str
    outline: float

    name: ClassVar[str] = "top_images"
    title: ClassVar[str] = "Images that excite units most"
    reads_regions: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_choice("split", self.split, SPLITS)
        checked_choice("value", self.value, VALUES)
        if isinstance(self.units, str):
            checked_choice("units", self.units, ("auto",))
        checked_number("n_units", self.n_units, 1)
        checked_number("n_images", self.n_images, 1)
        checked_number("outline", self.outline, 0, 1)

    def look(self, subject: Subject) -> Findings:
        """Rank the images of one run: tables ``units`` and ``top_images``, figure ``top_images``."""
        layer = layers_of(subject, self.split, self.layer, "last")[0]
        top, values, are_features = self._ranked(subject, layer)
        chosen, reason = self._chosen(subject, values, are_features)
        units = _unit_table(chosen, top, subject, self.split, reason)
        bacc = float(subject.run.read_metrics()["test/bacc"])
        caption = (
            f"{self.split.capitalize()} images with the largest {self.value} of single units of layer {layer} (units: "
            f"{reason}); bright: where the unit is above {self.outline:g} of its maximum in the image; dashed: what "
            f"the data mark; dots: images of the class that the unit stands for. Protocol of the run: "
            f"{subject.protocol}, bacc {bacc:.3f}."
        )
        return Findings(
            numbers={"top_images/purity": float(units["purity"].mean()), "bacc": bacc},
            tables={"units": units, "top_images": _image_table(chosen, top, subject, self.split)},
            figures={"top_images": self._figure(subject, layer, chosen, top)},
            captions={"top_images": caption},
        )

    def _ranked(self, subject: Subject, layer: str) -> tuple[TopImages, ClassValues, bool]:
        """One pass: the top images of all units, sums by class, and whether the head reads the means of the units."""
        labels, extractor = subject.labels(self.split), subject.model().extractor_module
        top, values, are_features = None, None, False
        for batch in chosen_batches(subject, self.split, range(len(labels)), "ranking images"):
            maps = read_maps(extractor, [layer], batch.inputs)[layer]
            if top is None or values is None:
                top = TopImages(maps.shape[1], self.n_images)
                values = ClassValues(subject.num_classes, maps.shape[1])
                are_features = _are_features(maps, subject.embeddings(self.split)[batch.rows])
            found = unit_values(maps, self.value).cpu().numpy()
            top.add(found, batch.rows)
            values.add(found, labels[batch.rows])
        if top is None or values is None:
            raise InputError(f"split={self.split} has no images: choose another one")
        return top, values, are_features

    def _chosen(self, subject: Subject, values: ClassValues, are_features: bool) -> tuple[list[Chosen], str]:
        units = values.sum.shape[1]
        if not isinstance(self.units, str):
            if unknown := [unit for unit in self.units if not 0 <= unit < units]:
                raise InputError(f"units={unknown} are none of the layer, which has 0 to {units - 1}")
            return [Chosen(unit, None, float("nan")) for unit in self.units], GIVEN
        head = subject.head() if are_features else None
        scores = values.selectivity() if head is None else head.weight.astype(np.float64)
        pairs = units_of_classes(scores, spread_classes(subject.train_counts, self.n_units), self.n_units)
        reason = SELECTIVE if head is None else FEATURES
        return [Chosen(unit, c, float(scores[c, unit])) for c, unit in pairs], reason

    def _figure(self, subject: Subject, layer: str, chosen: Sequence[Chosen], top: TopImages) -> Figure:
        labels, extractor = subject.labels(self.split), subject.model().extractor_module
        wanted = np.unique(top.rows[[one.unit for one in chosen]])
        shown: dict[tuple[int, int], TopImage] = {}
        for batch in chosen_batches(subject, self.split, wanted.tolist(), "drawing images"):
            maps = read_maps(extractor, [layer], batch.inputs)[layer]
            large = F.interpolate(maps, size=batch.images.shape[2:], mode="bilinear", align_corners=False)
            for one in chosen:
                for i in np.flatnonzero(np.isin(batch.rows, top.rows[one.unit])):
                    row = int(batch.rows[i])
                    part = _above(large[i, one.unit], self.outline)
                    name = subject.class_names[int(labels[row])]
                    own = one.label is not None and int(labels[row]) == one.label
                    region = subject.region(self.split, row)
                    shown[one.unit, row] = TopImage(batch.images[i].numpy(), part, name, own, region)
        rows = [
            UnitRow(_heading(one, subject), [shown[one.unit, row] for row in top.rows[one.unit].tolist()])
            for one in chosen
        ]
        return top_images_figure(rows, f"Images that excite units of layer {layer} most")


def _are_features(maps: torch.Tensor, z: NDArray[np.float32]) -> bool:
    """Whether the embedding is the mean of each map, so that a weight of the head is that of a unit."""
    means = maps.mean(dim=(2, 3)).cpu().numpy()
    # runs in half precision have rounded embeddings
    return means.shape == z.shape and bool(np.allclose(means, z, rtol=0.05, atol=0.05 * float(np.abs(z).max())))


def _above(activation: torch.Tensor, share: float) -> NDArray[np.bool_]:
    """(H, W) where a map is above a share of its maximum; nowhere if it is nowhere positive."""
    highest = float(activation.max())
    return (activation > max(share * highest, 0.0)).cpu().numpy()


def _heading(one: Chosen, subject: Subject) -> str:
    return f"unit {one.unit}" if one.label is None else f"unit {one.unit}\nfor {subject.class_names[one.label]}"


def _unit_table(chosen: Sequence[Chosen], top: TopImages, subject: Subject, split: str, reason: str) -> pd.DataFrame:
    """One row per unit: the class it stands for, and the share of its top images of that class."""
    labels = subject.labels(split)
    rows = []
    for one in chosen:
        shown = labels[top.rows[one.unit]]
        rows.append(
            {
                "unit": one.unit,
                "reason": reason,
                "class": "" if one.label is None else subject.class_names[one.label],
                "score": one.score,
                "purity": float("nan") if one.label is None else float((shown == one.label).mean()),
                "classes_among_top": len(np.unique(shown)),
            }
        )
    return pd.DataFrame(rows)


def _image_table(chosen: Sequence[Chosen], top: TopImages, subject: Subject, split: str) -> pd.DataFrame:
    """One row per unit and image, the strongest first."""
    labels, names = subject.labels(split), subject.names(split)
    return pd.DataFrame(
        [
            {
                "unit": one.unit,
                "rank": rank + 1,
                "row": row,
                "name": names[row],
                "class": subject.class_names[int(labels[row])],
                "value": float(top.values[one.unit, rank]),
            }
            for one in chosen
            for rank, row in enumerate(top.rows[one.unit].tolist())
        ]
    )
