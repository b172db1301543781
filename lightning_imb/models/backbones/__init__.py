"""Extractors: modules that map images (N, C, H, W) to embeddings (N, D) and know their ``embed_dim``."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from lightning_imb.models.backbones.resnet_cifar import ResNetCifar, parameter_count
from lightning_imb.models.backbones.shallow_cnn import ShallowCNN
from lightning_imb.models.backbones.small_cnn import SmallCNN
from lightning_imb.models.backbones.timm_backbone import TimmBackbone
from lightning_imb.models.backbones.torchvision_backbone import TorchvisionBackbone


@runtime_checkable
class Extractor(Protocol):
    """Any ``nn.Module`` that maps images (N, C, H, W) to embeddings (N, ``embed_dim``)."""

    embed_dim: int

    def __call__(self, images: Tensor) -> Tensor:
        """Embed images."""


__all__ = [
    "Extractor",
    "ResNetCifar",
    "ShallowCNN",
    "SmallCNN",
    "TimmBackbone",
    "TorchvisionBackbone",
    "parameter_count",
]
