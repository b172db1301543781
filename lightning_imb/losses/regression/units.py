"""The unit that numbers of a loss are given in."""

import numpy as np

from lightning_imb.utils.checked import checked_choice
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetSample

UNITS = ("std", "target")


def unit_of(targets: TargetSample, unit: str, setting: str) -> float:
    """How much of the target a unit is.

    Args:
        targets: Those of training.
        unit: ``std``: their standard deviation, so that numbers mean the same on any scale. ``target``: 1.
        setting: What messages call ``unit``.

    Raises:
        InputError: Another word, or targets without spread as a unit.
    """
    if checked_choice(setting, unit, UNITS) == "target":
        return 1.0
    spread = float(np.std(targets.values))
    if spread == 0:
        raise InputError(
            f"all {len(targets.values)} training targets are {targets.values[0]:g}, so their standard deviation is no "
            f"unit; give targets that differ, or {setting}=target"
        )
    return spread
