"""A finished run as something that predicts, with this package."""

from contextlib import nullcontext

import torch
from torch import Tensor

from lightning_imb.build import checkpoint_kind
from lightning_imb.data.transforms import BatchTransform
from lightning_imb.exporting.description import Description, describe
from lightning_imb.exporting.predictor import Predictor
from lightning_imb.models.phased import PhasedModule
from lightning_imb.restore import chosen_phase, restore_precision
from lightning_imb.runs import RunFolder


def describe_network(run: RunFolder, phase: str, checkpoint: str) -> Description:
    """Describe what ``phase`` and ``checkpoint`` mean for a run.

    Args:
        run: A finished run.
        phase: ``auto``, ``represent`` or ``retrain``.
        checkpoint: ``auto``, ``best`` or ``last``.

    Raises:
        InputError: If the run had no such phase, or a file of it is damaged.
    """
    cfg = run.read_config()
    which = chosen_phase(cfg, phase)
    return describe(run, cfg, which.value, checkpoint_kind(cfg, which, checkpoint))


def network_predictor(
    run: RunFolder, model: PhasedModule, transform: BatchTransform, description: Description, exact: bool
) -> Predictor:
    """A network of a run as a predictor.

    Args:
        run: The run.
        model: Its network, on its device.
        transform: Its normalisation, there too.
        description: Of the network.
        exact: Whether it computes in float32; else with the rounding that the run's own scores were made with.
    """
    precision = restore_precision(run, model.device)

    @torch.no_grad()
    def answer(images: Tensor) -> Tensor:
        normalised = transform.normalise(images)
        with nullcontext() if exact else precision:
            outputs: Tensor = model(normalised)
        return outputs.cpu()

    return Predictor(description, answer)
