"""The CIFAR ResNets: three stages of basic blocks, width 16."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imb.utils.errors import InputError


class ResNetCifar(nn.Module):
    """ResNet-20/32/44/56/110 for small images, without its head.

    He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2: a 3x3 convolution, three
    stages of ``n`` basic blocks with ``width``, ``2 width`` and ``4 width`` channels (depth = 6 n + 2),
    parameter-free (option A) shortcuts and global average pooling. Convolutions start Kaiming-normal as in
    Cao et al. 2019 (LDAM-DRW). With a 10-class linear head ResNet-32 has 464,154 parameters.

    Args:
        depth: 20, 32, 44, 56, 110 or any other ``6 n + 2``.
        width: Channels of the first stage; 16 is the published network.
        in_channels: Channels of the images.

    Attributes:
        embed_dim: Width D of the embedding, ``4 * width``. The embedding follows a ReLU, so it is >= 0.

    Raises:
        InputError: If ``depth`` is not ``6 n + 2``.
    """

    def __init__(self, depth: int, width: int, in_channels: int) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise InputError(f"a CIFAR ResNet has depth 6n+2 (20, 32, 44, 56, 110), not {depth}")
        blocks = (depth - 2) // 6
        self.embed_dim = 4 * width
        self.stem = Stem(
            nn.Conv2d(in_channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.stage1 = _stage(width, width, blocks, stride=1)
        self.stage2 = _stage(width, 2 * width, blocks, stride=2)
        self.stage3 = _stage(2 * width, 4 * width, blocks, stride=2)
        self.pool = GlobalMean()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, C, H, W) as (N, D)."""
        embedding: Tensor = self.pool(self.stage3(self.stage2(self.stage1(self.stem(images)))))
        return embedding

    def trunk_and_branch(self) -> tuple[nn.Module, nn.Module]:
        """Stem and first stage, which experts share, and the rest, as in the CIFAR networks of RIDE."""
        return nn.Sequential(self.stem, self.stage1), nn.Sequential(self.stage2, self.stage3, self.pool)


class Stem(nn.Sequential):
    """A convolution, its batch norm and a ReLU."""

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, width, H, W)."""
        convolution, norm, relu = self
        maps: Tensor = relu(_convolve(images, convolution, norm))
        return maps


class GlobalMean(nn.Module):
    """The mean of each map."""

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C)."""
        return maps.mean(dim=(2, 3))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and an option A shortcut: every second pixel, missing channels zero."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.missing = channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, channels, H / stride, W / stride)."""
        out = F.relu(_convolve(x, self.conv1, self.bn1), inplace=True)
        out = _convolve(out, self.conv2, self.bn2)
        out += self._shortcut(x)  # in place: batch norm needs what went in, not what came out
        return F.relu(out, inplace=True)

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.stride == 1 and not self.missing:
            return x
        before = self.missing // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.missing - before))


def _convolve(x: Tensor, convolution: nn.Module, norm: nn.Module) -> Tensor:
    """A convolution and its batch norm; on a processor one convolution, when the norm no longer measures its batch."""
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d | nn.SyncBatchNorm)
    if norm.training or x.device.type != "cpu":  # elsewhere folding takes more launches than it saves
        normed: Tensor = norm(convolution(x))
        return normed
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    weight, bias = convolution.weight * scale.view(-1, 1, 1, 1), norm.bias - norm.running_mean * scale
    return F.conv2d(x, weight, bias, convolution.stride, convolution.padding)


def _stage(in_channels: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    first = BasicBlock(in_channels, channels, stride)
    return nn.Sequential(first, *(BasicBlock(channels, channels, 1) for _ in range(blocks - 1)))


def parameter_count(module: nn.Module) -> int:
    """Number of trainable and frozen parameters of a module (buffers not counted)."""
    return sum(torch.numel(p) for p in module.parameters())
