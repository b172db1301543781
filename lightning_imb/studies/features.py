"""What the layers of networks put out for the same few images, one row per image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.analysis.layers import read_layers
from lightning_imb.build import build_classifier
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.restore import without_pretrained
from lightning_imb.studies.chosen_images import spread_over_classes
from lightning_imb.studies.image_passes import SPLITS, chosen_batches, layers_of
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.checked import checked_choice, checked_number

POOLING = ("mean", "flatten")
LOGITS = "logits"
_APART = 1_000_003  # from the seeds of runs: an untrained network is no run's own start


@dataclass(frozen=True)
class Probe:
    """Which images and which layers networks are compared by.

    Args:
        split: ``train``, ``val`` or ``test``.
        layers: ``auto`` (the last layer at each size of the maps), or modules inside the extractor.
        size: Images, as equally many of each class as there are; at least 4.
        pooling: ``mean`` over the positions of a map (and over the tokens of a transformer), or ``flatten``.
        seed: Of the choice of images.

    Raises:
        InputError: A setting out of range.
    """

    split: str
    layers: str | Sequence[str]
    size: int
    pooling: str
    seed: int

    def __post_init__(self) -> None:
        checked_choice("split", self.split, SPLITS)
        checked_number("n_probe", self.size, 4)
        checked_choice("pooling", self.pooling, POOLING)

    def rows(self, subject: Subject) -> list[int]:
        """The images of a run, ascending."""
        labels = subject.labels(self.split)
        return spread_over_classes(range(len(labels)), labels, self.size, self.seed)

    def layers_in(self, subject: Subject) -> list[str]:
        """Names of the layers, the logits last.

        Raises:
            InputError: As `layers_of`.
        """
        return [*layers_of(subject, self.split, self.layers, "all"), LOGITS]

    def features(
        self, subject: Subject, network: ImbalancedClassifier, layers: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Features (n, p) float32 of the images of a run by layer, in a network on the run's device."""
        modules = {layer: "head" if layer == LOGITS else f"extractor.{layer}" for layer in layers}
        parts: dict[str, list[NDArray[Any]]] = {layer: [] for layer in layers}
        for batch in chosen_batches(subject, self.split, self.rows(subject), "reading layers"):
            found = read_layers(network, list(modules.values()), batch.inputs)
            for layer, module in modules.items():
                parts[layer].append(pooled(found[module], self.pooling).cpu().numpy())
        return {layer: np.concatenate(part) for layer, part in parts.items()}

    def said(self, images: int) -> str:
        """What captions say of it."""
        how = "averaged over their positions" if self.pooling == "mean" else "flattened"
        return f"Debiased linear CKA of {images:,} {self.split} images, spread evenly over the classes; maps {how}."


def pooled(outputs: Tensor, pooling: str) -> Tensor:
    """One row per image, of maps (B, U, h, w), tokens (B, T, D) or rows (B, D)."""
    if pooling == "mean" and outputs.ndim == 4:
        return outputs.mean(dim=(2, 3))
    if pooling == "mean" and outputs.ndim == 3:
        return outputs.mean(dim=1)
    return outputs.flatten(1)


def untrained(subject: Subject, seed: int) -> ImbalancedClassifier:
    """A network like that of a run with new weights, nothing pretrained, in evaluation mode on the subject's device.

    Args:
        subject: The run.
        seed: Of the weights; apart from what runs start with under the same seed.
    """
    cfg = subject.run.read_config()
    without_pretrained(cfg)
    counts = subject.model().class_counts  # which draws weights too, where the network is not there yet
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_APART + seed)
        network = build_classifier(cfg, counts)
    return network.to(subject.device).eval().requires_grad_(False)
