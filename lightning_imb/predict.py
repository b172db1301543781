"""``imb-predict``: classify new images with a finished run."""

from typing import TYPE_CHECKING

from lightning_imb.utils.cli import hydra_entry

if TYPE_CHECKING:
    from omegaconf import DictConfig


@hydra_entry("predict")
def main(cfg: "DictConfig") -> None:
    """Classify as composed from the command line."""
    from lightning_imb.inference import classify

    classify(cfg)


if __name__ == "__main__":
    main()
