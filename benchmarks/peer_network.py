"""The network of the published long-tail scripts, as they write it: ResNet for CIFAR with a linear head.

He et al. 2016, section 4.2, with option A shortcuts; used by LDAM-DRW (Cao et al. 2019). The same function as the
product's ``ResNetCifar`` with its head; written as scripts write it: ReLU makes new tensors, memory is (N, C, H, W).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PeerBlock(nn.Module):
    """Two 3x3 convolutions and a parameter-free shortcut."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.smaller = stride != 1 or in_channels != channels
        self.missing = channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, channels, H / stride, W / stride)."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.smaller:
            each = self.missing // 2
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, each, each), "constant", 0)
        return F.relu(out + x)


class PeerNet(nn.Module):
    """ResNet of depth 6 n + 2, width 16, with its head.

    Args:
        depth: 32 in the published scripts.
        classes: Width K of the head.
    """

    def __init__(self, depth: int, classes: int = 10) -> None:
        super().__init__()
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _layer(16, 16, blocks, 1)
        self.layer2 = _layer(16, 32, blocks, 2)
        self.layer3 = _layer(32, 64, blocks, 2)
        self.linear = nn.Linear(64, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def features(self, images: Tensor) -> Tensor:
        """Embed images (N, 3, 32, 32) as (N, 64)."""
        out = F.relu(self.bn1(self.conv1(images)))
        out = self.layer3(self.layer2(self.layer1(out)))
        return F.avg_pool2d(out, out.size()[3]).view(out.size(0), -1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K)."""
        logits: Tensor = self.linear(self.features(images))
        return logits


def _layer(in_channels: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    first = PeerBlock(in_channels, channels, stride)
    return nn.Sequential(first, *(PeerBlock(channels, channels, 1) for _ in range(blocks - 1)))


def peer_device(accelerator: str) -> torch.device:
    """Where a script would train."""
    return torch.device("cpu" if accelerator == "cpu" else "cuda")
