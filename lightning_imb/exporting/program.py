"""The network of a run from pixels to outputs, in one module that can be exported."""

import torch
from torch import Tensor, nn

from lightning_imb.data.transforms import BatchTransform
from lightning_imb.exporting.description import Description
from lightning_imb.models.heads import exact
from lightning_imb.models.phased import PhasedModule
from lightning_imb.posthoc.heads import CentroidHead, transformed


class Program(nn.Module):
    """Normalisation, extractor, and the head as the run scored it; float32 throughout.

    What training alone needs (losses, projections of contrastive losses, smoothing of features) is no part of it.

    Args:
        model: The network of a run; shared, not copied.
        transform: Its normalisation.
        description: Of this network.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, model: PhasedModule, transform: BatchTransform, description: Description) -> None:
        super().__init__()
        self.extractor, self.after = model.extractor_module, model.after
        self.head = exportable(model.head)
        self.highest = 255 if description.pixels == "uint8" else 1
        self.regression = description.regression
        self.register_buffer("mean", transform.mean.detach().clone())
        self.register_buffer("scale", transform.std.detach().clone())

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K), or numbers (N,), of images (N, C, H, W) as they are in files: not normalised."""
        normalised = (images.to(torch.float32) / self.highest - self.mean) / self.scale
        outputs: Tensor = self.head(exact(self.after(self.extractor(normalised))))
        return outputs.squeeze(1) if self.regression else outputs


class Nearest(nn.Module):
    """`CentroidHead` by plain differences: ``torch.cdist`` has no counterpart in ONNX.

    They take N * K * D numbers for N images, K classes and embeddings of width D.

    Args:
        head: The head that this one equals.
    """

    def __init__(self, head: CentroidHead) -> None:
        super().__init__()
        self.normalise = head.normalise
        self.register_buffer("centroids", head.centroids.detach().clone())
        self.register_buffer("centre", head.centre.detach().clone())

    def forward(self, z: Tensor) -> Tensor:
        """Logits (N, K) of embeddings (N, D)."""
        centroids, centre = self.get_buffer("centroids"), self.get_buffer("centre")
        differences = transformed(z, centre, self.normalise)[:, None] - centroids
        return -differences.square().sum(dim=2)


def exportable(head: nn.Module) -> nn.Module:
    """A head that computes the same with operators that every format has."""
    return Nearest(head) if isinstance(head, CentroidHead) else head
