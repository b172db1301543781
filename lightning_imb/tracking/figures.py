"""Sending figures to whichever logger can show them."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only


@rank_zero_only
def log_figures(loggers: Iterable[Logger], figures: Mapping[str, Figure], step: int) -> None:
    """Send figures to TensorBoard, W&B and MLflow; other loggers (csv) cannot hold them and are passed over.

    Args:
        loggers: The loggers of the run.
        figures: Figures by name, such as ``figures/confusion``.
        step: Step the figures are filed under.
    """
    for logger in loggers:
        for name, figure in figures.items():
            _send(logger, name, figure, step)


def _send(logger: Logger, name: str, figure: Figure, step: int) -> None:
    if isinstance(logger, TensorBoardLogger):
        # as an image and not by add_figure, which imports pyplot and its global state
        logger.experiment.add_image(name, figure_to_rgb(figure), step, dataformats="HWC")
    elif isinstance(logger, WandbLogger):
        logger.log_image(name, [figure_to_rgb(figure)], step)
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_figure(logger.run_id, figure, f"{name}.png")


def figure_to_rgb(figure: Figure) -> np.ndarray:
    """Draw a figure; returns (height, width, 3) uint8."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]
