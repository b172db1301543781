"""What the settings left to ``auto`` mean on this machine."""

import logging
import os
from typing import NamedTuple

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from torch import nn

from lightning_imb.models.probe import outrunning_convolution
from lightning_imb.runs import RunFolder
from lightning_imb.utils.choice import Choice
from lightning_imb.utils.memory import keep_freed_memory
from lightning_imb.utils.precision import resolve_precision
from lightning_imb.utils.threads import available_cores, choose_threads

log = logging.getLogger(__name__)


class Settled(NamedTuple):
    """What was decided, with the reasons for the header of the run."""

    precision: Choice[str]
    threads: Choice[int]

    @property
    def lines(self) -> dict[str, str]:
        """Names and texts for the header."""
        return {"precision": str(self.precision), "threads": str(self.threads)}


def settle_machine(cfg: DictConfig, run: RunFolder | None = None) -> Settled:
    """Decide what ``auto`` means and write it into the config, so that the run records it; prepare the process.

    Args:
        cfg: The composed training config.
        run: Where an earlier launch may have decided: rounding and order of additions must then stay as they were.
    """
    if run is not None and run.config_file.is_file():
        _decide_as(run.read_config(), cfg)
    precision = resolve_precision(cfg.accelerator.precision, cfg.accelerator.accelerator)
    processes = _processes(cfg.accelerator)
    threads = choose_threads(cfg.threads, processes)
    cfg.accelerator.precision, cfg.threads = precision.value, threads.value
    torch.set_num_threads(threads.value)
    if processes > 1:  # or Lightning's launcher of processes sets a number of its own
        os.environ["OMP_NUM_THREADS"] = str(threads.value)
    keep_freed_memory()
    return Settled(precision, threads)


def spare_small_maps(cfg: DictConfig, settled: Settled, extractor: nn.Module, shape: tuple[int, int, int]) -> Settled:
    """Go back to float32 where bfloat16 would give a CPU wrong gradients; warn where the user insists on it.

    Args:
        cfg: The composed training config; its precision may change.
        settled: What was decided before the network was known.
        extractor: The network.
        shape: (C, H, W) of the images.
    """
    if cfg.accelerator.precision != "bf16-mixed" or pick_device(cfg.accelerator.accelerator).type != "cpu":
        return settled
    layer = outrunning_convolution(extractor, shape)
    if layer is None:
        return settled
    why = f"the images are so small that layer {layer} steps beyond its maps, where bfloat16 gradients are wrong"
    if not settled.precision.reason:
        log.warning("%s on a CPU: use accelerator.precision=32-true, or larger images", why)
        return settled
    cfg.accelerator.precision = "32-true"
    return settled._replace(precision=Choice("32-true", f"auto: {why}"))


def _decide_as(before: DictConfig, cfg: DictConfig) -> None:
    known = before.get("threads")
    if cfg.threads == "auto" and isinstance(known, int) and known <= available_cores():
        cfg.threads = known
    if cfg.accelerator.precision == "auto":
        cfg.accelerator.precision = OmegaConf.select(before, "accelerator.precision") or "auto"


def _processes(accelerator: DictConfig) -> int:
    """Processes that share the cores: the jobs of a parallel sweep, times those of a run on several processors."""
    return (_jobs_at_once(HydraConfig.get().launcher) if in_sweep() else 1) * _devices(accelerator)


def _jobs_at_once(launcher: DictConfig) -> int:
    """Runs that a launcher starts here at a time: it knows their number (joblib), or the cores for each."""
    cores = available_cores()
    if "n_jobs" in launcher:
        jobs = int(launcher.n_jobs)
        return jobs if jobs > 0 else max(1, cores + 1 + jobs)  # as joblib counts: -1 is all, -2 all but one
    each = launcher.get("cpus_per_task") or OmegaConf.select(launcher, "ray.remote.num_cpus")
    return max(1, int(cores // each)) if each else 1


def in_sweep() -> bool:
    """Whether this job is one of a Hydra multirun."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def _devices(accelerator: DictConfig) -> int:
    """How many devices Lightning takes: a number, a list of their numbers, or either as text."""
    devices = accelerator.devices
    if isinstance(devices, str) and "," in devices:
        devices = [number for number in devices.split(",") if number.strip()]
    if not isinstance(devices, int | str):
        return len(devices)
    if str(devices) in ("-1", "auto"):
        return max(1, torch.cuda.device_count()) if accelerator.accelerator != "cpu" else 1
    return max(1, int(devices)) if str(devices).isdigit() else 1


def several_processes(accelerator: DictConfig) -> bool:
    """Whether an ``accelerator`` config asks for more than one process."""
    return _devices(accelerator) > 1


def pick_device(accelerator: str) -> torch.device:
    """The device of an ``accelerator`` config."""
    if accelerator == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
