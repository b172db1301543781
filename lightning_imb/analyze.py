"""``imb-analyze``: look into a finished run, or into all runs of a sweep."""

import re
import sys
from typing import TYPE_CHECKING

from lightning_imb.utils.cli import hydra_entry

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> None:
    """Console script: compose ``conf/analyze.yaml`` and analyse."""
    # people say sweep=<folder>, but imb-train has a config group of that name and Hydra would look there
    sys.argv[1:] = [re.sub(r"^sweep=", "folder=", argument) for argument in sys.argv[1:]]
    _main()


@hydra_entry("analyze")
def _main(cfg: "DictConfig") -> None:
    from lightning_imb.inspection import inspect_runs

    inspect_runs(cfg)


if __name__ == "__main__":
    main()
