"""``imb-analyze``: look into a finished run, or into all runs of a sweep."""

from typing import TYPE_CHECKING

from lightning_imb.utils.cli import hydra_entry, sweep_is_a_folder

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> None:
    """Console script: compose ``conf/analyze.yaml`` and analyse."""
    sweep_is_a_folder()
    _main()


@hydra_entry("analyze")
def _main(cfg: "DictConfig") -> None:
    from lightning_imb.inspection import inspect_runs

    inspect_runs(cfg)


if __name__ == "__main__":
    main()
