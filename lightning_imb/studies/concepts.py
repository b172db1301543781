"""The concepts that a run's images are annotated with: marked regions, masks of one's own, and textures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from lightning_imb.analysis.concept_masks import ConceptMasks
from lightning_imb.analysis.textures import TEXTURES, texture_masks, texture_thresholds
from lightning_imb.build import create
from lightning_imb.data.regions import Regions
from lightning_imb.studies.image_passes import chosen_batches
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.errors import InputError

MOST_CLASSES = 20  # whose regions are concepts of their own


class Textures(NamedTuple):
    """How textures are told, see `lightning_imb.analysis.textures`.

    Attributes:
        window: Side of the window, as a share of the image's.
        share: Of the pixels of the set that show a texture.
    """

    window: float
    share: float


class Concepts(NamedTuple):
    """Concepts of some images.

    Attributes:
        masks: Their masks.
        regions: Which of them are marked regions: neither masks of one's own nor textures.
        remarks: What was left out, and why.
    """

    masks: ConceptMasks
    regions: list[int]
    remarks: tuple[str, ...]


class _Marked(NamedTuple):
    """The marked regions of some images."""

    regions: dict[int, NDArray[np.bool_]]  # by position among the images
    labels: NDArray[np.int64]
    classes: list[int]  # that are concepts of their own


def read_concepts(
    subject: Subject,
    split: str,
    rows: Sequence[int],
    name: str,
    folders: Mapping[str, str],
    textures: Textures | None,
) -> Concepts:
    """Collect the masks of all concepts in some images.

    Args:
        subject: The run.
        split: Name of the split.
        rows: The images, ascending.
        name: What the marked regions are called; those of one class are called by both names, and are nowhere in the
            images whose regions are of another class.
        folders: Folders of masks inside the root of the data, by the name of their concept.
        textures: How textures are told; None for no textures.

    Raises:
        InputError: If masks are asked for of data that have none, or there is no concept at all.
    """
    marked = _marked(subject, split, rows)
    own = {concept: _masks_in(subject, concept, folder) for concept, folder in folders.items()}
    regions = [name] * bool(marked.regions) + [f"{subject.class_names[c]} {name}" for c in marked.classes]
    names = [*regions, *own, *(TEXTURES if textures else ())]
    if not names:
        raise InputError(
            "no concepts to look for: the data mark no regions; use textures=true, or name masks (concepts)"
        )
    if len(set(names)) < len(names):
        raise InputError(f"two concepts have one name ({', '.join(names)}): call those of yours otherwise")
    masks = ConceptMasks(names, len(rows), (subject.data.image_shape[1], subject.data.image_shape[2]))
    _put_marked(masks, marked)
    for concept, found in own.items():
        _put_own(masks, names.index(concept), subject, split, rows, found)
    if textures:
        _put_textures(masks, len(regions) + len(own), subject, split, rows, textures)
    return Concepts(masks, list(range(len(regions))), _remarks(marked, len(rows), name))


def _marked(subject: Subject, split: str, rows: Sequence[int]) -> _Marked:
    labels = subject.labels(split)[np.asarray(rows, dtype=np.int64)]
    regions = {}
    if subject.has_regions:
        for i, row in enumerate(subject.track(rows, "reading regions")):
            if (region := subject.region(split, row)) is not None:
                regions[i] = region
    classes = np.unique(labels[list(regions)]).tolist() if regions else []
    return _Marked(regions, labels, classes if 1 < len(classes) <= MOST_CLASSES else [])


def _put_marked(masks: ConceptMasks, marked: _Marked) -> None:
    """Put all regions, and those of each class, which are nowhere in the images with regions of other classes.

    Were those images not annotated with it, the IoU of a unit with all regions would lie between its IoUs with those of
    the classes, and no unit would detect regions as such.
    """
    for i, region in marked.regions.items():
        masks.put(i, 0, region)
        for concept, c in enumerate(marked.classes, start=1):
            masks.put(i, concept, region if c == marked.labels[i] else np.zeros_like(region))


def _masks_in(subject: Subject, concept: str, folder: str) -> Regions:
    node = subject.cfg.dataset.get("regions")
    if node is None:
        raise InputError(
            f"concepts.{concept}={folder}: data set {subject.cfg.dataset.name} has no masks; image_folder can have them"
        )
    asked = OmegaConf.merge(node, {"masks": folder, "boxes": None})
    assert isinstance(asked, DictConfig)
    try:
        regions: Regions = create(asked, f"concepts.{concept}")
    except InputError as error:  # which knows the folder as dataset.masks
        raise InputError(f"concepts.{concept}={folder} cannot be read: {error}") from error
    return regions


def _put_own(
    masks: ConceptMasks, concept: int, subject: Subject, split: str, rows: Sequence[int], regions: Regions
) -> None:
    names, labels = subject.names(split), subject.labels(split)
    for i, row in enumerate(subject.track(rows, f"reading {masks.names[concept]}")):
        mask = regions.load(names[row], masks.size, subject.class_names[int(labels[row])])
        if mask is not None:
            masks.put(i, concept, mask)


def _put_textures(
    masks: ConceptMasks, first: int, subject: Subject, split: str, rows: Sequence[int], textures: Textures
) -> None:
    def images() -> Iterator[NDArray[np.uint8]]:
        for batch in chosen_batches(subject, split, rows, "finding textures"):
            yield batch.images.numpy()

    thresholds = texture_thresholds(images, textures.window, textures.share)
    done = 0
    for batch in images():
        for i, shown in enumerate(texture_masks(batch, textures.window, thresholds), start=done):
            for c, mask in enumerate(shown):
                masks.put(i, first + c, mask)
        done += len(batch)


def _remarks(marked: _Marked, images: int, name: str) -> tuple[str, ...]:
    if not marked.regions:
        return (f"The data mark no regions: there is no concept '{name}', and nothing is counted inside regions.",)
    found = [f"{len(marked.regions)} of {images} images have a marked region."]
    classes = len(np.unique(marked.labels[list(marked.regions)]))
    if classes > MOST_CLASSES:
        found.append(f"The regions of {classes} classes are one concept only: more than {MOST_CLASSES}.")
    return tuple(found)
