"""Where and with what a number was measured."""

import importlib.metadata
import os
import platform
import sys

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
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}


def hardware() -> dict[str, str | int]:
    """Processor, cores and accelerator of this machine."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {"cpu": _processor(), "cores": os.cpu_count() or 1, "threads": torch.get_num_threads(), "gpu": gpu}


def command() -> str:
    """The command line of this process."""
    return " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    except OSError:  # not a Linux machine
        names = []
    return names[0] if names else platform.processor() or platform.machine()
