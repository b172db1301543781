"""A convolutional autoencoder of small images, and how DeepSMOTE trains it."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SMALLEST = 4  # side in pixels of the smallest map, as in the released networks
_MOST_CHANNELS = 8  # of a map, in multiples of the first one's
_EVAL_BATCH = 512


class Recipe(NamedTuple):
    """How an autoencoder is trained.

    Attributes:
        epochs: passes over the images.
        batch_size: images per step, at least 2.
        lr: learning rate of Adam.
        penalty: ``permuted`` or ``released``, see :func:`class_penalty`.
        penalty_weight: what the penalty is multiplied by; 0 leaves it out.
        device: torch device that trains.
    """

    epochs: int
    batch_size: int
    lr: float
    penalty: str
    penalty_weight: float
    device: str


class Autoencoder(nn.Module):
    """Images (B, C, H, W) in -1..1 to codes (B, L) and back.

    Each stage of the encoder halves the sides and doubles the channels (up to 8 times the first), until no side has
    more than 4 pixels; a linear layer makes the code. The decoder mirrors it and enlarges by repeating pixels before
    each convolution, which fits any size.

    Args:
        shape: (C, H, W).
        latent: L.
        width: channels of the first map.
    """

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int) -> None:
        super().__init__()
        sizes = _sizes(shape[1:])
        channels = [shape[0], *(width * min(2**stage, _MOST_CHANNELS) for stage in range(len(sizes) - 1))]
        inner = (channels[-1], *sizes[-1])
        down = [_smaller(channels[at], channels[at + 1], first=at == 0) for at in range(len(channels) - 1)]
        up = [_larger(channels[at + 1], channels[at], sizes[at]) for at in reversed(range(1, len(channels) - 1))]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(math.prod(inner), latent))
        self.decoder = nn.Sequential(
            nn.Linear(latent, math.prod(inner)),
            nn.ReLU(),
            nn.Unflatten(1, inner),
            *up,
            nn.Upsample(size=sizes[0]),
            nn.Conv2d(channels[1], channels[0], 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Reconstruct images (B, C, H, W)."""
        reconstructed: Tensor = self.decoder(self.encoder(images))
        return reconstructed


def train_autoencoder(
    net: Autoencoder, images: Tensor, classes: Tensor, recipe: Recipe, random: torch.Generator
) -> None:
    """Train by reconstruction and, from a class drawn anew in each step, the penalty.

    Args:
        net: What is trained, in place; it is left on the recipe's device in evaluation mode.
        images: (N, C, H, W) in -1..1, on the CPU.
        classes: (N,) class of each image, from 0.
        recipe: How.
        random: Generator on the CPU of all that is drawn.
    """
    net.to(recipe.device).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=recipe.lr)
    members = [(classes == label).nonzero()[:, 0] for label in range(int(classes.max()) + 1)]
    groups = [rows for rows in members if len(rows) > 1]  # a single image has no other one of its class
    for _ in range(recipe.epochs):
        order = torch.randperm(len(images), generator=random)
        for rows in order.tensor_split(max(1, len(images) // recipe.batch_size)):  # none of a single image
            batch = images[rows].to(recipe.device)
            loss = F.mse_loss(net(batch), batch)
            if groups and recipe.penalty_weight > 0:
                own = groups[int(torch.randint(len(groups), (), generator=random))]
                drawn = own[torch.randperm(len(own), generator=random)[: recipe.batch_size]]
                loss = loss + recipe.penalty_weight * class_penalty(
                    net, images[drawn].to(recipe.device), recipe.penalty
                )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    net.eval()


def class_penalty(net: Autoencoder, images: Tensor, kind: str) -> Tensor:
    """Return the penalty of images (B, C, H, W) of one class, in random order, B at least 2.

    ``permuted`` is the paper's: each image is compared with what the decoder makes of the code of another one, so that
    codes of a class become exchangeable. ``released`` is what the published code computes: it permutes the images with
    their codes, so each is compared with its own reconstruction, from which only the decoder learns.
    """
    codes = net.encoder(images)
    codes = codes.roll(1, dims=0) if kind == "permuted" else codes.detach()
    return F.mse_loss(net.decoder(codes), images)


@torch.no_grad()
def in_batches(network: nn.Module, inputs: Tensor, device: str) -> Tensor:
    """Apply a network, in evaluation mode, to inputs (N, ...) on the CPU; the outputs are there too."""
    return torch.cat([network(batch.to(device)).cpu() for batch in torch.split(inputs, _EVAL_BATCH)])


def _sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the sizes of the maps: of the image, then halved at least once, until no side is above 4 pixels."""
    sizes = [size]
    while len(sizes) == 1 or max(sizes[-1]) > _SMALLEST:
        height, width = sizes[-1]
        sizes.append((-(-height // 2), -(-width // 2)))
    return sizes


def _smaller(channels: int, wanted: int, *, first: bool) -> nn.Sequential:
    norm = nn.Identity() if first else nn.BatchNorm2d(wanted)
    return nn.Sequential(nn.Conv2d(channels, wanted, 3, stride=2, padding=1, bias=first), norm, nn.LeakyReLU(0.2))


def _larger(channels: int, wanted: int, size: tuple[int, int]) -> nn.Sequential:
    convolution = nn.Conv2d(channels, wanted, 3, padding=1, bias=False)
    return nn.Sequential(nn.Upsample(size=size), convolution, nn.BatchNorm2d(wanted), nn.ReLU())
