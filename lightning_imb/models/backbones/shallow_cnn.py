"""A shallow network: a few convolutions and one hidden layer, for images or vectors of one size."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from lightning_imb.utils.errors import InputError

_POOL = 2


class ShallowCNN(nn.Sequential):
    """Convolution, max pooling and ReLU, as often as there are ``channels``; then a fully connected layer and ReLU.

    With the settings of ``model=shallow_cnn`` and images of 28 x 28 this is the network of
    Jlamon/sensitivity_batch_size_regression_cnn: 5x5 convolutions to 10 and 20 channels, 320 features, 50 hidden units.
    An axis of length 1 is neither convolved nor pooled, so that vectors, as images of 1 x n, get its twin in one
    dimension.

    Without biases and batch norm the network is positively homogeneous, ``f(a x) = a f(x)`` for a > 0: convolution,
    maximum, ReLU and linear layers all are.

    Args:
        in_channels: Channels of the images.
        image_size: Side in pixels, or height and width.
        channels: Of each convolution.
        kernel: Side of the convolutions in pixels; images are not padded.
        width: Units of the fully connected layer.
        bias: Whether convolutions and the fully connected layer have biases.
        batch_norm: Whether a batch norm, with scale and shift of its own, follows each convolution.

    Attributes:
        embed_dim: Width D of the embedding, ``width``. The embedding follows a ReLU, so it is >= 0.

    Raises:
        InputError: If the images have no known size or are too small for the convolutions, or a setting is no whole
            number of at least 1.
    """

    def __init__(
        self,
        in_channels: int,
        image_size: int | Sequence[int] | None,
        channels: Sequence[int],
        kernel: int,
        width: int,
        bias: bool,
        batch_norm: bool,
    ) -> None:
        for name, value in (("channels", channels), ("kernel", [kernel]), ("width", [width])):
            _check_whole(f"model.extractor.{name}", value)
        sides = _sides(image_size)
        left = [_left(side, kernel, len(channels)) for side in sides]
        if min(left) < 1:
            raise InputError(_too_small(sides, kernel, len(channels)))
        layers = OrderedDict[str, nn.Module]()
        for i, (before, after) in enumerate(zip([in_channels, *channels], channels, strict=False), start=1):
            norm = [nn.BatchNorm2d(after)] if batch_norm else []
            convolution = nn.Conv2d(before, after, _window(kernel, sides), bias=bias)
            layers[f"stage{i}"] = nn.Sequential(
                convolution, *norm, nn.MaxPool2d(_window(_POOL, sides)), nn.ReLU(inplace=True)
            )
        features = channels[-1] * left[0] * left[1]
        layers["embed"] = nn.Sequential(nn.Flatten(), nn.Linear(features, width, bias=bias), nn.ReLU(inplace=True))
        super().__init__(layers)
        self.embed_dim = width

    def trunk_and_branch(self) -> tuple[nn.Module, nn.Module]:
        """The first convolution, which experts share, and the rest."""
        first, *rest = self
        return first, nn.Sequential(*rest)


def _window(side: int, sides: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a window that leaves axes of length 1 alone."""
    return min(side, sides[0]), min(side, sides[1])


def _left(side: int, kernel: int, convolutions: int) -> int:
    """Pixels of a side after the convolutions and poolings."""
    for _ in range(0 if side == 1 else convolutions):
        side = (side - kernel + 1) // _POOL
    return side


def _sides(image_size: int | Sequence[int] | None) -> tuple[int, int]:
    """Height and width."""
    if image_size is None:
        raise InputError(
            "model=shallow_cnn is built for one size of images, but dataset.image_size is null: set it to their side, "
            "such as dataset.image_size=28, or to [height, width]"
        )
    sides = [image_size, image_size] if isinstance(image_size, int) else list(image_size)
    _check_whole("dataset.image_size", sides)
    if len(sides) != 2:
        raise InputError(f"dataset.image_size={sides} must be one side or [height, width]")
    return sides[0], sides[1]


def _too_small(sides: tuple[int, int], kernel: int, convolutions: int) -> str:
    least = 1
    for _ in range(convolutions):
        least = least * _POOL + kernel - 1
    return (
        f"images of {sides[0]} x {sides[1]} pixels are too small for {convolutions} convolutions of side {kernel} with "
        f"pooling, which need at least {least} along each axis that is not 1: set dataset.image_size, or lower "
        "model.extractor.kernel, or use model=small_cnn"
    )


def _check_whole(name: str, values: Sequence[int]) -> None:
    if not values or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in values):
        raise InputError(f"{name} is {', '.join(map(str, values)) or 'empty'}; give whole numbers of at least 1")
