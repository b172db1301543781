"""Closing every logger, whatever happened before."""

import logging
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

log = logging.getLogger(__name__)


@rank_zero_only
def close_loggers(loggers: Iterable[Logger], status: Literal["success", "failed"]) -> None:
    """Finalise all loggers and end an open W&B run.

    Meant for a ``finally`` block: a logger that fails is reported in the log, never raised, so it hides
    neither the error that ended the run nor the loggers after it. An open W&B run would swallow the metrics
    of the next job of a multirun.

    Args:
        loggers: The loggers of the run.
        status: How the run ended.
    """
    for logger in loggers:
        _attempt(type(logger).__name__, partial(logger.finalize, status))
    wandb = sys.modules.get("wandb")  # nobody imported it: nothing can be open
    if wandb is not None and wandb.run is not None:
        _attempt("wandb", partial(wandb.finish, exit_code=0 if status == "success" else 1))


def _attempt(name: str, action: Callable[[], None]) -> None:
    try:
        action()
    except Exception:
        log.warning("%s could not be closed.", name, exc_info=True)
