"""``imb-train``: train one run, or with ``-m`` a sweep of them."""

from typing import TYPE_CHECKING

from lightning_imb.utils.cli import hydra_entry
from lightning_imb.utils.threads import wait_politely

if TYPE_CHECKING:
    from omegaconf import DictConfig


@hydra_entry("train")
def main(cfg: "DictConfig") -> None:
    """Train as composed from the command line."""
    wait_politely()  # before torch brings OpenMP
    # torch and Lightning take seconds to import: --help and a misspelt option must not wait for them
    from lightning_imb.workflow import train

    train(cfg)


if __name__ == "__main__":
    main()
