"""Network dissection against its sums written out, and against planted detectors."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.runs import assert_refused

from lightning_imb.analysis import dissect as module
from lightning_imb.analysis.concept_masks import ConceptMasks
from lightning_imb.analysis.dissect import Dissection, dissect
from lightning_imb.analysis.dissection import Overlaps, at_image_size, detectors, units_on

N, SIZE = 12, (8, 6)


def blobs(seed=0):
    """(N, 8, 6) one rectangle per image."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((N, *SIZE), dtype=bool)
    for mask, top, left in zip(masks, rng.integers(0, 6, N), rng.integers(0, 4, N), strict=True):
        mask[top : top + 3, left : left + 2] = True
    return masks


def concepts(first, second, annotated):
    masks = ConceptMasks(["lesion", "other"], N, SIZE)
    for i in range(N):
        masks.put(i, 0, first[i])
        if annotated[i]:
            masks.put(i, 1, second[i])
    return masks


def settings(**changes):
    return Dissection(**({"quantile": 0.9, "over": "pixels", "draws": 4, "seed": 0, "count": None} | changes))


def batches(maps, size=5):
    return lambda: ({"layer": torch.from_numpy(part)} for part in np.array_split(maps, -(-len(maps) // size)))


def random_maps(units=5, side=(4, 3), seed=1):
    return np.random.default_rng(seed).normal(size=(N, units, *side)).astype(np.float32)


def written_out(maps, quantile, shown, annotated):
    """Thresholds over all pixels and IoU by plain loops."""
    large = F.interpolate(torch.from_numpy(maps), size=SIZE, mode="bilinear").numpy()
    iou = np.zeros((maps.shape[1], shown.shape[1]))
    for u in range(maps.shape[1]):
        t = np.quantile(large[:, u], quantile, method="inverted_cdf")
        for c in range(shown.shape[1]):
            both = either = 0
            for i in range(N):
                if annotated[i, c]:
                    on = large[i, u] >= t
                    both += (on & shown[i, c]).sum()
                    either += (on | shown[i, c]).sum()
            iou[u, c] = both / either
    return iou


@pytest.mark.parametrize("count_all", [False, True])
def test_iou_is_the_ratio_of_sums_over_the_annotated_images(count_all):
    first, second, annotated = blobs(0), blobs(1), np.arange(N) % 3 == 0
    masks = concepts(first, second, annotated)
    if count_all:
        masks.count_all_images()
    shown = np.stack([first, second & annotated[:, None, None]], axis=1)
    found = dissect(batches(random_maps()), masks, [0], settings())["layer"]
    assert np.allclose(found.iou, written_out(random_maps(), 0.9, shown, masks.annotated), atol=0.01)


@pytest.mark.parametrize("quantile", [0.5, 0.8, 0.99])
def test_a_planted_detector_has_iou_1_for_its_concept_alone(quantile):
    first, second = blobs(0), blobs(1)
    maps = np.stack([second, first, np.zeros_like(first)], axis=1).astype(np.float32)
    found = dissect(batches(maps), concepts(first, second, np.ones(N, bool)), [0], settings(quantile=quantile))["layer"]
    assert found.iou[1, 0] == found.iou[0, 1] == 1
    assert found.iou[0, 0] < 0.5
    assert (found.iou[2] == 0).all()  # a silent unit is on nowhere
    assert found.shuffled.shape == (4, 3, 2)
    assert found.shuffled[:, :2].max() < 0.5
    best = detectors(found.iou, 0.9)
    assert (best.concept.tolist(), best.units, best.unique) == ([1, 0, -1], 2, 2)


@pytest.mark.parametrize("over", ["pixels", "positions"])
def test_batches_and_bands_do_not_matter(over, monkeypatch):
    masks = concepts(blobs(0), blobs(1), np.arange(N) % 2 == 0)
    how = settings(over=over, count="components")
    whole = dissect(batches(random_maps(), N), masks, [0, 1], how)["layer"]
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    monkeypatch.setattr(module, "at_image_size", lambda maps, size: at_image_size(maps, size, at_once=1))
    pieces = dissect(batches(random_maps(), 1), masks, [0, 1], how)["layer"]
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(one, other)


def test_quantiles_of_positions_are_those_of_the_maps():
    maps = random_maps()
    found = dissect(batches(maps), concepts(blobs(0), blobs(1), np.ones(N, bool)), [], settings(over="positions"))
    exact = np.quantile(maps.swapaxes(0, 1).reshape(5, -1), 0.9, axis=1, method="inverted_cdf")
    assert np.allclose(found["layer"].thresholds, exact, rtol=2.0**-15)


def test_layers_are_dissected_together_as_alone():
    masks = concepts(blobs(0), blobs(1), np.ones(N, bool))
    a, b = random_maps(), random_maps(3, (8, 6), 2)

    def both():
        for one, other in zip(np.split(a, 3), np.split(b, 3), strict=True):
            yield {"a": torch.from_numpy(one), "b": torch.from_numpy(other)}

    found = dissect(both, masks, [], settings())
    np.testing.assert_array_equal(found["a"].iou, dissect(batches(a), masks, [], settings())["layer"].iou)
    np.testing.assert_array_equal(found["b"].shuffled, dissect(batches(b), masks, [], settings())["layer"].shuffled)


def test_concepts_are_counted_inside_regions_of_images_that_have_some():
    lesion = np.zeros((N, *SIZE), dtype=bool)
    lesion[:, 1:6, 1:5] = True
    masks = ConceptMasks(["lesion", "texture"], N, SIZE)
    for i in range(0, N, 2):
        masks.put(i, 0, lesion[i])
    maps = np.zeros((N, 2, *SIZE), dtype=np.float32)
    maps[:, 0, 2, 2] = maps[:, 0, 4, 4] = maps[:, 0, 0, 0] = 1  # two spots inside, one outside
    maps[:, 1, 1:6, 1] = 1
    parts, units = (
        dissect(batches(maps), masks, [0], settings(count=count))["layer"].counts for count in ("components", "units")
    )
    assert parts.tolist() == [3, -1] * 6
    assert units.tolist() == [2, -1] * 6


def test_units_are_on_above_a_threshold_of_zero_and_from_any_other():
    x = torch.tensor([[[0.0, 1.0, 2.0], [0.0, 0.0, 2.0], [-2.0, -1.0, 0.0]]])
    on = units_on(x, torch.tensor([1.0, 0.0, -1.0]))
    assert on.tolist() == [[[False, True, True], [False, False, True], [False, True, True]]]


@pytest.mark.parametrize("size", [(9, 14), (3, 4), (4, 3), (7, 7)])
def test_maps_grow_as_interpolation_does(size):
    maps = torch.from_numpy(random_maps(3, (4, 3)))
    bands = list(at_image_size(maps, size, at_once=100))
    assert [band.start for band, _ in bands][1:] == [band.stop for band, _ in bands][:-1]
    found = torch.cat([values for _, values in bands], dim=2).view(N, 3, *size)
    torch.testing.assert_close(found, F.interpolate(maps, size=size, mode="bilinear"), atol=1e-5, rtol=1e-5)


def test_concepts_that_are_nowhere_are_detected_by_nothing():
    overlaps = Overlaps(2, 3)
    on = torch.tensor([[[True, False], [False, False]]])
    masks = torch.tensor([[[True, False], [False, False], [True, True]]])
    overlaps.add(on, masks, torch.tensor([[True, True, False]]))
    np.testing.assert_array_equal(overlaps.iou(), [[1, 0, np.nan], [0, np.nan, np.nan]])
    best = detectors(overlaps.iou(), 0.5)
    assert (best.concept.tolist(), best.iou.tolist(), best.units, best.unique) == ([0, -1], [1, 0], 1, 1)


def test_settings_and_masks_that_do_not_fit_are_refused():
    assert_refused(lambda: settings(quantile=1.2), "quantile", "1.2")
    assert_refused(lambda: settings(over="maps"), "quantile_over", "maps", "positions")
    assert_refused(lambda: settings(count="holes"), "concept_count", "holes")
    masks = ConceptMasks(["lesion"], N + 1, SIZE)
    assert_refused(lambda: dissect(batches(random_maps()), masks, [], settings()), "12 images", "13")
