"""What every console script shares: Hydra composition, one-sentence errors, exit codes."""

import functools
import os
import re
import signal
import sys
from collections.abc import Callable

from lightning_imb.utils.errors import InputError
from lightning_imb.utils.hints import CONFIG_MODULE, explain
from lightning_imb.utils.jobs import Job, Launch, Outcome, Task, Watch
from lightning_imb.utils.signals import Interrupted


def hydra_entry(
    config_name: str, launch: Launch | None = None, watch: Callable[[], Watch] | None = None
) -> Callable[[Task], Callable[[], None]]:
    """Make a console script of a function that takes the composed config.

    Args:
        config_name: The primary config in ``lightning_imb.conf``, without suffix.
        launch: Records each launch of a run.
        watch: Makes what looks after the sweeps of this command; called once there is one.

    Returns:
        A decorator. The decorated function takes its arguments from ``sys.argv``; bad input (an
        ``InputError``, a config that does not compose, a folder that cannot be written) ends the process
        with one sentence on stderr and exit code 1, a defect keeps its whole traceback. In a sweep the other
        runs go on, each failure stands in the log of its own run, and the end is one sentence. SIGTERM and
        Ctrl-C end with 143 and 130.
    """

    def decorate(task: Task) -> Callable[[], None]:
        @functools.wraps(task)
        def main() -> None:
            # Hydra hides tracebacks of real defects and words its own errors; with this set they reach us.
            os.environ.setdefault("HYDRA_FULL_ERROR", "1")
            import hydra

            from lightning_imb.utils.sweeper import every_cell

            sys.argv[1:] = [quoted(argument) for argument in sys.argv[1:]]
            run = hydra.main(version_base="1.3", config_path=f"pkg://{CONFIG_MODULE}", config_name=config_name)
            job = Job(task, launch, watch)
            try:
                with every_cell():
                    run(job)()
            except (Interrupted, KeyboardInterrupt) as interruption:
                _sum_up(job)
                raise Interrupted(getattr(interruption, "signum", signal.SIGINT)) from None
            except Exception as error:
                _sum_up(job)
                sys.exit(f"error: {_verdict(error, job.failure, config_name)}")
            sys.exit(_failed(_sum_up(job)))

        return main

    return decorate


def sweep_is_a_folder() -> None:
    """Read ``sweep=<folder>`` of the command line as ``folder=<folder>``.

    People say sweep, but imb-train has a config group of that name and Hydra would look there.
    """
    sys.argv[1:] = [re.sub(r"^sweep=", "folder=", argument) for argument in sys.argv[1:]]


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


def _sum_up(job: Job) -> list[Outcome]:
    """Print the closing words of a sweep; returns how those cells ended that are not done."""
    if job.watch is None or not job.cells:
        return [cell.outcome for cell in job.cells if cell.outcome is not None and cell.outcome.state != "done"]
    print(job.watch.summary(job.cells))
    return job.watch.open_ends(job.cells)


def _failed(open_ends: list[Outcome]) -> str | None:
    """The last sentence of a sweep that is not done as a whole."""
    if not open_ends:
        return None
    return f"error: {len(open_ends)} of the sweep's runs failed, the first because {open_ends[0].sentence}"


def _verdict(error: Exception, failure: Exception | None, config_name: str) -> str:
    """The last sentence of a failed command; raises what is a defect."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    if error is failure:
        raise error
    if isinstance(error, InputError):  # the sweep was refused as a whole
        return str(error)
    if isinstance(error, HydraException | OmegaConfBaseException | YAMLError | ValueError):
        return explain(error, config_name, sys.argv[1:])
    if isinstance(error, OSError):  # not ours: Hydra makes the output folder before the task starts
        return (
            f"cannot write to {error.filename or 'the output folder'} ({error.strerror}): "
            "choose another hydra.run.dir (of a sweep: hydra.sweep.dir)"
        )
    raise error
