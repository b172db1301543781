"""Misspelt keys in config files of the user's own, which Hydra merges without a word."""

import difflib
from collections.abc import Iterable
from importlib import resources

from omegaconf import DictConfig, OmegaConf

from lightning_imb.utils.errors import InputError

# All options of these groups have the same keys, whatever they instantiate; a contract test keeps it so.
_CLOSED_GROUPS = ("imbalance", "protocol", "reweight", "retrain", "accelerator", "callbacks")
_ALIKE = 0.8  # similarity from which a key of the user's own is taken for a misspelt one of ours


def check_keys(cfg: DictConfig) -> None:
    """Refuse keys that nothing reads.

    On the command line Hydra refuses them itself. At the top level a file may define values of its own to
    interpolate from, so only a near miss of a known key is refused there.

    Args:
        cfg: The composed training config.

    Raises:
        InputError: If a key is misspelt; names the nearest known one.
    """
    conf = resources.files("lightning_imb.conf")
    groups = [entry.name for entry in conf.iterdir() if entry.is_dir()]
    known = {*_keys(conf.joinpath("train.yaml").read_text(encoding="utf-8")), *groups}
    for key in {str(key) for key in cfg} - known:
        if nearest := difflib.get_close_matches(key, known, n=1, cutoff=_ALIKE):
            raise InputError(f"a config file sets '{key}', which nothing reads: did you mean '{nearest[0]}'?")
    for group in _CLOSED_GROUPS:
        options = [option.read_text(encoding="utf-8") for option in conf.joinpath(group).iterdir()]
        _check_group(group, cfg[group], {key for option in options for key in _keys(option)})


def _check_group(group: str, cfg: DictConfig, known: set[str]) -> None:
    for key in {str(key) for key in cfg} - known:
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
        raise InputError(
            f"a config file sets '{group}.{key}', which nothing reads: did you mean '{group}.{nearest[0]}'?"
        )


def _keys(text: str) -> Iterable[str]:
    """Top-level keys of a yaml, and those that its defaults list composes into it."""
    content = OmegaConf.create(text)
    assert isinstance(content, DictConfig), "the packaged configs are mappings"
    for key in content:
        if key != "defaults":
            yield str(key)
    for entry in content.get("defaults", []):
        if isinstance(entry, DictConfig):
            yield from (str(name).split("@")[-1].split("/")[-1] for name in entry)
