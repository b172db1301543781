"""``imb-predict``: classify new images with a finished run, or with a file that imb-export wrote."""

import re
import sys
from typing import TYPE_CHECKING

from lightning_imb.utils.cli import hydra_entry

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> None:
    """Console script: compose ``conf/predict.yaml`` and predict."""
    # people say model, but imb-train has a config group of that name and Hydra would look there
    sys.argv[1:] = [re.sub(r"^model=", "file=", argument) for argument in sys.argv[1:]]
    _main()


@hydra_entry("predict")
def _main(cfg: "DictConfig") -> None:
    from lightning_imb.inference import classify

    classify(cfg)


if __name__ == "__main__":
    main()
