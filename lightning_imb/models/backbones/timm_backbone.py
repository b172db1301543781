"""Any timm model as an extractor (timm is an extra of this package)."""

from torch import Tensor, nn

from lightning_imb.utils.errors import InputError
from lightning_imb.utils.extras import how_to_install


class TimmBackbone(nn.Module):
    """A timm model with its classifier removed and its features pooled.

    Args:
        name: Any name of ``timm.list_models()``.
        pretrained: Whether timm loads (and, if need be, downloads) pretrained weights.
        in_channels: Channels of the images.
        image_size: Side of the images for models that are built for one size (vision transformers), or None.

    Attributes:
        embed_dim: Width D of the embedding.

    Raises:
        InputError: If timm is not installed or does not know the name.
    """

    def __init__(self, name: str, pretrained: bool, in_channels: int, image_size: int | None) -> None:
        super().__init__()
        try:
            import timm
        except ImportError:
            raise InputError(f"model=timm needs timm: {how_to_install('timm')}") from None
        if not timm.is_model(name):
            raise InputError(f"timm has no model '{name}'; timm.list_models('*resnet*') lists some")
        size = {} if image_size is None else {"img_size": image_size}
        self.network = timm.create_model(name, pretrained=pretrained, num_classes=0, in_chans=in_channels, **size)
        # Some networks widen the pooled features once more before the classifier.
        self.embed_dim = int(getattr(self.network, "head_hidden_size", self.network.num_features))

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, C, H, W) as (N, D)."""
        embedding: Tensor = self.network(images)
        return embedding
