"""``imb-export``: a finished run as a model card and as files that predict without this package."""

from typing import TYPE_CHECKING

from lightning_imb.utils.cli import hydra_entry

if TYPE_CHECKING:
    from omegaconf import DictConfig


@hydra_entry("export")
def main(cfg: "DictConfig") -> None:
    """Export as composed from the command line."""
    from lightning_imb.exporting.command import export

    export(cfg)


if __name__ == "__main__":
    main()
