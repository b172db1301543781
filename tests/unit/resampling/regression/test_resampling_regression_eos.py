"""EOS for numbers against loops: who is an enemy of whom, where new rows lie, and what their targets are."""

import numpy as np
import pytest

from lightning_imb.resampling.regression import RegressionEOS
from lightning_imb.resampling.regression.enemies import enemy_pairing, nearest_enemy
from lightning_imb.utils.errors import InputError

EDGES = [0, 1, 2, 3, 4]


def rows(counts=(30, 8, 0, 5), width=2, spread=1.0, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.concatenate([low + rng.random(n) for low, n in enumerate(counts)]))
    z = y[:, None] + spread * rng.normal(size=(len(y), width))
    return z.astype(dtype), y.astype(dtype)


def neighbours(i, z, k):
    others = sorted((float(((z[j] - z[i]) ** 2).sum()), j) for j in range(len(z)) if j != i)
    return [j for _, j in others[:k]]


def enemies(i, z, y, distance, k):
    return [j for j in neighbours(i, z, k) if abs(y[j] - y[i]) >= distance]


def pairs_of(row, z, y, of, distance, k):
    """All ``(r, base, enemy)`` that make a row."""
    found = []
    for i in of:
        for j in enemies(i, z, y, distance, k):
            way = z[j] - z[i]
            r = float((row - z[i]) @ way / (way @ way))
            if np.allclose(z[i] + r * way, row, atol=1e-9):
                found.append((r, i, j))
    return found


@pytest.mark.parametrize(("targets", "enemy"), [("mix", "uniform"), ("keep", "uniform"), ("mix", "nearest")])
def test_every_row_lies_between_a_row_of_its_bin_and_a_near_row_of_another_target(targets, enemy):
    z, y = rows()
    k, distance = 4, 0.8
    settings = {"bins": EDGES, "k": k, "enemy_distance": distance, "r_range": (0.1, 0.4), "ineligible": "drop"}
    sampler = RegressionEOS(**settings, targets=targets, enemy=enemy, random_state=0)
    new_z, new_y = sampler.fit_resample(z, y)
    at = len(z)
    for low, entry in enumerate(sampler.report_):
        own = [i for i in range(len(y)) if low <= y[i] < low + 1]
        for row, target in zip(new_z[at : at + entry["made"]], new_y[at : at + entry["made"]], strict=True):
            possible = pairs_of(row, z, y, own, distance, k)
            if enemy == "nearest":
                possible = [(r, i, j) for r, i, j in possible if j == enemies(i, z, y, distance, k)[0]]
            step = 1 if targets == "mix" else 0
            assert any(0.1 <= r <= 0.4 and abs(y[i] + step * r * (y[j] - y[i]) - target) < 1e-9 for r, i, j in possible)
        at += entry["made"]
    assert at == len(new_z)
    assert [entry["real"] + entry["made"] for entry in sampler.report_] == [30, 30, 0, 30]


def test_the_report_counts_eligible_rows_and_targets_that_left_their_bin():
    z, y = rows()
    sampler = RegressionEOS(bins=EDGES, k=4, random_state=0)
    new_y = sampler.fit_resample(z, y)[1]
    at = len(y)
    for low, entry in enumerate(sampler.report_):
        if entry["made"] == 0:
            assert entry["eligible"] is entry["left"] is entry["fallback"] is None
            continue
        own = [i for i in range(len(y)) if low <= y[i] < low + 1]
        assert entry["eligible"] == sum(bool(enemies(i, z, y, 1.0, 4)) for i in own)  # null: one bin width
        part = new_y[at : at + entry["made"]]
        assert entry["left"] == sum(not low <= value < low + 1 for value in part) > 0
        at += entry["made"]


def test_targets_that_are_kept_never_leave_their_bin():
    z, y = rows()
    sampler = RegressionEOS(bins=EDGES, targets="keep", random_state=0)
    sampler.fit_resample(z, y)
    assert {entry["left"] for entry in sampler.report_} == {None, 0}


@pytest.mark.parametrize("targets", ["mix", "keep"])
def test_no_way_toward_the_enemy_is_a_copy(targets):
    z, y = rows(dtype=np.float32)
    new_z, new_y = RegressionEOS(bins=EDGES, r_range=(0, 0), targets=targets, random_state=0).fit_resample(z, y)
    real = {(row.tobytes(), float(value)) for row, value in zip(z, y, strict=True)}
    assert {(row.tobytes(), float(value)) for row, value in zip(new_z, new_y, strict=True)} == real


def test_all_the_way_is_the_enemy_with_its_target():
    z, y = rows()
    new_z, new_y = RegressionEOS(bins=EDGES, r_range=(1, 1), random_state=0).fit_resample(z, y)
    for row, target in zip(new_z[len(z) :], new_y[len(y) :], strict=True):
        at = int(np.abs(z - row).sum(axis=1).argmin())
        np.testing.assert_allclose(row, z[at], atol=1e-12)
        assert target == pytest.approx(y[at])


def test_a_linear_map_of_the_rows_stays_right_on_mixed_targets():
    """What a mixed target says: on targets that are linear in the rows nothing new is taught."""
    z, _ = rows(width=3)
    y = z @ [0.5, 0.2, 0.3] + 1
    new_z, new_y = RegressionEOS(bins=4, enemy_distance=0.5, random_state=0).fit_resample(z, y)
    np.testing.assert_allclose(new_z @ [0.5, 0.2, 0.3] + 1, new_y, atol=1e-9)


def line(*groups):
    """Rows on a line: ``(place, target)``."""
    places, targets = zip(*groups, strict=True)
    return np.array(places, dtype=np.float64)[:, None], np.array(targets, dtype=np.float64)


FAR = line((0, 0.5), (0.1, 0.6), (0.2, 0.7), (0.3, 0.4), (50, 2.5), (50.1, 2.6))


@pytest.mark.parametrize(("on_empty", "fallback"), [("nearest_enemy", "nearest_enemy"), ("random", "random")])
def test_a_bin_without_an_eligible_row(on_empty, fallback):
    z, y = FAR
    sampler = RegressionEOS(bins=EDGES, k=1, ineligible="drop", on_empty=on_empty, r_range=(0.5, 0.5), random_state=0)
    new_z = sampler.fit_resample(z, y)[0]
    assert [entry["fallback"] for entry in sampler.report_] == [None, None, fallback, None]
    assert sampler.report_[2]["eligible"] == 0
    midpoints = {50.0: 25.15, 50.1: 25.2}  # with the row at 0.3
    expected = set(midpoints.values()) if on_empty == "nearest_enemy" else set(midpoints)
    assert {round(float(place), 6) for place in new_z[len(z) :, 0]} <= expected


@pytest.mark.parametrize(("ineligible", "bases"), [("drop", {3.5}), ("nearest_enemy", {3.5, 90, 90.1})])
def test_rows_without_an_enemy_nearby_beside_rows_with_one(ineligible, bases):
    z, y = line(*((place / 10, 0.5) for place in range(31)), (3.5, 2.5), (90, 2.6), (90.1, 2.4))
    sampler = RegressionEOS(bins=EDGES, k=1, ineligible=ineligible, r_range=(0, 0), random_state=0)
    new_z = sampler.fit_resample(z, y)[0]
    assert sampler.report_[2] == {"bin": "2 to 3", "real": 3, "made": 28, "eligible": 1, "left": 0, "fallback": None}
    assert set(new_z[len(z) :, 0].tolist()) == bases


def test_pairing_of_enemies_is_what_loops_find():
    z, y = rows()
    of = np.arange(0, len(y), 3)
    for nearest_only in (False, True):
        pairing = enemy_pairing(of, z, y, 1.0, 5, nearest_only=nearest_only)
        for i, partners, count in zip(*pairing, strict=True):
            expected = enemies(i, z, y, 1.0, 5)
            assert partners[:count].tolist() == (expected[:1] if nearest_only else expected)


def test_the_nearest_enemy_is_what_loops_find_however_far_and_none_where_there_is_none():
    z, y = rows((40, 20, 10, 2))
    distance = 2.2
    found = nearest_enemy(np.arange(len(y)), z, y, distance)
    for i in range(len(y)):
        assert found[i] == next(iter(enemies(i, z, y, distance, len(y))), -1)
    assert -1 in found


def test_a_bin_in_the_middle_that_is_near_all_targets_is_copied():
    z, y = line((0, 0.1), (1, 0.2), (2, 0.15), (3, 2.0), (4, 3.9))
    sampler = RegressionEOS(bins=EDGES, enemy_distance=3.0, random_state=0)
    new_z, new_y = sampler.fit_resample(z, y)
    assert sampler.report_[2]["fallback"] == "random"
    made = new_y[len(y) : len(y) + 2]
    assert made.tolist() == [2.0, 2.0]
    assert new_z[len(z) : len(z) + 2, 0].tolist() == [3.0, 3.0]


def test_targets_without_enemies_are_refused_before_and_while_resampling():
    z, y = np.zeros((3, 2)), np.array([0.2, 0.3, 0.9])
    for act in (lambda s: s.check_targets(y), lambda s: s.fit_resample(z, y)):
        with pytest.raises(InputError, match=r"no two training targets differ by enemy_distance=1 .* 0\.2 to 0\.9"):
            act(RegressionEOS(bins=EDGES))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "resampler.k is 0"),
        ({"enemy_distance": 0}, "resampler.enemy_distance is 0; give a number above 0"),
        ({"enemy_distance": -1}, "resampler.enemy_distance is -1"),
        ({"r_range": (0.5, 0.2)}, "resampler.r_range"),
        ({"r_range": [0, 1.5]}, "resampler.r_range"),
        ({"r_range": [0.5]}, "resampler.r_range"),
        ({"targets": "mean"}, "choose one of mix, keep"),
        ({"enemy": "all"}, "choose one of uniform, nearest"),
        ({"ineligible": "keep"}, "choose one of drop, nearest_enemy"),
        ({"on_empty": "smote"}, "choose one of nearest_enemy, random"),
    ],
)
def test_impossible_settings_are_refused_at_once(settings, message):
    with pytest.raises(InputError, match=message):
        RegressionEOS(bins=3, **settings)
