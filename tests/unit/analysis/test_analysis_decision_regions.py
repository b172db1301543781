"""Colours of the plane around mapped points."""

import numpy as np
import pytest

from lightning_imb.analysis.decision_regions import Frame, decision_regions, frame_around
from lightning_imb.utils.errors import InputError

LEFT_AND_RIGHT = np.array([[0.0, 0.0], [0.0, 1.0], [4.0, 0.0], [4.0, 1.0]])
WIDE = Frame(np.linspace(-1, 5, 7), np.linspace(0, 1, 3))


def vote(places, answers, cell, k):
    """The answer that most of the k nearest points got, the smaller one of equals."""
    nearest = np.argsort(np.linalg.norm(places - cell, axis=1), kind="stable")[:k]
    return np.bincount(answers[nearest]).argmax()


def test_cells_have_the_answer_of_the_nearest_point():
    regions = decision_regions(LEFT_AND_RIGHT, np.array([5, 5, 2, 2]), WIDE, 1, 1.0)
    assert regions.cells.shape == (3, 7)
    assert (regions.cells[:, :3] == 5).all()
    assert (regions.cells[:, 4:] == 2).all()
    assert regions.faithful == 1


def test_most_of_the_nearest_points_decide():
    rng = np.random.default_rng(0)
    places, answers = rng.random((40, 2)), rng.integers(0, 3, 40)
    frame = frame_around(places, 9)
    regions = decision_regions(places, answers, frame, 5, 1.0)
    for i, j in np.ndindex(9, 9):
        assert regions.cells[i, j] == vote(places, answers, np.array([frame.x[j], frame.y[i]]), 5)
    own = [vote(places, answers, place, 5) == answer for place, answer in zip(places, answers, strict=True)]
    assert regions.faithful == pytest.approx(np.mean(own))


def test_far_from_all_points_nothing_is_known():
    regions = decision_regions(LEFT_AND_RIGHT[:2], np.array([1, 1]), WIDE, 1, 1.5 / np.hypot(6, 1))
    assert (regions.cells[:, :3] == 1).all()
    assert (regions.cells[:, 3:] == -1).all()


def test_points_without_an_answer_do_not_vote():
    regions = decision_regions(LEFT_AND_RIGHT, np.array([-1, -1, 2, 2]), WIDE, 1, 1.0)
    assert (regions.cells == 2).all()
    assert regions.faithful == 1
    with pytest.raises(InputError, match="no point"):
        decision_regions(LEFT_AND_RIGHT, np.full(4, -1), WIDE, 1, 1.0)


def test_more_voters_than_points_means_all():
    regions = decision_regions(LEFT_AND_RIGHT, np.array([3, 3, 3, 1]), WIDE, 99, 1.0)
    assert (regions.cells == 3).all()
    assert regions.faithful == 0.75


def test_the_frame_holds_all_points_with_room():
    frame = frame_around(LEFT_AND_RIGHT, 11)
    assert (len(frame.x), len(frame.y)) == (11, 11)
    assert frame.x[0] < 0 < 4 < frame.x[-1]
    assert frame.y[0] < 0 < 1 < frame.y[-1]
    flat = frame_around(np.array([[0.0, 2.0], [1.0, 2.0]]), 3)
    assert flat.y[0] < 2 < flat.y[-1]


@pytest.mark.parametrize("changes", [{"neighbors": 0}, {"reach": 0.0}])
def test_impossible_votes_are_refused(changes):
    with pytest.raises(InputError):
        decision_regions(LEFT_AND_RIGHT, np.arange(4), WIDE, **{"neighbors": 1, "reach": 1.0} | changes)
