"""A small convolutional network for images of a few dozen pixels, trained in seconds on a CPU."""

from torch import Tensor, nn


class SmallCNN(nn.Module):
    """Three 3x3 convolutions with batch norm and ReLU, pooled globally.

    Args:
        in_channels: Channels of the images.
        width: Channels of the first convolution; the second and third have 2 and 4 times as many.

    Attributes:
        embed_dim: Width D of the embedding, ``4 * width``. The embedding follows a ReLU, so it is >= 0.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.embed_dim = 4 * width
        self.stage1 = nn.Sequential(*_conv(in_channels, width))
        self.stage2 = nn.Sequential(nn.MaxPool2d(2), *_conv(width, 2 * width))
        self.stage3 = nn.Sequential(nn.MaxPool2d(2), *_conv(2 * width, 4 * width))
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, C, H, W), H and W at least 4, as (N, D)."""
        embedding: Tensor = self.pool(self.stage3(self.stage2(self.stage1(images))))
        return embedding

    def trunk_and_branch(self) -> tuple[nn.Module, nn.Module]:
        """The first convolution, which experts share, and the rest."""
        return self.stage1, nn.Sequential(self.stage2, self.stage3, self.pool)


def _conv(in_channels: int, channels: int) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
