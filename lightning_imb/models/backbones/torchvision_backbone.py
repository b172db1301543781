"""Any torchvision classifier as an extractor."""

import torchvision
from torch import Tensor, nn

from lightning_imb.utils.errors import InputError

_CLASSES = 1000  # every torchvision classifier is built with this many outputs by default


class TorchvisionBackbone(nn.Module):
    """A torchvision classification network whose last layer is taken off.

    Args:
        name: Any name of ``torchvision.models.list_models(module=torchvision.models)``.
        weights: Name of pretrained weights, for example ``IMAGENET1K_V1`` (downloaded by torchvision), or None.
        in_channels: 3, or 1: a grey image is repeated over the three channels the network expects.

    Attributes:
        embed_dim: Width D of the embedding, the input width of the layer taken off.

    Raises:
        InputError: If the name is unknown or ``in_channels`` is neither 1 nor 3.
    """

    def __init__(self, name: str, weights: str | None, in_channels: int) -> None:
        super().__init__()
        known = torchvision.models.list_models(module=torchvision.models)
        if name not in known:
            raise InputError(f"torchvision has no classifier '{name}'; it has {', '.join(known)}")
        if in_channels not in (1, 3):
            raise InputError(f"torchvision networks take 1 or 3 channels, not {in_channels}")
        self.network = torchvision.models.get_model(name, weights=weights)
        if hasattr(self.network, "aux_logits"):  # googlenet and inception return tuples while they train otherwise
            self.network.aux_logits = False
            for aux in ("AuxLogits", "aux1", "aux2"):
                if hasattr(self.network, aux):
                    setattr(self.network, aux, None)
        if hasattr(self.network, "transform_input"):
            # true only with pretrained weights, for images normalised like ImageNet; ours have their own mean and std
            self.network.transform_input = False
        self.embed_dim = _take_off_head(self.network)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, 1 or 3, H, W) as (N, D)."""
        embedding: Tensor = self.network(images.expand(-1, 3, -1, -1))
        return embedding


def _take_off_head(network: nn.Module) -> int:
    """Replace the layer with one output per class by an identity and return its input width."""
    for name, layer in reversed(list(network.named_modules())):
        if isinstance(layer, nn.Linear) and layer.out_features == _CLASSES:
            network.set_submodule(name, nn.Identity())
            return layer.in_features
        if isinstance(layer, nn.Conv2d) and layer.out_channels == _CLASSES:
            network.set_submodule(name, nn.Identity())
            return layer.in_channels
    raise InputError(f"{type(network).__name__} has no layer with {_CLASSES} outputs to take off")
