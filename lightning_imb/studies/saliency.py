"""Study ``saliency``: where a network looks, and whether that is where the lesion is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.analysis.alignment_table import image_entry
from lightning_imb.analysis.explainer import GRAD_CAM, METHODS, Explainer, check_settings
from lightning_imb.analysis.heat_maps import SCALING, heat_maps
from lightning_imb.analysis.region_bank import RegionBank
from lightning_imb.reports.analysis.saliency_figure import Example, saliency_figure
from lightning_imb.studies.chosen_images import right_and_wrong, spread_over_classes
from lightning_imb.studies.explained import Explain, Seen, black, grad_cam_layers, marked_regions, seen_images
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.saliency_findings import Entry, alignment_findings
from lightning_imb.studies.saliency_sweep import compare_alignment
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Stage, Subject
from lightning_imb.utils.checked import checked_choice, checked_number
from lightning_imb.utils.errors import InputError

CHOICES = {
    "split": ("train", "val", "test"),
    "stages": ("all", "after"),
    "target": ("label", "predicted"),
    "baseline": ("mean", "black"),
    "scaling": SCALING,
}
WHOLE = {"top": 1, "draws": 1, "n_examples": 0, "steps": 1, "chunk": 1, "seed": 0}


@dataclass(frozen=True)
class Saliency(Study):
    """Heat maps of what speaks for a class, and their agreement with marked regions, always beside chance.

    Explained is all of the network, with the transform of the embeddings and the head of a post-hoc method. Images
    without a marked region are left out of the scores. Where the data mark no regions, there are maps of examples only.

    Numbers, for each method and measure: ``saliency/<method>/<name>`` with the names of
    `lightning_imb.analysis.alignment_table.headline`; of the network before phase 3 or a post-hoc method
    ``saliency/before/...``; ``saliency/images``, how many images were compared.

    Args:
        methods: Of `lightning_imb.analysis.attribution`, in the order of the figures.
        split: ``train``, ``val`` or ``test``.
        stages: ``all`` the run has, or ``after``: only the network that it ended with.
        target: The class that maps are of: the ``label`` of the image, or the ``predicted`` one.
        layer: Of Grad-CAM: ``auto`` (the last stage), or a module inside the extractor.
        scaling: Of the maps, see `lightning_imb.analysis.heat_maps.heat_maps`.
        threshold: Of the hard overlap measures, in (0, 1].
        top: Of the pointing game: the k brightest pixels point; at most all of an image.
        draws: Regions of other images of the class that make the level of chance.
        max_images: Images that are compared at most, as equally many of each class as there are; None for all.
        n_examples: Images in the figure.
        steps: Of integrated gradients.
        baseline: Of integrated gradients and occlusion: the ``mean`` colour of the training images, or ``black``.
        evidence: What is kept of attributions to pixels, ``positive`` or ``absolute``.
        smooth: Standard deviation, as a share of the image's sides, of the Gaussian that smooths gradients with respect
            to pixels; 0 for none.
        window: Side of occlusion's square, as a share of the image's.
        chunk: Images that are explained at a time, which bounds the memory.
        seed: Of all draws.

    Raises:
        InputError: A setting out of range.

    Source:
        arXiv 2204.01729: that alignment of salient features with pathologies differs where AUROC and AP do not. The
        measures are those of the public code that we take for the paper's; chance levels are additions of this project.
    """

    methods: Sequence[str]
    split: str
    stages: str
    target: str
    layer: str
    scaling: str
    threshold: float
    top: int
    draws: int
    max_images: int | None
    n_examples: int
    steps: int
    baseline: str
    evidence: str
    smooth: float
    window: float
    chunk: int
    seed: int

    name: ClassVar[str] = "saliency"
    title: ClassVar[str] = "Where the network looks"
    reads_regions: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.methods, str) or not self.methods:
            raise InputError(f"methods is {self.methods!r}; give a list of {', '.join(METHODS)}")
        for method in self.methods:
            checked_choice("methods", method, METHODS)
        for name, choices in CHOICES.items():
            checked_choice(name, getattr(self, name), choices)
        for name, least in WHOLE.items():
            _check_whole(name, getattr(self, name), least)
        if self.max_images is not None:
            _check_whole("max_images", self.max_images, 1)
        checked_number("threshold", self.threshold, 0.01, 1)
        check_settings(self.steps, self.evidence, self.smooth, self.window)

    def look(self, subject: Subject) -> Findings:
        """Explain one run: tables ``alignment`` and ``images``, figures ``alignment`` and ``examples``.

        Raises:
            InputError: More pixels shall point than a map has.
        """
        _check_top(self.top, *subject.data.image_shape[1:])
        labels, predicted = subject.labels(self.split), subject.predicted(self.split)
        bank = marked_regions(subject, self.split, self.seed)
        compared = spread_over_classes(bank.rows, labels, self.max_images, self.seed)
        shown = right_and_wrong(compared or range(len(labels)), labels, predicted, self.n_examples, self.seed)
        layers = grad_cam_layers(subject, self.split, self.layer) if GRAD_CAM in self.methods else []
        names, entries, examples = subject.names(self.split), list[Entry](), dict[int, Seen]()
        for stage in subject.stages if self.stages == "all" else ("after",):
            final, said = stage == "after", subject.predicted(self.split, stage)
            explain = self._explainer(subject, stage, layers)
            rows, target = [*compared, *(shown if final else ())], labels if self.target == "label" else said
            for seen in seen_images(subject, self.split, rows, target, explain, self.chunk):
                row = seen.row
                if row in bank:
                    classes = {"label": int(labels[row]), "predicted": int(said[row])}
                    entries += self._entries({"stage": stage, "row": row, "name": names[row], **classes}, seen, bank)
                if final and row in shown:
                    examples[row] = seen
        found = alignment_findings(entries, subject, bank, self._protocol(subject), self.draws)
        return self._with_examples(found, [examples[row] for row in shown], layers, subject, bank)

    def compare(self, subjects: Sequence[Subject], found: Sequence[Findings]) -> Findings | None:
        """Alignment beside the scores of the runs; None where fewer than two runs have marked regions."""
        return compare_alignment(subjects, found, self.methods)

    def _explainer(self, subject: Subject, stage: Stage, layers: Sequence[str]) -> Explain:
        """What makes the maps of the network of one stage."""
        explainer = Explainer(
            subject.model(stage),
            [subject.model(stage).extractor_module.get_submodule(layer) for layer in layers],
            self.steps,
            self.evidence,
            self.smooth,
            self.window,
            black(subject) if self.baseline == "black" else None,
        )

        def explain(inputs: Tensor, classes: Tensor) -> dict[str, NDArray[Any]]:
            size = (inputs.shape[2], inputs.shape[3])
            raw = {method: explainer.explain(method, inputs, classes) for method in self.methods}
            return {method: heat_maps(maps, size, self.scaling) for method, maps in raw.items()}

        return explain

    def _entries(self, image: Entry, seen: Seen, bank: RegionBank) -> list[Entry]:
        """One entry per method of one image."""
        scored = {
            method: image_entry(heat, bank, seen.row, self.draws, self.threshold, self.top)
            for method, heat in seen.maps.items()
        }
        return [{"stage": image["stage"], "method": method, **image, **scores} for method, scores in scored.items()]

    def _protocol(self, subject: Subject) -> str:
        """What every caption says."""
        whose = {"label": "true", "predicted": "predicted"}[self.target]
        return f"{self.split.capitalize()} images; maps of the {whose} class. Protocol: {subject.protocol}."

    def _with_examples(
        self, found: Findings, shown: Sequence[Seen], layers: Sequence[str], subject: Subject, bank: RegionBank
    ) -> Findings:
        if not shown:
            return found
        labels, predicted = subject.labels(self.split), subject.predicted(self.split)
        examples = [
            Example(
                seen.image,
                bank.region(seen.row) if seen.row in bank else None,
                subject.class_names[labels[seen.row]],
                subject.class_names[predicted[seen.row]],
                seen.maps,
            )
            for seen in shown
        ]
        caption = [
            self._protocol(subject),
            "Drawn at random: right predictions first, then wrong ones, spread over the classes.",
            "Each map is scaled by its own range.",
            "The line is the border of the marked region." if len(bank) else "",
            f"Grad-CAM at layer {', '.join(layers)}." if layers else "",
        ]
        return replace(
            found,
            figures={**found.figures, "examples": saliency_figure(examples)},
            captions={**found.captions, "examples": " ".join(filter(None, caption))},
        )


def _check_whole(name: str, value: int, least: int) -> None:
    checked_number(name, value, least)
    if not isinstance(value, int):
        raise InputError(f"{name} is {value!r}; give a whole number")


def _check_top(top: int, height: int, width: int) -> None:
    if top > height * width:
        raise InputError(
            f"saliency.top={top} is more than the {height * width} pixels of images of {height} x {width}: "
            "give fewer, such as saliency.top=1"
        )
