"""From a config to a post-hoc method at work: on which embeddings it searches, and where its head is kept."""

import copy
import functools
import io
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from omegaconf import DictConfig
from pytorch_lightning import Trainer
from torch import Tensor, nn

from lightning_imb.build import create
from lightning_imb.callbacks.phase_switch import extract
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.losses import ClassCountLoss
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.models.phased import PhasedModule
from lightning_imb.phases import Phase
from lightning_imb.posthoc import AdjustedHead, Given, NoAdjustment, PostHoc, from_kept, to_kept
from lightning_imb.runs import RunFolder
from lightning_imb.utils.atomic import atomic_file
from lightning_imb.utils.errors import InputError

log = logging.getLogger(__name__)

FILE = "posthoc.pt"  # among the checkpoints


def build_posthoc(node: DictConfig) -> PostHoc:
    """The method of a ``posthoc`` config.

    Raises:
        InputError: If a setting is out of range.
    """
    method = create(node, "posthoc")
    assert isinstance(method, PostHoc)
    return method


def class_loss(model: PhasedModule) -> ClassCountLoss | None:
    """The loss of a classifier; None of a regressor, whose loss says nothing of classes."""
    return model.loss if isinstance(model, ImbalancedClassifier) else None


def check_posthoc(
    method: PostHoc, head: nn.Module, loss: ClassCountLoss | None, reached: Sequence[int], data: ImbalancedDataModule
) -> None:
    """Refuse before training what a method could not do after it.

    Args:
        method: The method.
        head: As the last phase will leave it, with any weights.
        loss: That the last phase trains with, as it will be at its end; None of a regressor.
        reached: Samples per class (K,) that will have reached it.
        data: The data module, set up; nothing is embedded.

    Raises:
        InputError: If the method is made for the other kind of targets, the head, the loss or the lack of validation
            images rules it out, or it would change nothing.
    """
    _check_task(method, regression=data.bins is not None)
    given = _given(head, loss, reached, data, _nothing_yet)
    method.check(given)
    method.check_worth(given)


def _check_task(method: PostHoc, regression: bool) -> None:
    if method.task in ("any", "regression" if regression else "classification"):
        return
    if regression:
        raise InputError(
            f"posthoc={method.name} adjusts a classifier, but the targets are numbers: use posthoc=none or rebagg"
        )
    raise InputError(
        f"posthoc={method.name} makes a head for numeric targets, but these are classes: use another posthoc"
    )


def adjust_head(method: PostHoc, model: PhasedModule, data: ImbalancedDataModule, trainer: Trainer) -> dict[str, Any]:
    """Give a trained network another head.

    Parameters are searched on the embeddings of the validation images, never on test images. Of several processes all
    have to call, and all get the same head.

    Args:
        method: Makes the head.
        model: Trained; ``model.loss`` is the loss that its head was trained with, and ``model.reached`` what reached
            it. Its head is replaced.
        data: The data module, set up.
        trainer: Says on which device and in which precision images are embedded.

    Returns:
        The report of the method, see `lightning_imb.posthoc.Adjusted`.

    Raises:
        InputError: As `check_posthoc`, but for what would change nothing: a training is over by now.
    """
    model.to(trainer.strategy.root_device)  # Lightning leaves it on the CPU after a fit
    embed = functools.partial(_embedded, model, data, trainer)
    trained = copy.deepcopy(model.head).cpu().eval()
    adjusted = method.adjust(_given(trained, class_loss(model), model.reached, data, embed))
    if not isinstance(method, NoAdjustment):
        model.head = adjusted.head.to(model.device)
    return adjusted.report


def write_head(run: RunFolder, head: AdjustedHead, phase: Phase, kind: str) -> None:
    """Keep a head beside the checkpoints.

    Args:
        run: The run that it belongs to.
        head: Made by a post-hoc method.
        phase: The phase of the checkpoint that it was made from.
        kind: ``best`` or ``last``: which checkpoint of that phase.
    """
    memory = io.BytesIO()  # a failing disk then shows as an OSError, not as an error of torch's zip writer
    torch.save({"phase": phase.value, "checkpoint": kind, **to_kept(head)}, memory)
    with atomic_file(run.checkpoints / FILE) as file:
        file.write(memory.getbuffer())


def put_back_head(model: PhasedModule, run: RunFolder, cfg: DictConfig, phase: Phase, kind: str) -> bool:
    """Give a restored network the head that the run's post-hoc method made of this very checkpoint.

    Args:
        model: With the weights of the checkpoint; its head is replaced.
        run: A finished run.
        cfg: Its config.
        phase: The phase of the checkpoint.
        kind: ``best`` or ``last``.

    Returns:
        Whether it was put back. Phase 1 below a phase 3, and checkpoints that the run did not score, have none.

    Raises:
        InputError: If the file is missing or damaged.
    """
    if isinstance(build_posthoc(cfg.posthoc), NoAdjustment):
        return False
    kept = _read(run)
    if (kept["phase"], kept["checkpoint"]) != (phase.value, kind):
        made_from = f"checkpoint {kept['checkpoint']} of phase {kept['phase']}"
        log.warning("the run's post-hoc head belongs to %s: this network is as trained", made_from)
        return False
    model.head = from_kept(kept, model.head)
    return True


def summary(report: Mapping[str, Any]) -> str:
    """The report of a method in a few words: its name, its settings, what they were searched on."""
    short = {key: value for key, value in report.items() if not isinstance(value, list)}
    name, searched_on = short.pop("posthoc"), short.pop("searched_on", None)
    settings = [f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in short.items()]
    return ", ".join([f"posthoc {name}", *settings, *([f"searched on {searched_on}"] if searched_on else [])])


def prior_of_logits(model: PhasedModule) -> list[float] | None:
    """Shares of the classes (K,) that the logits of a trained network predict for, its class weights accounted for.

    Args:
        model: With the loss that its head was trained with, and what reached it.

    Returns:
        None for a head that a post-hoc method made: what is left of a prior in its logits is not known; for a class of
        weight 0, which no sample ever spoke for; and for a regressor.
    """
    loss = class_loss(model)
    if loss is None or isinstance(model.head, AdjustedHead):
        return None
    shares = _shares(loss.prior_left(loss.weighted_counts(model.reached)))
    return shares if min(shares) > 0 else None


def _shares(log_shares: Tensor) -> list[float]:
    shares: list[float] = log_shares.softmax(0).tolist()
    return shares


def _given(
    head: nn.Module,
    loss: ClassCountLoss | None,
    reached: Sequence[int],
    data: ImbalancedDataModule,
    embed: Callable[[str], tuple[Tensor, Tensor]],
) -> Given:
    return Given(
        head=head,
        class_counts=data.class_counts,
        train=functools.partial(embed, "train"),
        val=functools.partial(embed, "val") if data.has("val") else None,
        # class weights left out: a post-hoc prior is that of the samples
        head_prior=None if loss is None else _shares(loss.prior_left(reached)),
        numbers=None if data.bins is None else data.training_targets.values,
    )


def _embedded(model: PhasedModule, data: ImbalancedDataModule, trainer: Trainer, split: str) -> tuple[Tensor, Tensor]:
    """Embeddings (N, D) as the head reads them, and labels or numbers (N,), on the CPU."""
    z, target = extract(model, data, split, trainer.precision_plugin.forward_context)
    with torch.no_grad():
        after = copy.deepcopy(model.after).cpu()
        return after(z), target


def _nothing_yet(split: str) -> tuple[Tensor, Tensor]:
    raise AssertionError(f"a check before training asked for the embeddings of {split}")


def _read(run: RunFolder) -> dict[str, Any]:
    path = run.checkpoints / FILE
    if not path.is_file():
        raise InputError(f"there is no {path}, the head that the run's post-hoc method made: train the run again")
    try:
        kept: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file surfaces as any of half a dozen exceptions
        raise InputError(f"{path} is damaged ({type(error).__name__}): train the run again") from None
    return kept
