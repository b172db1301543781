"""Settings of a run: flat, compared, hashed; which of them can change a result."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

# settings of how a run is carried out and watched, not of what it computes
_FREE_KEYS = (
    *("resume", "callbacks", "threads", "num_workers", "logger", "paths", "run_dir"),
    *("memory_limit_gb", "cache", "cache_limit_gb", "dataset.in_memory", "dataset.on_device", "store"),
    *("dataset.download", "dataset.splits.download"),
)


def flat_settings(cfg: DictConfig, resolve: bool = True) -> dict[str, Any]:
    """A config as one flat dict, ``{"imbalance.ratio": 100, ...}``, resolved or not, lists as their text."""
    return dict(_flatten(OmegaConf.to_container(cfg, resolve=resolve)))


def targets(cfg: DictConfig) -> list[tuple[str, str]]:
    """Classes and functions that a config names, in lists too: the dotted name of the setting, and their own."""
    return list(_targets(OmegaConf.to_container(cfg, resolve=True), ""))


def matters(key: str) -> bool:
    """Whether a setting, by its dotted name, can change the result of a run."""
    return not any(f"{key}.".startswith(f"{free}.") for free in _FREE_KEYS)


def changed_keys(old: DictConfig, new: DictConfig) -> list[str]:
    """Dotted names of the settings that differ and matter for the result."""
    before, after = flat_settings(old), flat_settings(new)
    absent = object()
    differing = [k for k in sorted({*before, *after}) if before.get(k, absent) != after.get(k, absent)]
    return [k for k in differing if matters(k)]


def config_hash(cfg: DictConfig) -> str:
    """Hash of the settings that matter for the result, as ``metrics.json`` holds it."""
    return digest({key: value for key, value in flat_settings(cfg).items() if matters(key)})


def digest(settings: Mapping[str, Any]) -> str:
    """Hash of flat settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def first_of(keys: Sequence[str], most: int = 5) -> str:
    """The first few of many names, and how many more there are."""
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return f"{', '.join(keys[:most])}{more}"


def _targets(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if "_target_" in value:
            yield key, str(value["_target_"])
        for name, item in value.items():
            yield from _targets(item, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            yield from _targets(item, key)


def _flatten(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _flatten(item, f"{prefix}{key}.")]
    return [(prefix.rstrip("."), str(value) if isinstance(value, list) else value)]
