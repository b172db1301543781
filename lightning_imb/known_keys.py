"""What the packaged configs know: their keys, which a file of the user's own may misspell, and their switches."""

import difflib
import functools
from collections.abc import Iterable
from importlib import resources

from omegaconf import DictConfig, OmegaConf

from lightning_imb.settings import flat_settings
from lightning_imb.utils.errors import InputError

# All options of these groups have the same keys, whatever they instantiate; a contract test keeps it so.
_CLOSED_GROUPS = ("imbalance", "protocol", "reweight", "retrain", "accelerator", "callbacks")
_MORE_THAN_SWITCHES = ("accelerator.compile",)  # takes words, too, and is checked where these are known
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


def check_switches(cfg: DictConfig) -> None:
    """Refuse words where the packaged configs have true or false.

    In a file off and no are false; on the command line Hydra takes them for words, and any word counts as true.

    Args:
        cfg: A composed config. Groups composed into another place, such as ``loss@retrain.loss``, are known there, too.

    Raises:
        InputError: If a switch is neither true nor false.
    """
    given = flat_settings(cfg, resolve=False)
    switches = {switch for group in {key.partition(".")[0] for key in given} for switch in _switches(group)}
    for key, value in given.items():
        if not isinstance(value, bool) and any(f".{key}".endswith(f".{switch}") for switch in switches):
            check_switch(OmegaConf.select(cfg, key), key)


def check_switch(value: object, key: str, what: str = "true or false") -> None:
    """Refuse what is neither true nor false, in words that say what may be given."""
    if not isinstance(value, bool):
        raise InputError(f"{key} must be {what}, not '{value}'")


@functools.cache
def _switches(group: str) -> frozenset[str]:
    """Dotted names of what options of a group set to true or false; of no group of ours, none."""
    folder = resources.files("lightning_imb.conf").joinpath(group)
    files = [option for option in folder.iterdir() if option.name.endswith(".yaml")] if folder.is_dir() else []
    options = [flat_settings(_content(file.read_text(encoding="utf-8")), resolve=False) for file in files]
    found = {f"{group}.{key}" for option in options for key, value in option.items() if isinstance(value, bool)}
    return frozenset(found.difference(_MORE_THAN_SWITCHES))


def _check_group(group: str, cfg: DictConfig, known: set[str]) -> None:
    for key in {str(key) for key in cfg} - known:
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
        raise InputError(
            f"a config file sets '{group}.{key}', which nothing reads: did you mean '{group}.{nearest[0]}'?"
        )


def _keys(text: str) -> Iterable[str]:
    """Top-level keys of a yaml, and those that its defaults list composes into it."""
    content = _content(text)
    for key in content:
        if key != "defaults":
            yield str(key)
    for entry in content.get("defaults", []):
        if isinstance(entry, DictConfig):
            yield from (str(name).split("@")[-1].split("/")[-1] for name in entry)


def _content(text: str) -> DictConfig:
    content = OmegaConf.create(text)
    assert isinstance(content, DictConfig), "the packaged configs are mappings"
    return content
