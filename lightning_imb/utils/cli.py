"""What every console script shares: Hydra composition, one-sentence errors, exit codes."""

import difflib
import functools
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from lightning_imb.utils.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig

CONFIG_MODULE = "lightning_imb.conf"


def hydra_entry(config_name: str) -> Callable[[Callable[["DictConfig"], None]], Callable[[], None]]:
    """Make a console script of a function that takes the composed config.

    Args:
        config_name: The primary config in ``lightning_imb.conf``, without suffix.

    Returns:
        A decorator. The decorated function takes its arguments from ``sys.argv``; bad input (an
        ``InputError`` or a config that does not compose) ends the process with one sentence on stderr
        and exit code 1, a defect keeps its whole traceback.
    """

    def decorate(task: Callable[["DictConfig"], None]) -> Callable[[], None]:
        @functools.wraps(task)
        def main() -> None:
            # Hydra hides tracebacks of real defects and words its own errors; with this set they reach us.
            os.environ.setdefault("HYDRA_FULL_ERROR", "1")
            import hydra
            from hydra.errors import HydraException
            from omegaconf.errors import OmegaConfBaseException

            run = hydra.main(
                version_base="1.3", config_path=f"pkg://{CONFIG_MODULE}", config_name=config_name
            )
            try:
                run(_guarded(task))()
            except InputError as error:
                sys.exit(f"error: {error}")
            except (HydraException, OmegaConfBaseException) as error:
                sys.exit(f"error: {explain(error, config_name, sys.argv[1:])}")

        return main

    return decorate


def _guarded(task: Callable[["DictConfig"], None]) -> Callable[["DictConfig"], None]:
    """Log bad input to the job's own log; in a single run end there, in a sweep let the sweep go on."""

    @functools.wraps(task)
    def run(cfg: "DictConfig") -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        try:
            task(cfg)
        except InputError as error:
            logging.getLogger(task.__module__).error("%s", error)
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise
            raise SystemExit(1) from None

    return run


def explain(error: Exception, config_name: str, argv: list[str]) -> str:
    """One sentence for a config that does not compose, with the nearest valid name.

    Args:
        error: What Hydra or OmegaConf raised.
        config_name: The primary config.
        argv: The command line without the program.

    Returns:
        The sentence.
    """
    text = _innermost_text(error)
    option = re.search(r"Could not find '([^']+)'\s+Available options in '([^']+)':\s+(.*)", text, re.DOTALL)
    if option:
        group, names = option[2], option[3].split()
        wanted = option[1].removeprefix(f"{group}/")
        return f"'{wanted}' is not an option of {group}; {_nearest(wanted, names)}options: {', '.join(names)}"
    key = re.search(r"Could not override '([^']+)'", text)
    if key:
        names = list(_valid_names(config_name, key[1], argv))
        return f"'{key[1]}' is not a key of this config; {_nearest(key[1], names)}--cfg job shows all keys"
    missing = re.search(r"Missing mandatory value: (\S+)", text)
    if missing:
        return f"{missing[1]} has no value: give it on the command line, {missing[1]}=..."
    return " ".join(text.split())


def _innermost_text(error: BaseException) -> str:
    """Hydra wraps the sentence that names the key in one that names the file; keep both."""
    texts: list[str] = []
    current: BaseException | None = error
    while current is not None:
        if str(current) not in " ".join(texts):
            texts.append(str(current))
        current = current.__cause__
    return "\n".join(texts)


def _nearest(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
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
                cfg = compose(config_name, overrides=overrides)
            except HydraException:  # a second mistake on the same line: fall back to the plain config
                continue
            return set(_dotted(cfg)) | {key for key in cfg if isinstance(key, str)}
    return set()


def _dotted(node: Any, prefix: str = "") -> Iterable[str]:
    from omegaconf import DictConfig

    for key in node:
        name = f"{prefix}{key}"
        yield name
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_interpolation():
            yield from _dotted(child, f"{name}.")
