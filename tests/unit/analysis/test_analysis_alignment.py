import numpy as np
import pytest

from lightning_imb.analysis.alignment import align, overlap, pointing
from lightning_imb.analysis.region_bank import RegionBank

SIZE = (12, 9)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def heat(rng):
    return rng.random(SIZE).astype(np.float32)


@pytest.fixture
def regions(rng):
    return rng.random((4, *SIZE)) < np.array([0.05, 0.2, 0.5, 0.9])[:, None, None]


def overlap_by_pixels(heat, region):
    shared = inside = light = 0.0
    for a, g in zip(heat.ravel().tolist(), region.ravel().tolist(), strict=True):
        shared, inside, light = shared + a * g, inside + g, light + a
    return shared / (inside + light - shared + 1e-8), shared / (inside + 1e-8), shared / (light + 1e-8)


@pytest.mark.parametrize("threshold", [None, 0.6])
def test_overlap(heat, regions, threshold):
    cut = heat if threshold is None else (heat >= threshold).astype(float)
    expected = np.array([overlap_by_pixels(cut, region) for region in regions])
    np.testing.assert_allclose(np.transpose(overlap(heat, regions, threshold)), expected, rtol=1e-9)


def test_a_map_that_is_the_region_scores_one(regions):
    for region in regions:
        np.testing.assert_allclose(np.ravel(overlap(region.astype(np.float32), region[None])), 1)


def test_a_map_beside_the_region_scores_zero(regions):
    for region in regions:
        np.testing.assert_array_equal(np.ravel(overlap((~region).astype(np.float32), region[None])), 0)


def test_a_map_of_ones_scores_the_share_of_the_frame(regions):
    found, area = overlap(np.ones(SIZE), regions), regions.mean(axis=(1, 2))
    np.testing.assert_allclose(found.iou, area)
    np.testing.assert_allclose(found.ior, area)
    np.testing.assert_allclose(found.iobb, 1)


def test_a_map_of_zeros_scores_zero(regions):
    np.testing.assert_array_equal(overlap(np.zeros(SIZE), regions), np.zeros((3, 4)))
    np.testing.assert_array_equal(overlap(np.zeros(SIZE), regions, 0.5), np.zeros((3, 4)))


def test_iou_is_the_smallest(heat, regions):
    found = overlap(heat, regions)
    assert (found.iou <= np.minimum(found.iobb, found.ior) + 1e-12).all()


def test_a_darker_map_lights_less_of_the_region_but_no_less_of_itself(heat, regions):
    full, half = overlap(heat, regions), overlap(heat * 0.5, regions)
    np.testing.assert_allclose(half.iobb, 0.5 * full.iobb)
    np.testing.assert_allclose(half.ior, full.ior, rtol=1e-6)


def test_regions_are_boxes_with_open_ends():
    box = np.zeros((1, *SIZE), dtype=bool)
    box[0, 2:4, 5:8] = True  # y1=2, y2=4, x1=5, x2=8
    heat = np.zeros(SIZE)
    heat[4, 8] = 1  # the corner (y2, x2) lies outside
    assert pointing(heat, box).hit == 0
    heat[3, 7] = 2
    assert pointing(heat, box).hit == 1
    assert overlap(np.ones(SIZE), box).iou == pytest.approx(6 / 108)


class TestPointing:
    def test_the_brightest_pixel_decides(self, heat, regions):
        y, x = np.unravel_index(heat.argmax(), SIZE)
        found = pointing(heat, regions)
        assert found.points == 1
        np.testing.assert_array_equal(found.hits, regions[:, y, x])
        np.testing.assert_array_equal(found.hit, regions[:, y, x])

    def test_ties_count_as_several_points_but_one_hit(self):
        heat, region = np.zeros((1, 4)), np.array([[[False, True, True, False]]])
        heat[0, [0, 1, 2]] = 0.7
        found = pointing(heat, region)
        assert (found.points, found.hits.tolist(), found.hit.tolist()) == (3, [2.0], [0.0])

    def test_k_brightest(self, heat, regions):
        brightest = np.argsort(heat.ravel())[-5:]
        found = pointing(heat, regions, top=5)
        assert found.points == 5
        np.testing.assert_array_equal(found.hits, regions.reshape(4, -1)[:, brightest].sum(axis=1))

    def test_a_map_of_zeros_points_nowhere(self, regions):
        found = pointing(np.zeros(SIZE), regions)
        assert found.points == 0
        assert not found.hits.any()
        assert not found.hit.any()


def test_align_holds_every_measure(heat, regions):
    found = align(heat, regions, 0.6, 3)
    soft, hard, pointed = overlap(heat, regions), overlap(heat, regions, 0.6), pointing(heat, regions, 3)
    np.testing.assert_array_equal(found[:6], [*soft, *hard])
    np.testing.assert_array_equal(found.hits, pointed.hits)
    assert found.points == pointed.points


class TestRegionBank:
    @pytest.fixture
    def bank(self, rng):
        bank = RegionBank(seed=0)
        for row in range(12):
            bank.add(row, row % 2, rng.random(SIZE) < 0.3)
        bank.add(12, 2, rng.random(SIZE) < 0.3)
        bank.add(13, 1, None)
        return bank

    def test_gives_back_what_it_got(self):
        regions = np.random.default_rng(1).random((5, 7, 11)) < 0.5
        bank = RegionBank(seed=0)
        for row, region in enumerate(regions):
            bank.add(row, 0, region)
        for row, region in enumerate(regions):
            np.testing.assert_array_equal(bank.region(row), region)

    def test_knows_what_has_no_region(self, bank):
        assert bank.rows == list(range(13))
        assert 13 not in bank
        assert bank.without == {1: 1}

    def test_others_are_of_the_same_class_and_not_the_image_itself(self, bank):
        mine = [bank.region(row).tobytes() for row in (2, 4, 6, 8, 10)]
        assert sorted(other.tobytes() for other in bank.others(0, 10)) == sorted(mine)

    def test_draws_are_without_replacement_and_repeat(self, bank):
        drawn = bank.others(0, 3)
        assert len({one.tobytes() for one in drawn}) == 3
        bank.others(2, 3)
        np.testing.assert_array_equal(bank.others(0, 3), drawn)

    def test_the_only_image_of_a_class_has_no_others(self, bank):
        assert bank.others(12, 5).shape == (0, *SIZE)
