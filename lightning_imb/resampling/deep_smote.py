"""DeepSMOTE: new images by SMOTE between the codes of an autoencoder."""

import logging
import numbers
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from imblearn.over_sampling import SMOTE
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from lightning_imb.resampling.arrays import Grown, Matrix, Strategy, dense_floats, draw_seed
from lightning_imb.resampling.autoencoder import Autoencoder, Recipe, in_batches, train_autoencoder
from lightning_imb.resampling.base import SMOTE_NEIGHBORS, EmbeddingOverSampler
from lightning_imb.resampling.classwise import ClassWise
from lightning_imb.resampling.device import resolved_device
from lightning_imb.utils.errors import InputError

logger = logging.getLogger(__name__)


class DeepSMOTE(EmbeddingOverSampler):
    """Over-sample images: interpolate between codes of a class, and decode.

    A convolutional autoencoder is trained on all images by mean squared error and a penalty on images of one class
    (:func:`~lightning_imb.resampling.autoencoder.class_penalty`). SMOTE makes new codes between neighbours of a class,
    as :class:`~lightning_imb.resampling.ClassWise` does, so that a class of one image gets copies of its
    reconstruction. The decoder makes images of them, in the range of the pixels given.

    Rows are images: (N, C·H·W), channel by channel, on any scale (0..255, say). The rows of the input come first,
    unchanged, then the synthetic rows class by class in ascending order. torch's own random state stays as it was. On
    the CPU the result is a function of the random state; on a GPU sums may differ in their last bits from call to call.

    Other than released: networks for any image size (:class:`~lightning_imb.resampling.autoencoder.Autoencoder`)
    instead of one per data set; smaller and shorter training by default (released: width 64, 200 epochs, learning rate
    0.0002); the weights of the last epoch, not of the lowest training loss; the penalty of the paper, not of the code.

    Args:
        sampling_strategy: imbalanced-learn's: ``"auto"`` brings every class to the size of the largest;
            a dict gives targets per class; a float is the binary ratio.
        channels: C, at least 1.
        image_size: side in pixels, ``[height, width]``, or None: images are square.
        latent: length of a code.
        width: channels of the first feature map; more means a larger network.
        epochs: passes over the images.
        batch_size: images per step, at least 2.
        lr: learning rate of Adam.
        penalty: ``"permuted"`` as in the paper: an image from the code of another one of its class, which draws all
            images of a class toward their mean; ``"released"``: an image from its own code, by the decoder alone.
        penalty_weight: at least 0; 0 trains by reconstruction only.
        k_neighbors: of SMOTE, lowered to n - 1 in smaller classes.
        device: what trains: ``"cpu"``, ``"cuda"``, or ``"auto"`` (cuda if there is one).
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        sampling_strategy_: number of rows to generate per class.
        report_: as that of ClassWise: one dict per class in ascending order, with ``label``, ``n``, ``generated`` and
            how the codes were made; empty if nothing was to be generated.
        reconstruction_error_: root mean squared error of the autoencoder on the images given, in their own units.

    Raises:
        InputError: a single class, rows that are no images of this shape, an impossible size, or no CUDA device.

    References:
        Dablain, Krawczyk, Chawla: "DeepSMOTE: Fusing Deep Learning and SMOTE for Imbalanced Data", IEEE TNNLS 2022,
        arXiv 2105.02340; released code dd1github/DeepSMOTE.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseOverSampler._parameter_constraints,
        "channels": [Interval(numbers.Integral, 1, None, closed="left")],
        "image_size": [None, Interval(numbers.Integral, 1, None, closed="left"), tuple, list],
        "latent": [Interval(numbers.Integral, 1, None, closed="left")],
        "width": [Interval(numbers.Integral, 1, None, closed="left")],
        "epochs": [Interval(numbers.Integral, 1, None, closed="left")],
        "batch_size": [Interval(numbers.Integral, 2, None, closed="left")],
        "lr": [Interval(numbers.Real, 0, None, closed="neither")],
        "penalty": [StrOptions({"permuted", "released"})],
        "penalty_weight": [Interval(numbers.Real, 0, None, closed="left")],
        "k_neighbors": [Interval(numbers.Integral, 1, None, closed="left")],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Strategy = "auto",
        channels: int = 3,
        image_size: int | Sequence[int] | None = None,
        latent: int = 300,
        width: int = 32,
        epochs: int = 100,
        batch_size: int = 100,
        lr: float = 1e-3,
        penalty: str = "permuted",
        penalty_weight: float = 1.0,
        k_neighbors: int = SMOTE_NEIGHBORS,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.channels = channels
        self.image_size = image_size
        self.latent = latent
        self.width = width
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.penalty = penalty
        self.penalty_weight = penalty_weight
        self.k_neighbors = k_neighbors
        self.device = device
        self.random_state = random_state

    def _validate_params(self) -> None:
        """Check also what scikit-learn's constraints cannot say: the image size and the device."""
        super()._validate_params()
        _sides(self.image_size)
        resolved_device(self.device)

    def _fit_resample(self, X: Matrix, y: NDArray[Any]) -> tuple[Matrix, NDArray[Any]]:
        shape, seed = self._shape(X.shape[1]), draw_seed(self.random_state)
        self.report_: list[dict[str, Any]] = []
        if not any(self.sampling_strategy_.values()):
            return X.copy(), y.copy()
        pixels = _Pixels(dense_floats(X), shape)
        images, device = pixels.images(), resolved_device(self.device)
        net = self._trained(images, np.unique(y, return_inverse=True)[1], device, seed)
        codes = in_batches(net.encoder, images, device)
        self.reconstruction_error_ = pixels.difference(images, in_batches(net.decoder, codes, device))
        logger.info("DeepSMOTE reconstructs pixels to within %.3g (root mean square)", self.reconstruction_error_)
        new_codes, new_labels = self._new_codes(codes.numpy(), y, seed)
        grown = Grown(X, len(new_codes))
        grown.add(pixels.rows(in_batches(net.decoder, torch.from_numpy(new_codes), device)))
        return grown.result(), np.concatenate([y, new_labels])

    def _shape(self, features: int) -> tuple[int, int, int]:
        """Return (C, H, W) of rows of this many features."""
        height, width = _sides(self.image_size) or (round((features / self.channels) ** 0.5),) * 2
        if self.channels * height * width != features:
            raise InputError(
                f"channels={self.channels} and image_size={self.image_size} do not make rows of {features} pixels; "
                "give the channels (1 grey, 3 RGB), and image_size=[height, width] where images are not square."
            )
        return self.channels, height, width

    def _trained(self, images: Tensor, classes: NDArray[np.int64], device: str, seed: int) -> Autoencoder:
        recipe = Recipe(self.epochs, self.batch_size, self.lr, self.penalty, self.penalty_weight, device)
        shape = (images.shape[1], images.shape[2], images.shape[3])
        with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the GPUs too
            net = Autoencoder(shape, self.latent, self.width)
            train_autoencoder(net, images, torch.from_numpy(classes), recipe, torch.default_generator)
        return net

    def _new_codes(self, codes: NDArray[np.float32], y: NDArray[Any], seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the codes (M, L) that SMOTE makes, and their labels (M,)."""
        labels, counts = np.unique(y, return_counts=True)
        has = dict(zip(labels, counts, strict=True))
        targets = {label: int(has[label] + number) for label, number in self.sampling_strategy_.items()}
        smote = ClassWise(SMOTE(k_neighbors=self.k_neighbors), sampling_strategy=targets, random_state=seed)
        grown, grown_labels = smote.fit_resample(codes, y)
        self.report_ = smote.report_
        return grown[len(codes) :], grown_labels[len(codes) :]


class _Pixels:
    """Rows (N, C·H·W) on their own scale, and images (N, C, H, W) in -1..1, the range of the decoder."""

    def __init__(self, rows: NDArray[Any], shape: tuple[int, int, int]) -> None:
        self._rows, self._shape = rows, shape
        self._low, self._high = float(rows.min()), float(rows.max())
        self._half = (self._high - self._low) / 2 or 1.0  # 1: all pixels are equal

    def images(self) -> Tensor:
        """Return the rows as images (N, C, H, W) float32."""
        scaled = (self._rows - self._low) / self._half - 1
        return torch.from_numpy(scaled.astype(np.float32).reshape(-1, *self._shape))

    def rows(self, images: Tensor) -> NDArray[np.float64]:
        """Return images (M, C, H, W) as rows (M, C·H·W), clipped to the range of the rows given."""
        restored = (images.flatten(1).numpy().astype(np.float64) + 1) * self._half + self._low
        clipped: NDArray[np.float64] = restored.clip(self._low, self._high)
        return clipped

    def difference(self, images: Tensor, others: Tensor) -> float:
        """Return the root mean squared difference of pixels on their own scale."""
        return float((images - others).square().mean().sqrt()) * self._half


def _sides(image_size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Return (height, width), or None for square images of any size."""
    if image_size is None:
        return None
    sides: list[Any] = list(image_size) if isinstance(image_size, Sequence) else [image_size] * 2
    if len(sides) != 2 or not all(isinstance(side, numbers.Integral) and int(side) > 0 for side in sides):
        raise InputError(f"image_size={image_size} is no size; use a side in pixels, [height, width] or null.")
    return int(sides[0]), int(sides[1])
