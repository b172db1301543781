"""Packed masks of concepts, and the same masks dealt to other images."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from lightning_imb.analysis.concept_masks import ConceptMasks


def bank(images=7, size=(5, 3)):
    """Two concepts; the second is annotated in the odd images alone."""
    given = np.random.default_rng(0).random((images, 2, *size)) < 0.4
    masks = ConceptMasks(["a", "b"], images, size)
    for i in range(images):
        masks.put(i, 0, given[i, 0])
        if i % 2:
            masks.put(i, 1, given[i, 1])
    return masks, given


def test_masks_come_back_as_they_were_put():
    masks, given = bank()
    shown, annotated = masks.read(masks.own())
    assert (shown[:, 0] == given[:, 0].reshape(7, -1)).all()
    assert (shown[1::2, 1] == given[1::2, 1].reshape(3, -1)).all()
    assert not shown[::2, 1].any()
    assert annotated[:, 0].all()
    assert annotated[:, 1].tolist() == [False, True] * 3 + [False]


def test_all_images_count_when_told_so():
    masks, _ = bank()
    masks.count_all_images()
    shown, annotated = masks.read(masks.own())
    assert annotated.all()
    assert not shown[::2, 1].any()


def test_areas_and_unions():
    masks, given = bank()
    assert masks.area(0) == pytest.approx(given[:, 0].mean())
    assert masks.area(1) == pytest.approx(given[1::2, 1].mean())
    assert masks.showing(1) == given[1::2, 1].any(axis=(1, 2)).sum()
    assert (masks.union(1, [0, 1]) == given[1].any(axis=0)).all()
    assert (masks.union(0, [0, 1]) == given[0, 0]).all()
    assert np.isnan(ConceptMasks(["a"], 3, (2, 2)).area(0))


def best_iou(masks, concept, on):
    """The largest IoU of all units that are on in as many pixels."""
    shown, annotated = masks.read(masks.own())
    counts = np.repeat(annotated[:, concept], masks.pixels)
    shown = shown[:, concept].ravel() & counts
    units = np.zeros((comb(len(shown), on), len(shown)), dtype=bool)
    for unit, pixels in zip(units, combinations(range(len(shown)), on), strict=True):
        unit[list(pixels)] = True
    units &= counts
    return ((units & shown).sum(axis=1) / (units | shown).sum(axis=1)).max()


@pytest.mark.parametrize("on", range(13))
@pytest.mark.parametrize("count_all", [False, True])
def test_the_ceiling_is_the_iou_of_the_best_unit(on, count_all):
    masks = ConceptMasks(["a", "b"], 3, (2, 2))
    for i, rows in enumerate(([[1, 1], [0, 1]], [[0, 0], [0, 0]], [[0, 1], [0, 0]])):
        masks.put(i, 0, np.array(rows, dtype=bool))
    masks.put(1, 1, np.array([[0, 1], [1, 0]], dtype=bool))
    if count_all:
        masks.count_all_images()
    for concept in (0, 1):
        assert masks.ceiling(concept, on / 12) == pytest.approx(best_iou(masks, concept, on))


def test_a_unit_may_be_on_where_a_concept_is_not_annotated():
    masks = ConceptMasks(["a", "nowhere"], 10, (10, 10))
    mask = np.zeros((10, 10), dtype=bool)
    mask[3, 4] = True
    masks.put(0, 0, mask)
    assert masks.ceiling(0, 0.01) == pytest.approx(1)
    masks.count_all_images()
    assert masks.ceiling(0, 0.01) == pytest.approx(0.1)
    assert np.isnan(masks.ceiling(1, 0.01))


def test_every_mask_is_dealt_once_to_another_annotated_image():
    masks, _ = bank()
    dealt = masks.dealt(20, seed=3)
    assert dealt.shape == (20, 7, 2)
    for draw in dealt:
        assert sorted(draw[:, 0]) == list(range(7))
        assert sorted(draw[1::2, 1]) == [1, 3, 5]
        assert (draw[:, 0] != np.arange(7)).all()
        assert (draw[1::2, 1] != np.array([1, 3, 5])).all()
        assert (draw[::2, 1] == np.array([0, 2, 4, 6])).all()
    assert len(np.unique(dealt[:, :, 0], axis=0)) > 10
    assert (masks.dealt(20, seed=3) == dealt).all()
    assert (masks.dealt(20, seed=4) != dealt).any()


def test_the_only_annotated_image_keeps_its_mask():
    masks = ConceptMasks(["a"], 2, (2, 2))
    masks.put(1, 0, np.ones((2, 2), dtype=bool))
    assert masks.dealt(2, 0)[:, :, 0].tolist() == [[0, 1], [0, 1]]
