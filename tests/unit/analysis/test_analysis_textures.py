"""Textures of images with planted ones."""

import numpy as np
from helpers.runs import assert_refused

from lightning_imb.analysis.textures import TEXTURES, local_statistics, texture_masks, texture_thresholds

WINDOW = 0.1


def planted():
    """(3, 2, 40, 40): noise, with a black, a white and an even grey square, and one hard edge in the last image."""
    images = np.random.default_rng(0).integers(100, 156, (3, 2, 40, 40)).astype(np.uint8)
    images[0, :, 5:15, 5:15] = 0
    images[0, :, 25:35, 25:35] = 255
    images[1, :, 5:15, 5:15] = 128
    images[2, :, :, 20:] = 255
    return images


def test_textures_are_found_where_they_are_planted():
    images = planted()
    thresholds = texture_thresholds(lambda: [images], WINDOW, 0.03)
    dark, bright, edges, smooth = texture_masks(images, WINDOW, thresholds).swapaxes(0, 1)
    assert dark[0, 7:13, 7:13].all()
    assert not dark[1:].any()
    assert bright[0, 27:33, 27:33].all()
    assert not bright[1].any()
    assert edges[2, 5:35, 19:21].mean() > 0.8
    assert not edges[1].any()
    assert smooth[1, 8:12, 8:12].all()
    assert not smooth[2, :, :15].any()
    assert len(TEXTURES) == 4


def test_the_wanted_share_of_all_pixels_shows_a_texture():
    images = np.random.default_rng(1).integers(0, 256, (6, 3, 24, 30)).astype(np.uint8)
    thresholds = texture_thresholds(lambda: np.array_split(images, 4), WINDOW, 0.2)
    shares = texture_masks(images, WINDOW, thresholds).mean(axis=(0, 2, 3))
    np.testing.assert_allclose(shares, 0.2, atol=0.002)


def test_statistics_are_those_of_the_window_around_a_pixel():
    images = planted()
    grey = images.mean(axis=1) / 255
    found = local_statistics(images, WINDOW)
    window = grey[1, 18:22, 20:24]  # 4 pixels wide: one tenth of 40; two before the pixel, one after
    np.testing.assert_allclose(found[1, :2, 20, 22], [-window.mean(), window.mean()], rtol=1e-5)
    np.testing.assert_allclose(found[1, 3, 20, 22], -window.std(), atol=1e-5)


def test_settings_out_of_range_are_refused():
    assert_refused(lambda: local_statistics(planted(), 2.0), "texture_window", "2")
    assert_refused(lambda: texture_thresholds(lambda: [planted()], WINDOW, 1.5), "texture_share", "1.5")
