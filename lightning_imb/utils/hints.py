"""One sentence for each way in which a config can be wrong, with the nearest valid name."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from lightning_imb.utils.errors import InputError
from lightning_imb.utils.extras import how_to_install

CONFIG_MODULE = "lightning_imb.conf"

# what plugins of Hydra bring, and the extras of this package that install them
_PLUGINS = {
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/submitit_local": "slurm",
    "hydra/launcher/submitit_slurm": "slurm",
    "hydra/launcher/ray": "ray",
}


def explain(error: Exception, config_name: str, argv: list[str]) -> str:
    """One sentence for a config that does not compose.

    Args:
        error: What Hydra, OmegaConf or the yaml parser raised.
        config_name: The primary config.
        argv: The command line without the program.

    Returns:
        The sentence.
    """
    from hydra.errors import MissingConfigException, OverrideParseException

    chain = list(_chain(error))
    text = "\n".join(str(e) for e in chain)
    for cause in chain:
        if isinstance(cause, OverrideParseException):
            return f"cannot read '{cause.override}': write key=value, with all brackets and quotes closed"
        if isinstance(cause, MissingConfigException):
            missing = cause.missing_cfg_file or ""
            if missing in _PLUGINS:
                return f"{missing} is not installed: {how_to_install(_PLUGINS[missing])}"
            if cause.options:
                return _unknown_option(missing, cause.options)
    key = re.search(r"Could not override '([^']+)'", text)
    if key:
        hint = _nearest(key[1], _valid_names(config_name, key[1], argv))
        return f"'{key[1]}' is not a key of this config; {hint}--cfg job shows all keys" + _place(text, config_name)
    taken = re.search(r"An item is already at '([^']+)'", text)
    if taken:
        return f"'{taken[1]}' exists already: write {taken[1]}=... without the +"
    several = re.search(r"Ambiguous value for argument '([^=']+)=([^']+)'", text)
    if several:
        return f"{several[1]}={several[2]} is several values: add -m to sweep over them; a list is {several[1]}=[...]"
    return _one_line(text)


def explain_in_task(error: Exception) -> str | None:
    """One sentence for bad input that shows only when the composed config is used.

    Args:
        error: What left a task.

    Returns:
        The sentence; None if the error is a defect.
    """
    from hydra.errors import InstantiationException
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError, InterpolationResolutionError

    for cause in _chain(error):
        if isinstance(cause, InputError):
            # a worker process of the data loader sends its whole traceback as the message
            return str(cause).strip().rpartition(f"{InputError.__name__}: ")[2]
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        return f"the config has no key '{error.full_key}', which is needed here"
    if isinstance(error, InterpolationResolutionError):
        return f"{error.full_key or 'a value'} cannot be resolved: {str(error).splitlines()[0]}"
    if isinstance(error, InstantiationException) and "Error locating target" in str(error):
        return " ".join(str(error.__cause__ or error).split())
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Hydra wraps the sentence that names the key in one that names the file."""
    while error is not None:
        yield error
        error = error.__cause__


def _one_line(text: str) -> str:
    """The first paragraph; what follows in Hydra's messages is its search path or a link."""
    lines = text.split("\n\n")[0].splitlines()
    return " ".join(" ".join(line for line in lines if not line.startswith("See https")).split())


def _place(text: str, config_name: str) -> str:
    """The file that holds the mistake, where it is not the command line."""
    file = re.search(r"In '([^']+)': ", text)
    return f" (in {file[1]}.yaml)" if file and file[1] != config_name else ""


def _unknown_option(path: str, options: Iterable[str]) -> str:
    group, _, wanted = path.rpartition("/")
    names = sorted(options)
    return f"'{wanted}' is not an option of {group}; {_nearest(wanted, names)}options: {', '.join(names)}"


def _nearest(name: str, names: Collection[str]) -> str:
    """``did you mean ...? ``: a key of that very name further down, else the most similar one, else nothing."""
    deeper = sorted((n for n in names if n.endswith(f".{name}")), key=lambda n: (n.count("."), n))
    close = deeper[:1] or difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'? " if close else ""


def _valid_names(config_name: str, bad_key: str, argv: list[str]) -> set[str]:
    """All dotted keys and groups of the config as it composes without the override that failed."""
    from hydra import compose, initialize_config_module
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException

    others = [a for a in argv if "=" in a and not a.startswith("-") and bad_key not in a.split("=")[0]]
    GlobalHydra.instance().clear()
    with initialize_config_module(CONFIG_MODULE, version_base="1.3"):
        for overrides in (others, []):
            try:
                cfg = compose(config_name, overrides=overrides, return_hydra_config=True)
            except HydraException:  # a second mistake on the same line: fall back to the plain config
                continue
            return set(_dotted(cfg)) | set(cfg.hydra.runtime.choices)
    return set()


def _dotted(node: Any, prefix: str = "") -> Iterator[str]:
    from omegaconf import DictConfig

    for key in node:
        name = f"{prefix}{key}"
        yield name
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_interpolation():
            yield from _dotted(child, f"{name}.")
