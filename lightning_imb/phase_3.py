"""From a config to the second fit: what is trained in phase 3, on what, and from which over-sampler."""

from collections.abc import Sequence

import numpy as np
from imblearn.utils import check_sampling_strategy
from omegaconf import DictConfig, OmegaConf

from lightning_imb.build import build_loss, build_scheduler, check_scale, create
from lightning_imb.callbacks.image_retraining import ImageRetraining
from lightning_imb.callbacks.phase_switch import PhaseSwitch
from lightning_imb.checks import check_choice, check_scored, check_whole
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.data.kept_embeddings import KeptEmbeddings
from lightning_imb.data.oversample import OverSampler
from lightning_imb.data.sampling import expected_counts
from lightning_imb.losses import ClassCountLoss
from lightning_imb.losses.regression import MSELoss, RegressionLoss
from lightning_imb.models.retraining import BN_MODES, TRAINS, Retraining
from lightning_imb.networks import build_regression_loss
from lightning_imb.resampling import NoResampling
from lightning_imb.resampling.regression import RegressionResampler
from lightning_imb.task import Known
from lightning_imb.utils.checked import checked_flag, checked_number
from lightning_imb.utils.errors import InputError, one_line
from lightning_imb.utils.target_bins import TargetSample

Phase3 = PhaseSwitch | ImageRetraining

# settings that mean something on images only, with the value that changes nothing
_NEEDS_IMAGES = {"unfreeze": [], "bn_mode": "frozen", "sampler.kind": "instance"}


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
    check_scored(settings, "retrain.")
    check_choice(settings.start_from, "retrain.start_from", ("auto", "best", "last"))
    check_choice(settings.counts, "retrain.counts", ("original", "balanced"))
    check_choice(settings.inputs, "retrain.inputs", ("embeddings", "images"))
    check_choice(settings.trains, "retrain.trains", TRAINS)
    check_choice(settings.bn_mode, "retrain.bn_mode", BN_MODES)
    checked_number("retrain.head_lr_factor", settings.head_lr_factor, 0)
    checked_flag("retrain.reset_head", settings.reset_head)
    if settings.max_norm is not None:
        checked_number("retrain.max_norm", settings.max_norm, 0, 1)
    if settings.max_norm is not None and settings.trains == "scales":
        raise InputError(
            f"retrain.max_norm={settings.max_norm} shortens the weights that retrain.trains=scales keeps: "
            "set retrain.max_norm=null, or retrain.trains=head_and_scales"
        )
    if settings.trains != "head" and settings.reset_head:
        raise InputError(
            f"retrain.trains={settings.trains} scales the head of phase 1, which retrain.reset_head=true throws away: "
            "set retrain.reset_head=false"
        )
    for key, rest in _NEEDS_IMAGES.items():
        value = OmegaConf.select(settings, key)
        if settings.inputs == "embeddings" and value != rest:
            raise InputError(
                f"retrain.{key}={value} is for images, but retrain.inputs=embeddings trains on embeddings made once: "
                "set retrain.inputs=images"
            )


def build_phase_3(cfg: DictConfig, known: Known, kept: KeptEmbeddings | None = None) -> Phase3:
    """The callback that makes a second fit into phases 2 and 3; ``kept`` holds embeddings by the same extractor.

    Raises:
        InputError: If the loss of phase 3 needs another head than phase 1 trained, or the resampler's parameters
            are wrong.
    """
    settings = build_retraining(cfg, known)
    resampler = create(cfg.resampler, "resampler")
    if cfg.retrain.inputs == "embeddings":
        check_resampler(resampler, known)
        return PhaseSwitch(resampler, settings, cfg.retrain.batch_size, kept)
    if not isinstance(resampler, NoResampling):
        raise InputError(
            f"resampler={type(resampler).__name__} over-samples embeddings, which retrain.inputs=images has none of: "
            "set resampler=none, or retrain=head"
        )
    draw = create(cfg.retrain.sampler, "retrain.sampler")
    return ImageRetraining(settings, draw, cfg.retrain.batch_size)


def build_retraining(cfg: DictConfig, known: Known, trains: bool = True) -> Retraining:
    """The settings of phase 3; ``trains`` as for `lightning_imb.networks.build_network`.

    Raises:
        InputError: If its loss needs another head than phase 1 trained.
    """
    settings = cfg.retrain
    return Retraining(
        loss=_loss(cfg, known, trains),
        optimizer=create(settings.optimizer, "retrain.optimizer"),
        scheduler=build_scheduler(settings.scheduler, settings.epochs),
        reset_head=settings.reset_head,
        trains=settings.trains,
        head_lr_factor=float(settings.head_lr_factor),
        unfreeze=(settings.unfreeze,) if isinstance(settings.unfreeze, str) else tuple(settings.unfreeze),
        bn_mode=settings.bn_mode,
        max_norm=settings.max_norm,
        normalize=settings.normalize,
        tukey=settings.tukey,
    )


def _loss(cfg: DictConfig, known: Known, trains: bool) -> ClassCountLoss | RegressionLoss:
    if isinstance(known, TargetSample):
        if not trains:
            return MSELoss(known)
        node, key = (cfg.loss, "loss") if cfg.retrain.loss is None else (cfg.retrain.loss, "retrain.loss")
        return build_regression_loss(node, cfg.target_weights, known, key)
    return _loss_of_classes(cfg, known)


def _loss_of_classes(cfg: DictConfig, class_counts: Sequence[int]) -> ClassCountLoss:
    balanced = [max(class_counts)] * len(class_counts)
    counts = balanced if cfg.retrain.counts == "balanced" else list(class_counts)
    loss = build_loss(cfg.loss if cfg.retrain.loss is None else cfg.retrain.loss, counts)
    chosen = "linear" if cfg.model.head == "auto" else cfg.model.head
    trained = build_loss(cfg.loss, class_counts).required_head or chosen
    if loss.required_head not in (None, trained, chosen):
        cure = "choose another retrain.loss"
        if loss.required_head in ("linear", "cosine"):
            cure = f"set model.head={loss.required_head}"
        raise InputError(
            f"retrain.loss={type(loss).__name__} needs a {loss.required_head} head, but phase 1 trains a {trained} "
            f"head: {cure}"
        )
    check_scale(loss, cfg, "retrain.loss")
    return loss


def counts_of_phase_3(phase_3: Phase3, data: ImbalancedDataModule, epochs: int) -> list[int]:
    """Samples per class (K,) that will reach the loss at the end of phase 3, as far as known before training.

    Args:
        phase_3: The phase.
        data: The data module, set up.
        epochs: Of phase 3.
    """
    if isinstance(phase_3, ImageRetraining):
        return expected_counts(phase_3.draw, data.target("train"), len(data.class_counts), epochs - 1)
    if isinstance(phase_3.resampler, NoResampling):
        return list(data.class_counts)
    strategy = getattr(phase_3.resampler, "sampling_strategy", "auto")
    made = check_sampling_strategy(strategy, data.target("train"), "over-sampling")
    return [count + made.get(label, 0) for label, count in enumerate(data.class_counts)]


def check_resampler(resampler: OverSampler, known: Known) -> None:
    """Let an over-sampler check its own parameters, which it would do in phase 2 only.

    Raises:
        InputError: If it is made for classes and the targets are numbers, a parameter is out of range, or a target is
            below what a class has.
    """
    numeric, name = isinstance(known, TargetSample), type(resampler).__name__
    if not isinstance(resampler, RegressionResampler | NoResampling) and numeric:
        raise InputError(
            f"resampler={name} is made for classes, but the targets are numbers: use resampler=reg_random, smogn or "
            "reg_eos, or one of the methods reg_*"
        )
    if isinstance(resampler, RegressionResampler) and isinstance(known, TargetSample):
        resampler.check_targets(known.values)
    elif not isinstance(known, TargetSample):
        _check_parameters(resampler, known)


def _check_parameters(resampler: OverSampler, class_counts: Sequence[int]) -> None:
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
