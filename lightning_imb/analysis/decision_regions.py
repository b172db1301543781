"""What a classifier answers around the points of a map, carried to the plane by those points.

A point of the plane has no embedding, so no classifier can be asked about it. Each cell therefore takes the answer that
most of the nearest mapped points got. How faithful that is can be measured: at the points themselves the colour of the
region should be the answer they got.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from lightning_imb.utils.checked import checked_number
from lightning_imb.utils.errors import InputError

UNKNOWN = -1
_MARGIN = 0.04  # of the map's extent, around the outermost points


class Frame(NamedTuple):
    """The part of the plane that is coloured: its cells' centres along both axes, ascending, (W,) and (H,)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]


class Regions(NamedTuple):
    """Decision regions on the plane.

    Attributes:
        cells: (H, W) answer of each cell, rows along y; -1 where no voting point is near.
        faithful: share of the voting points whose own answer is that of the region they lie in, from 0 to 1.
    """

    cells: NDArray[np.int64]
    faithful: float


def frame_around(places: NDArray[np.float64], cells: int) -> Frame:
    """Lay a grid over all mapped points.

    Args:
        places: (N, 2) positions.
        cells: cells along each axis, at least 2.
    """
    checked_number("cells", cells, 2)
    low, high = places.min(axis=0), places.max(axis=0)
    room = _MARGIN * np.where(high > low, high - low, 1.0)  # points on a line need room beside it, too
    x, y = np.linspace(low - room, high + room, cells).T
    return Frame(x, y)


def decision_regions(
    places: NDArray[np.float64], answers: NDArray[np.int64], frame: Frame, neighbors: int, reach: float
) -> Regions:
    """Colour the plane by a vote of the nearest mapped points.

    Args:
        places: (N, 2) positions of the points.
        answers: (N,) what the classifier answers for each; points with -1 do not vote.
        frame: what to colour.
        neighbors: voters per cell, at least 1; the nearest points, each with the same weight. More than there are
            points means all.
        reach: cells farther from every voter than this share of the frame's diagonal stay without a colour; above 0.

    Returns:
        The regions. A tie goes to the smaller class.

    Raises:
        InputError: no point votes, or a number is out of its range.
    """
    checked_number("neighbors", neighbors, 1)
    checked_number("reach", reach, 1e-6)
    voting = answers != UNKNOWN
    if not voting.any():
        raise InputError("no point of the map has an answer; give the classifier's answers on the mapped points")
    places, answers = places[voting], answers[voting]
    voters = KNeighborsClassifier(min(neighbors, len(places))).fit(places, answers)
    centres = np.stack(np.meshgrid(frame.x, frame.y), axis=-1).reshape(-1, 2)
    cells = voters.predict(centres)
    diagonal = np.hypot(frame.x[-1] - frame.x[0], frame.y[-1] - frame.y[0])
    cells[voters.kneighbors(centres, 1)[0][:, 0] > reach * diagonal] = UNKNOWN
    faithful = float((voters.predict(places) == answers).mean())
    return Regions(cells.reshape(len(frame.y), len(frame.x)).astype(np.int64), faithful)
