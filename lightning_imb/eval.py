"""``imb-eval``: score a finished run again."""

from typing import TYPE_CHECKING

from lightning_imb.utils.cli import hydra_entry

if TYPE_CHECKING:
    from omegaconf import DictConfig


@hydra_entry("eval")
def main(cfg: "DictConfig") -> None:
    """Evaluate as composed from the command line."""
    from lightning_imb.evaluation import evaluate

    evaluate(cfg)


if __name__ == "__main__":
    main()
