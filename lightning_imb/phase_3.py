"""From a config to the second fit: what is trained in phase 3, on what, and from which over-sampler."""

from collections.abc import Sequence

import numpy as np
from imblearn.utils import check_sampling_strategy
from omegaconf import DictConfig

from lightning_imb.build import build_loss, build_scheduler, check_scale, create
from lightning_imb.callbacks.image_retraining import ImageRetraining
from lightning_imb.callbacks.phase_switch import PhaseSwitch, Resampler
from lightning_imb.checks import check_choice, check_number, check_whole, one_line
from lightning_imb.data.kept_embeddings import KeptEmbeddings
from lightning_imb.losses import ClassCountLoss
from lightning_imb.models.retraining import BN_MODES, TRAINS, Retraining
from lightning_imb.resampling import NoResampling
from lightning_imb.utils.errors import InputError

Phase3 = PhaseSwitch | ImageRetraining

_NEEDS_IMAGES = {"unfreeze": [], "bn_mode": "frozen"}  # settings that mean something on images only, with their rest


def check_retraining(cfg: DictConfig) -> None:
    """Refuse settings of phase 3 that are out of range or contradict each other, before anything is loaded.

    Args:
        cfg: The composed training config.

    Raises:
        InputError: If a value or a combination cannot work.
    """
    settings = cfg.retrain
    if not settings.enabled:
        return
    for key in ("epochs", "batch_size", "val_every"):
        check_whole(settings[key], f"retrain.{key}", 1)
    check_choice(settings.start_from, "retrain.start_from", ("auto", "best", "last"))
    check_choice(settings.counts, "retrain.counts", ("original", "balanced"))
    check_choice(settings.inputs, "retrain.inputs", ("embeddings", "images"))
    check_choice(settings.trains, "retrain.trains", TRAINS)
    check_choice(settings.bn_mode, "retrain.bn_mode", BN_MODES)
    check_number(settings.head_lr_factor, "retrain.head_lr_factor", "a number")
    if settings.max_norm is not None:
        check_number(settings.max_norm, "retrain.max_norm", "a number or null")
    if settings.trains != "head" and settings.reset_head:
        raise InputError(
            f"retrain.trains={settings.trains} scales the head of phase 1, which retrain.reset_head=true throws away: "
            "set retrain.reset_head=false"
        )
    for key, rest in _NEEDS_IMAGES.items():
        if settings.inputs == "embeddings" and settings[key] != rest:
            raise InputError(
                f"retrain.{key}={settings[key]} changes the extractor, but retrain.inputs=embeddings keeps what it made: "
                "set retrain.inputs=images"
            )


def build_phase_3(cfg: DictConfig, class_counts: Sequence[int], kept: KeptEmbeddings | None = None) -> Phase3:
    """The callback that makes a second fit into phases 2 and 3; ``kept`` holds embeddings by the same extractor.

    Raises:
        InputError: If the loss of phase 3 needs another head than phase 1 trained, or the resampler's parameters
            are wrong.
    """
    settings = build_retraining(cfg, class_counts)
    resampler = create(cfg.resampler, "resampler")
    if cfg.retrain.inputs == "embeddings":
        check_resampler(resampler, class_counts)
        return PhaseSwitch(resampler, settings, cfg.retrain.batch_size, kept)
    if not isinstance(resampler, NoResampling):
        raise InputError(
            f"resampler={type(resampler).__name__} over-samples embeddings, which retrain.inputs=images has none of: "
            "set resampler=none, or retrain=head"
        )
    draw = create(cfg.retrain.sampler, "retrain.sampler")
    return ImageRetraining(settings, draw, cfg.retrain.batch_size)


def build_retraining(cfg: DictConfig, class_counts: Sequence[int]) -> Retraining:
    """The settings of phase 3.

    Raises:
        InputError: If its loss needs another head than phase 1 trained.
    """
    settings = cfg.retrain
    return Retraining(
        loss=_loss(cfg, class_counts),
        optimizer=create(settings.optimizer, "retrain.optimizer"),
        scheduler=build_scheduler(settings.scheduler, settings.epochs),
        reset_head=settings.reset_head,
        trains=settings.trains,
        head_lr_factor=float(settings.head_lr_factor),
        unfreeze=tuple(settings.unfreeze),
        bn_mode=settings.bn_mode,
        max_norm=settings.max_norm,
        normalize=settings.normalize,
        tukey=settings.tukey,
    )


def _loss(cfg: DictConfig, class_counts: Sequence[int]) -> ClassCountLoss:
    balanced = [max(class_counts)] * len(class_counts)
    counts = balanced if cfg.retrain.counts == "balanced" else list(class_counts)
    loss = build_loss(cfg.loss if cfg.retrain.loss is None else cfg.retrain.loss, counts)
    trained = build_loss(cfg.loss, class_counts).required_head or cfg.model.head
    trained = "linear" if trained == "auto" else trained
    if loss.required_head and loss.required_head != trained:
        raise InputError(
            f"retrain.loss={type(loss).__name__} needs a {loss.required_head} head, but phase 1 trains a {trained} "
            f"head: set model.head={loss.required_head}"
        )
    check_scale(loss, cfg, "retrain.loss")
    return loss


def check_resampler(resampler: Resampler, class_counts: Sequence[int]) -> None:
    """Let an over-sampler check its own parameters, which it would do in phase 2 only.

    Raises:
        InputError: If a parameter is out of range, or a target is below what a class has.
    """
    labels = np.repeat(np.arange(len(class_counts)), class_counts)
    try:
        for part in (resampler, getattr(resampler, "sampler", None)):
            validate = getattr(part, "_validate_params", None)  # scikit-learn's; over-samplers of others lack it
            if validate is not None:
                validate()
        strategy = getattr(resampler, "sampling_strategy", None)
        if strategy is not None:
            check_sampling_strategy(strategy, labels, "over-sampling")
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"resampler cannot work ({one_line(error)}): set another resampler.* value") from error
