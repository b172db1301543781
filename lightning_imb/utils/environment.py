"""Where and with what a number was measured."""

import contextlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable

PACKAGES = (
    "lightning-imb",
    "torch",
    "pytorch-lightning",
    "torchvision",
    "imbalanced-learn",
    "scikit-learn",
    "numpy",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    return {"python": platform.python_version()} | installed(PACKAGES)


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Versions of those of some packages that are installed."""
    found = {}
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def hardware() -> dict[str, str | int]:
    """Processor, cores and accelerator of this machine."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {"cpu": _processor(), "cores": os.cpu_count() or 1, "threads": torch.get_num_threads(), "gpu": gpu}


def command() -> str:
    """The command line of this process."""
    return " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])


def first_process() -> bool:
    """Whether this is the process that speaks and writes: the only one, or rank 0 of several.

    Read from the environment that Lightning and schedulers set up, so that it is known before torch is imported.
    """
    ranks = (os.environ.get(name) for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK"))
    return int(next((rank for rank in ranks if rank is not None), "0")) == 0


def processor_flags() -> frozenset[str]:
    """What the processor can do, in Linux's words (``avx512_bf16``, ...); empty where the system does not tell."""
    return frozenset(_cpuinfo("flags").split())


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(field: str) -> str:
    """The first value of a field of ``/proc/cpuinfo``, empty where there is none."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            return next((line.split(":", 1)[1].strip() for line in info if line.startswith(field)), "")
    except OSError:  # not a Linux machine
        return ""
