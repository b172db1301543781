"""Settings that belong to classes only or to numbers only are refused with the other."""

import logging
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.losses.regression import RegressionLoss
from lightning_imb.models.regressor import ImbalancedRegressor
from lightning_imb.models.retraining import Retraining
from lightning_imb.task import CLASS_SCORES, ERRORS, is_regression
from lightning_imb.utils.checked import start_of
from lightning_imb.utils.environment import first_process
from lightning_imb.utils.errors import InputError

log = logging.getLogger(__name__)

# What says that a part is switched off, and how to say so on the command line.
_CLASSES_ONLY: dict[str, tuple[Any, str]] = {
    "reweight.kind": ("none", "reweight=none, and target_weights=inverse to weigh by density"),
    "mix._target_": ("lightning_imb.mixing.NoMixing", "mix=none"),
    "oversample._target_": ("lightning_imb.resampling.NoResampling", "oversample=none"),
    "model.experts": (1, "model.experts=1"),
    "callbacks.diagnostics_every": (0, "callbacks.diagnostics_every=0"),
    "retrain.trains": ("head", "retrain.trains=head"),
    "retrain.max_norm": (None, "retrain.max_norm=null"),
}
_NUMBERS_ONLY: dict[str, tuple[Any, str]] = {
    "imbalance.law": (None, "imbalance=exp, step, none or natural"),
    "target_weights.base": ("none", "target_weights=none"),
    "smoothing.enabled": (False, "smoothing=none"),
    "model.head_bias": (True, "model.head_bias=true"),
}


def check_task(cfg: DictConfig) -> None:
    """Refuse parts that the task of the data set rules out, before anything is loaded.

    Args:
        cfg: The composed training config.

    Raises:
        InputError: Naming the setting and what to use instead.
    """
    numeric = is_regression(cfg)
    _check_head(cfg, numeric)
    _check_resampler(cfg, numeric)
    made_for, refused = ("classes", _CLASSES_ONLY) if numeric else ("numeric targets", _NUMBERS_ONLY)
    for key, (off, cure) in refused.items():
        value = OmegaConf.select(cfg, key)
        if value != off:
            raise InputError(
                f"{_shown(key, value)} is made for {made_for}, but {_data(cfg)}: use {cure}{_methods(numeric)}"
            )
    if numeric and cfg.dataset.target in ("name", ""):
        raise InputError(f"dataset.target='{cfg.dataset.target}' is a column of predictions already: call it otherwise")
    allowed = ("auto", *(ERRORS if numeric else CLASS_SCORES))
    if cfg.protocol.monitor not in allowed:
        raise InputError(f"protocol.monitor must be one of {', '.join(allowed)}, not '{cfg.protocol.monitor}'")


def check_targets(cfg: DictConfig, data: ImbalancedDataModule) -> None:
    """Refuse targets that are of the other kind than ``dataset.task`` says, or that no bin was made for.

    Args:
        cfg: The composed training config.
        data: The data module, set up.

    Raises:
        InputError: Naming the task, or the range that is not covered.
    """
    if (data.bins is not None) != is_regression(cfg):
        raise InputError(
            f"dataset.task={cfg.dataset.task} contradicts the targets of dataset={cfg.dataset.name}, which are "
            f"{'classes' if data.bins is None else 'numbers'}: leave dataset.task out, or choose another dataset"
        )
    if data.bins is None:
        return
    values, edges = data.answers("train"), data.bins.edges
    if values.max() < edges[0] or values.min() >= edges[-1]:
        raise InputError(
            f"all training targets, {values.min():g} to {values.max():g}, lie beyond the bins, {edges[0]:g} to "
            f"{edges[-1]:g}: set other dataset.bins, or another law"
        )


def check_regression(model: ImbalancedRegressor, retraining: Retraining | None, cfg: DictConfig) -> None:
    """Refuse batches too small for the loss, and smoothing that never begins; warn of what is hardly meant.

    A smaller batch at the end of an epoch teaches nothing, and does no harm.

    Args:
        model: With the loss of phase 1.
        retraining: Settings of phase 3; None without one.
        cfg: The training config.

    Raises:
        InputError: If no batch of a phase would have as many images as its loss needs, or ``smoothing.start_epoch`` is
            never reached.
    """
    if model.smoothing is not None:
        start_of("smoothing.start_epoch", model.smoothing.start_epoch, cfg.epochs)
    _check_batches(model.loss, cfg.batch_size, "batch_size")
    if retraining is not None:
        _check_batches(retraining.loss, cfg.retrain.batch_size, "retrain.batch_size")
    drawn, weights = cfg.sampler.get("kind"), cfg.target_weights.base
    balances = not model.loss.weighs
    if first_process() and drawn != "instance" and (balances or weights != "none"):
        log.warning(
            "sampler.kind=%s and %s both compensate for rare targets: leave one out, or mean it",
            drawn,
            f"loss={type(model.loss).__name__}" if balances else f"target_weights.base={weights}",
        )


def _check_batches(loss: RegressionLoss, size: int, key: str) -> None:
    if size < loss.min_batch:
        raise InputError(
            f"{type(loss).__name__} compares the targets of a batch, but {key}={size}: use at least {loss.min_batch}"
        )


def _check_head(cfg: DictConfig, numeric: bool) -> None:
    if numeric and cfg.model.head not in ("auto", "linear"):
        raise InputError(f"model.head={cfg.model.head} is made for classes, but {_data(cfg)}: use model.head=auto")


def _check_resampler(cfg: DictConfig, numeric: bool) -> None:
    """Refuse an over-sampler of numbers for classes by its name: it could not be built without bins."""
    made = str(cfg.resampler._target_)
    if not numeric and made.startswith("lightning_imb.resampling.regression."):
        raise InputError(
            f"resampler={made.rpartition('.')[2]} is made for numeric targets, but {_data(cfg)}: use resampler=eos"
        )


def _shown(key: str, value: Any) -> str:
    """The setting as a user knows it: of a part with a class, its group and that class."""
    group, _, last = key.rpartition(".")
    if last == "_target_":
        return f"{group}={str(value).rpartition('.')[2]}"
    return f"{key}={value.get('_target_', value) if OmegaConf.is_dict(value) else value}"


def _data(cfg: DictConfig) -> str:
    return f"the targets of dataset={cfg.dataset.name} are {'numbers' if is_regression(cfg) else 'classes'}"


def _methods(numeric: bool) -> str:
    return ", or one of the methods reg_*" if numeric else ""
