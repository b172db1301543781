"""``torch.compile`` as an option that never costs a run."""

import copy
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from lightning_imb.utils.errors import InputError, one_line

log = logging.getLogger(__name__)

MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


def compile_mode(setting: bool | str) -> str | None:
    """The mode of ``torch.compile`` that ``accelerator.compile`` means; None for no compilation.

    Raises:
        InputError: If it is neither true, false nor a mode.
    """
    if isinstance(setting, bool):
        return "default" if setting else None
    if setting not in MODES:
        raise InputError(f"accelerator.compile is true, false or one of {', '.join(MODES)}, not '{setting}'")
    return setting


def try_compile(
    extractor: nn.Module, mode: str, images: torch.Tensor, precision: Callable[[], AbstractContextManager[Any]]
) -> bool:
    """Compile a module in place, if a forward and a backward pass of a compiled copy work here.

    The names of its weights stay as they are, so checkpoints of compiled and plain networks are the same.

    Args:
        extractor: What to compile, on its device.
        mode: One of ``MODES``; ``reduce-overhead`` uses CUDA graphs.
        images: A batch like those of the training, on the same device.
        precision: Context of the forward pass.

    Returns:
        Whether it is compiled now; if not, one sentence in the log says why.
    """
    trial = copy.deepcopy(extractor).train()
    try:
        trial.compile(mode=mode)
        with precision():
            embedded = trial(images)
        embedded.float().sum().backward()
    except Exception as error:  # a missing compiler, an operator it does not know, ...: each has its own class
        log.warning("the network runs uncompiled, for torch.compile failed here (%s)", one_line(error))
        return False
    torch._dynamo.config.suppress_errors = True  # other batch sizes are compiled as they come; what fails runs plain
    extractor.compile(mode=mode)
    return True
