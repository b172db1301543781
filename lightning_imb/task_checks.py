"""Settings that belong to classes only or to numbers only are refused with the other."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from lightning_imb.task import CLASS_SCORES, ERRORS, is_regression
from lightning_imb.utils.errors import InputError

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
    allowed = ("auto", *(ERRORS if numeric else CLASS_SCORES))
    if cfg.protocol.monitor not in allowed:
        raise InputError(f"protocol.monitor must be one of {', '.join(allowed)}, not '{cfg.protocol.monitor}'")


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
