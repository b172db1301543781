import numpy as np
import pytest

from lightning_imb.resampling.pairing import Pairing, draw_pairs, interpolate


class Highest:
    """A generator whose every draw is the largest number below 1."""

    def random(self, shape, dtype):
        return np.full(shape, np.nextafter(dtype(1), dtype(0)), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_enemy_itself_is_never_reached(dtype):
    """r drawn in float64 would round to 1 in float32 and give the enemy the label of the base."""
    start, end = np.zeros((3, 2), dtype), np.ones((3, 2), dtype)
    rows = interpolate(start, end, (0.0, 1.0), False, Highest())
    assert rows.dtype == dtype
    assert (rows < 1).all()


def test_bases_and_then_their_partners_are_drawn_uniformly():
    """A base with one partner is drawn as often as one with three; invalid partners never are."""
    pairing = Pairing(np.array([4, 7]), np.array([[1, 99, 99], [1, 2, 3]]), np.array([1, 3]))
    bases, partners = draw_pairs(pairing, 60_000, np.random.default_rng(0))
    share = {(b, p): ((bases == b) & (partners == p)).mean() for b, p in set(zip(bases, partners, strict=True))}
    expected = {(4, 1): 1 / 2, (7, 1): 1 / 6, (7, 2): 1 / 6, (7, 3): 1 / 6}
    assert share == pytest.approx(expected, abs=0.01)
