"""``imb-train``: train one run, or with ``-m`` a sweep of them."""

from typing import TYPE_CHECKING

from lightning_imb.utils.cli import hydra_entry
from lightning_imb.utils.threads import wait_politely

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from omegaconf import DictConfig

    from lightning_imb.sweeps import SweepOfRuns

# torch and Lightning take seconds to import, numpy a part of one: --help and a misspelt option must not wait for them


def _launch(cfg: "DictConfig") -> "AbstractContextManager[None]":
    from lightning_imb.launches import launch

    return launch(cfg.run_dir)


def _watch() -> "SweepOfRuns":
    from lightning_imb.sweeps import SweepOfRuns

    return SweepOfRuns()


@hydra_entry("train", launch=_launch, watch=_watch)
def main(cfg: "DictConfig") -> None:
    """Train as composed from the command line."""
    wait_politely()  # before torch brings OpenMP
    from lightning_imb.workflow import train

    train(cfg)


if __name__ == "__main__":
    main()
