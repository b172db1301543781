"""What every console script shares: Hydra composition, one-sentence errors, exit codes."""

import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lightning_imb.utils.errors import InputError
from lightning_imb.utils.hints import CONFIG_MODULE, explain, explain_in_task

if TYPE_CHECKING:
    from omegaconf import DictConfig

_TERMINATED = 143  # exit code of a process ended by SIGTERM: 128 + 15
Task = Callable[["DictConfig"], None]


def hydra_entry(config_name: str) -> Callable[[Task], Callable[[], None]]:
    """Make a console script of a function that takes the composed config.

    Args:
        config_name: The primary config in ``lightning_imb.conf``, without suffix.

    Returns:
        A decorator. The decorated function takes its arguments from ``sys.argv``; bad input (an
        ``InputError``, a config that does not compose, a folder that cannot be written) ends the process
        with one sentence on stderr and exit code 1, a defect keeps its whole traceback. In a sweep the other
        runs go on and the end is the same.
    """

    def decorate(task: Task) -> Callable[[], None]:
        @functools.wraps(task)
        def main() -> None:
            # Hydra hides tracebacks of real defects and words its own errors; with this set they reach us.
            os.environ.setdefault("HYDRA_FULL_ERROR", "1")
            import hydra

            sys.argv[1:] = [quoted(argument) for argument in sys.argv[1:]]
            run = hydra.main(version_base="1.3", config_path=f"pkg://{CONFIG_MODULE}", config_name=config_name)
            failures: list[Exception] = []
            try:
                run(_guarded(task, failures))()
            except Exception as error:
                sys.exit(f"error: {_verdict(error, failures, config_name)}")

        return main

    return decorate


def quoted(argument: str) -> str:
    """Quote the value of an override that itself holds an equals sign, which Hydra's grammar refuses bare.

    Run folders of a sweep are named after their overrides: ``run=logs/sweeps/main/method=eos/seed=0`` is what a
    shell completes, and what a user means.
    """
    key, _, value = argument.partition("=")
    if argument.startswith("-") or "=" not in value or value[0] in "'\"[{" or "(" in value:
        return argument
    escaped = value.replace("'", "\\'")
    return f"{key}='{escaped}'"


def _verdict(error: Exception, failures: list[Exception], config_name: str) -> str:
    """The last sentence of a failed command; raises what is a defect."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    if any(error is failure for failure in failures):
        if not isinstance(error, InputError):
            raise error
        return f"{len(failures)} of the sweep's runs failed, the first because {error}"
    if isinstance(error, HydraException | OmegaConfBaseException | YAMLError | ValueError):
        return explain(error, config_name, sys.argv[1:])
    if isinstance(error, OSError):  # not ours: Hydra makes the output folder before the task starts
        return (
            f"cannot write to {error.filename or 'the output folder'} ({error.strerror}): "
            "choose another hydra.run.dir (of a sweep: hydra.sweep.dir)"
        )
    raise error


def _guarded(task: Task, failures: list[Exception]) -> Task:
    """Log what ends a job to its own log; a single run ends there on bad input, a sweep goes on.

    Args:
        task: What to run.
        failures: Grows by each exception that leaves the task; all others come from Hydra.
    """

    @functools.wraps(task)
    def run(cfg: "DictConfig") -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        sweeping = HydraConfig.get().mode == RunMode.MULTIRUN
        try:
            refuse_missing(cfg)
            task(cfg)
        except SystemExit as end:
            if end.code is None:  # how Lightning ends a fit on SIGTERM; a scheduler must not take it for success
                print("interrupted: the same command with the same folder goes on from the last epoch", file=sys.stderr)
                raise SystemExit(_TERMINATED) from None
            raise
        except Exception as error:
            sentence = explain_in_task(error)
            failure = error if sentence is None else InputError(sentence)
            failures.append(failure)
            _log(task.__module__, failure, everywhere=sweeping)
            if isinstance(failure, InputError) and not sweeping:
                raise SystemExit(f"error: {failure}") from None  # Hydra lets it pass and adds no word
            raise failure from failure.__cause__

    return run


def _log(name: str, failure: Exception, everywhere: bool) -> None:
    """Write bad input as a sentence and a defect with its traceback; to the log file only, or to the screen too."""
    logger, root = logging.getLogger(name), logging.getLogger()
    trace = None if isinstance(failure, InputError) else (type(failure), failure, failure.__traceback__)
    record = logger.makeRecord(name, logging.ERROR, "", 0, "%s", (failure,), trace)
    for handler in root.handlers:
        if everywhere or isinstance(handler, logging.FileHandler):
            handler.handle(record)


def refuse_missing(cfg: "DictConfig") -> None:
    """Ask for all values that the user has to give, at once and before anything is loaded.

    Raises:
        InputError: If a key still is ``???``.
    """
    from omegaconf import OmegaConf

    missing = sorted(_missing(OmegaConf.to_container(cfg, resolve=False)))
    if missing:
        keys, example = " and ".join(missing), " ".join(f"{key}=..." for key in missing)
        verb, pronoun = ("have", "them") if len(missing) > 1 else ("has", "it")
        raise InputError(f"{keys} {verb} no value: give {pronoun} on the command line, {example}")


def _missing(node: Any, prefix: str = "") -> Iterator[str]:
    if node == "???":
        yield prefix
    elif isinstance(node, dict):
        for key, child in node.items():
            yield from _missing(child, f"{prefix}.{key}" if prefix else str(key))
