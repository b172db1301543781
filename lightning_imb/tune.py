"""``imb-tune``: search settings of imb-train by a score of the validation images.

A command of its own with Optuna, and not Hydra's Optuna sweeper: that plugin (1.3.0) pins Optuna below 3, a launch on
an existing storage counts its trials and folders from zero again, a trial that was running when the process was killed
is lost, and a trial without a usable score ends the sweep.
"""

import importlib.util
import sys
from typing import TYPE_CHECKING

from lightning_imb.utils.cli import hydra_entry
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.extras import how_to_install
from lightning_imb.utils.threads import wait_politely

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> None:
    """Console script: compose ``conf/tune.yaml`` and search."""
    sweeping = [word for word in sys.argv[1:] if word in ("-m", "--multirun") or word.startswith("sweep=")]
    if sweeping:  # refused before Hydra makes a folder for the sweep
        sys.exit(f"error: imb-tune chooses the runs itself: leave {sweeping[0]} out; n_trials=... says how many")
    _main()


@hydra_entry("tune")
def _main(cfg: "DictConfig") -> None:
    if importlib.util.find_spec("optuna") is None:
        raise InputError(f"imb-tune needs Optuna: {how_to_install('tune')}")
    wait_politely()  # before torch brings OpenMP
    # here and not above: --help must not wait for torch and Optuna
    from lightning_imb.tuning.command import tune

    tune(cfg)


if __name__ == "__main__":
    main()
