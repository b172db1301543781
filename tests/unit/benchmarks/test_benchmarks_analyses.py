"""The baselines of the analyses find what the analyses find, at a toy size where both look at the same rows."""

import contextlib

import pytest

from benchmarks.cases.analyses import ANALYSES, CASE


class OverError(Exception):
    """No more turns."""


class OneTurn:
    def __init__(self):
        self.told = None

    def begin(self):
        if self.told is not None:
            raise OverError

    def end(self, units, **facts):
        self.told = {"units": units, **facts}


def told(side, settings):
    turn = OneTurn()
    with contextlib.suppress(OverError):
        side.work(turn, settings, **side.arguments)
    return turn.told


@pytest.mark.parametrize("analysis", [name for name in ANALYSES if name != "mapped"])  # a map has no one answer
def test_both_sides_find_the_same(analysis, settings):
    pair = CASE.pairs(settings)[list(ANALYSES).index(analysis)]
    plain, ours = told(pair.baseline, settings), told(pair.ours, settings)
    assert plain["units"] == ours["units"] > 0
    assert plain["work"] == pytest.approx(ours["work"], abs=2e-2)
    assert plain["peak_mb_above_inputs"] >= 0
