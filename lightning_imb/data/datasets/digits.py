"""Real handwritten digits that come with scikit-learn: no download, a minute of CPU."""

import numpy as np
from sklearn.datasets import load_digits

from lightning_imb.data.datasets.arrays import fit_images
from lightning_imb.data.decode import ImageSize
from lightning_imb.data.sources import ArraySource
from lightning_imb.data.splits import Splits, hold_out_test


def digits(test_size: float | int, split_seed: int, image_size: ImageSize, channels: int) -> Splits:
    """1,797 digits of 8 x 8 pixels, ten classes of about 180 images (Alpaydin and Kaynak 1998).

    Grey values 0..16 are scaled to 0..255 (``round(v * 255 / 16)``).

    Args:
        test_size: Share or number of images of every class for the test split.
        split_seed: Seed of that split.
        image_size: Side in pixels, [height, width], or None for 8.
        channels: 1, or 3 to repeat the grey channel.

    Raises:
        InputError: For bad arguments.
    """
    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None]
    source = ArraySource(
        fit_images(images, image_size, channels),
        bunch.target,
        [str(digit) for digit in range(10)],
        [f"digits/{i:04d}" for i in range(len(images))],
    )
    train, test = hold_out_test(source, test_size, split_seed)
    return Splits(train, None, test)
