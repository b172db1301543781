"""A batch of cells as an array of submitit jobs, each of which may end in its own way.

The launcher of Hydra's plugin submits them too, but it gives up all of them at the first that brought no result.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from lightning_imb.utils.jobs import Outcome

_OF_THE_EXECUTOR = ("submitit_folder", "max_num_timeout")  # what it is made with; all else is told to it afterwards


def submits(launcher: object) -> bool:
    """Whether a launcher is one of the submitit plugin."""
    # by name: Hydra executes its plugins anew, so that a class imported here would be another one
    return any(kind.__name__ == "BaseSubmititLauncher" for kind in type(launcher).__mro__)


def launch_array(launcher: Any, overrides: Sequence[Sequence[str]], number: int, singletons: Any) -> list[Any]:
    """Submit a batch and wait for every job of it.

    Args:
        launcher: A launcher of the submitit plugin, set up.
        overrides: Of each cell.
        number: That of the first cell in the sweep.
        singletons: State of Hydra that the jobs take over.

    Returns:
        For each cell what Hydra returned in its job, or the :class:`Outcome` of a job that brought nothing back.
    """
    numbered = enumerate(overrides, start=number)
    calls = [(list(given), "hydra.sweep.dir", n, f"job_id_for_{n}", singletons) for n, given in numbered]
    jobs = _executor(launcher).map_array(launcher, *zip(*calls, strict=True))
    return [_result(job) for job in jobs]


def _executor(launcher: Any) -> Any:
    import submitit
    from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf  # type: ignore[import-untyped]

    given, cluster = launcher.params, launcher._EXECUTOR
    timeouts = {f"{cluster}_max_num_timeout": given["max_num_timeout"]} if "max_num_timeout" in given else {}
    executor = submitit.AutoExecutor(given["submitit_folder"], cluster=cluster, **timeouts)
    common = {field.name for field in dataclasses.fields(BaseQueueConf)}
    told = {key: value for key, value in given.items() if key not in _OF_THE_EXECUTOR}
    executor.update_parameters(**{key if key in common else f"{cluster}_{key}": told[key] for key in told})
    return executor


def _result(job: Any) -> Any:
    from submitit.core.utils import FailedJobError, UncompletedJobError

    try:
        return job.results()[0]
    except FailedJobError:  # a kind of the other one
        return Outcome("failed", f"its job {job.job_id} failed outside of the run: see {job.paths.stderr}")
    except UncompletedJobError:
        return Outcome("lost", f"its job {job.job_id} ended without a result (killed, or out of memory)")
