"""The two optimisation problems of a run; balancing the embeddings opens the second one."""

from enum import StrEnum


class Phase(StrEnum):
    """Which optimisation problem a fit solves. The value is also the name of its checkpoint folder."""

    REPRESENT = "represent"
    RETRAIN = "retrain"
