import numpy as np
import pytest

from lightning_imb.resampling.pairing import Pairing, draw_pairs, interpolate
from lightning_imb.resampling.rows import Search


class Highest:
    """A generator whose every draw is the largest number below 1."""

    def random(self, shape, dtype):
        return np.full(shape, np.nextafter(dtype(1), dtype(0)), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_enemy_itself_is_never_reached(dtype):
    """r drawn in float64 would round to 1 in float32 and give the enemy the label of the base."""
    X, pairs = np.array([[0, 0], [1, 1]], dtype), (np.zeros(3, int), np.ones(3, int))
    (rows,) = interpolate(X, pairs, (0.0, 1.0), False, Highest(), Search())
    assert rows.dtype == dtype
    assert (rows < 1).all()


def test_bases_and_then_their_partners_are_drawn_uniformly():
    """A base with one partner is drawn as often as one with three; invalid partners never are."""
    pairing = Pairing(np.array([4, 7]), np.array([[1, 99, 99], [1, 2, 3]]), np.array([1, 3]))
    bases, partners = draw_pairs(pairing, 60_000, np.random.default_rng(0))
    share = {(b, p): ((bases == b) & (partners == p)).mean() for b, p in set(zip(bases, partners, strict=True))}
    expected = {(4, 1): 1 / 2, (7, 1): 1 / 6, (7, 2): 1 / 6, (7, 3): 1 / 6}
    assert share == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("per_feature", [False, True])
@pytest.mark.parametrize("memory_mb", [1e-6, 0.003, 512])
def test_points_are_those_of_one_draw_whatever_the_memory(dtype, per_feature, memory_mb):
    """The reference draws all r at once; an odd number of features tests the half-used words of float32 draws."""
    X = np.random.default_rng(1).normal(size=(40, 3)).astype(dtype)
    base, partner = np.random.default_rng(2).integers(0, 40, (2, 5_001))
    unit = np.random.default_rng(3).random((5_001, 3 if per_feature else 1), dtype=dtype)
    expected = X[base] + (dtype(0.25) + dtype(0.5) * unit) * (X[partner] - X[base])
    pieces = interpolate(
        X, (base, partner), (0.25, 0.75), per_feature, np.random.default_rng(3), Search(memory_mb=memory_mb)
    )
    found = np.concatenate(list(pieces))
    assert found.dtype == dtype
    assert found.tobytes() == expected.tobytes()


def test_pieces_stay_within_an_eighth_of_the_memory():
    X, pairs = np.zeros((2, 100), np.float32), (np.zeros(9_000, int), np.ones(9_000, int))
    pieces = list(interpolate(X, pairs, (0.0, 1.0), True, np.random.default_rng(0), Search(memory_mb=1)))
    assert sum(len(piece) for piece in pieces) == 9_000
    assert all(4 * piece.nbytes <= 2**20 / 8 for piece in pieces)  # base, offset, r and r scaled
