"""Study ``dissection``: which concepts single units of a network detect."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lightning_imb.analysis.dissect import Dissection as Settings
from lightning_imb.analysis.dissect import dissect
from lightning_imb.analysis.layers import read_maps
from lightning_imb.studies.chosen_images import spread_over_classes
from lightning_imb.studies.concepts import Concepts, Textures, read_concepts
from lightning_imb.studies.dissection_findings import Measured, dissection_findings
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.image_passes import SPLITS, chosen_batches, layers_of
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.checked import checked_choice, checked_flag, checked_number

IMAGES = ("labelled", "all")


@dataclass(frozen=True)
class Dissection(Study):
    """Network dissection: the intersection over union of what units respond to with concepts, beside chance.

    Concepts are the regions that the data mark, those of each class, masks of one's own, and textures that are computed
    from the images. Chance is what the same units reach with the masks of other images.

    Numbers, for each layer: ``dissection/<layer>/detectors`` and ``/unique_detectors`` with their level of chance
    (``..._chance``), ``/<concept>/iou`` of the best unit and ``/<concept>/above_chance``, ``/concept_count``; and
    ``bacc`` of the run.

    Args:
        split: ``train``, ``val`` or ``test``.
        layers: ``auto`` (the last stage of the network), or modules inside the extractor.
        quantile: A unit is on at its largest ``1 - quantile`` activations of all images, in [0, 1].
        quantile_over: ``pixels`` of the images, or ``positions`` of the maps.
        images: ``labelled``: a concept is sought in the images annotated with it, the regions of each class in all
            images with a region; ``all``: in the others too, where it is nowhere.
        threshold: IoU above which a unit is a detector, in [0, 1].
        max_images: At most as many images, as equally many of each class as there are; None for all.
        region_name: What the marked regions are called.
        concepts: Folders of masks with the tree of the images, inside the root of the data, by concept, such as
            ``{vessel: masks/vessel}``; an image without a mask there is not annotated with it; None for no such masks.
        textures: Whether dark, bright, edges and smooth are concepts.
        texture_window: Side of the window in which a texture is told, as a share of the image's, in [0, 1].
        texture_share: Of all pixels that show a texture, in [0, 1].
        concept_count: Count what lights up inside the marked regions of an image: ``components``, ``units`` or None.
        draws: Shuffles of the masks that make the level of chance.
        seed: Of all draws.

    Raises:
        InputError: A setting out of range.

    Source:
        Bau et al. 2017 (arXiv 1704.05796): units, thresholds and IoU. Concept count: public code that goes with arXiv
        2204.01729. That the paper's "concepts encoded" are measured so is our reading; chance and textures are ours.
    """

    split: str
    layers: str | Sequence[str]
    quantile: float
    quantile_over: str
    images: str
    threshold: float
    max_images: int | None
    region_name: str
    concepts: Mapping[str, str] | None
    textures: bool
    texture_window: float
    texture_share: float
    concept_count: str | None
    draws: int
    seed: int

    name: ClassVar[str] = "dissection"
    title: ClassVar[str] = "What single units detect"
    reads_regions: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_choice("split", self.split, SPLITS)
        checked_choice("images", self.images, IMAGES)
        checked_flag("textures", self.textures)
        for name in ("threshold", "texture_window", "texture_share"):
            checked_number(name, getattr(self, name), 0, 1)
        if self.max_images is not None:
            checked_number("max_images", self.max_images, 1)
        self._settings()

    def _settings(self) -> Settings:
        return Settings(self.quantile, self.quantile_over, self.draws, self.seed, self.concept_count)

    def look(self, subject: Subject) -> Findings:
        """Dissect one run: tables ``concepts``, ``units`` and ``concept_counts``, figure ``concepts``."""
        layers = layers_of(subject, self.split, self.layers, "last")
        labels = subject.labels(self.split)
        rows = spread_over_classes(range(len(labels)), labels, self.max_images, self.seed)
        textures = Textures(self.texture_window, self.texture_share) if self.textures else None
        concepts = read_concepts(subject, self.split, rows, self.region_name, self.concepts or {}, textures)
        if self.images == "all":
            concepts.masks.count_all_images()
        extractor = subject.model().extractor_module

        def passes() -> Iterator[Mapping[str, Tensor]]:
            for batch in chosen_batches(subject, self.split, rows, "dissecting"):
                yield read_maps(extractor, layers, batch.inputs)

        found = dissect(passes, concepts.masks, concepts.regions, self._settings())
        how = Measured(self.quantile, self.threshold, self._protocol(len(rows), concepts))
        return dissection_findings(found, concepts, subject, labels[rows], how)

    def _protocol(self, images: int, concepts: Concepts) -> str:
        """What the caption says of how it was measured."""
        sought = "the images annotated with it" if self.images == "labelled" else "all images"
        if self.images == "labelled" and len(concepts.regions) > 1:
            sought += " (regions of a class: in all with a region)"
        return (
            f"{images:,} {self.split} images; units are on above their {self.quantile:g}-quantile; each concept is "
            f"sought in {sought}"
        )
