"""Where figures were measured."""

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from typing import Any

from lightning_imb.utils.environment import hardware, processor_flags, versions
from lightning_imb.utils.threads import available_cores

_MORE_PACKAGES = ("torchmetrics", "hydra-core", "pillow", "faiss-cpu")
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")  # those that matter to a training step


def describe_machine() -> dict[str, Any]:
    """Processor, its flags that matter, cores, memory, threads, versions, time and load."""
    return {
        **hardware(),
        "cores_usable": available_cores(),
        "flags": [flag for flag in _FLAGS if flag in processor_flags()],
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "versions": versions() | _more_versions(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": load(),
    }


def load() -> list[float]:
    """Processes that ran or waited to run, averaged over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def _more_versions() -> dict[str, str]:
    found = {}
    for name in _MORE_PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # an extra
            continue
    return found
