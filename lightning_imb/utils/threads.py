"""How many CPU threads a run gets, and how they wait for each other.

Nothing here imports torch: the wait policy must stand in the environment before the OpenMP runtime is loaded.
"""

import math
import os
import sys
import time
from pathlib import Path

from lightning_imb.utils.choice import Choice

_WAIT_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
_LOOK_S = 0.1  # how long neighbours are watched
_BUSY_SHARE = 0.5  # of a core, from which on it counts as taken


def choose_threads(setting: int | str, jobs: int = 1, looking_s: float = _LOOK_S) -> Choice[int]:
    """Threads for one of ``jobs`` processes that start together.

    Threads of one process wait for each other at the end of every operation, so one that shares its core with
    another program holds up all of them: only cores that are free now are counted.

    Args:
        setting: A number, which is taken as it is, or ``auto``.
        jobs: Processes of this run or sweep on this machine.
        looking_s: Seconds to watch the neighbours for.

    Returns:
        At least 1, with the reason.
    """
    if setting != "auto":
        return Choice(int(setting), "")
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return Choice(int(given), f"auto: OMP_NUM_THREADS={given}")
    cores = available_cores()
    if jobs > 1:  # whoever is busy then may well be one of them
        return Choice(max(1, cores // jobs), f"auto: {cores} core{'s' * (cores > 1)}, {jobs} jobs")
    busy = min(math.floor(busy_cores(looking_s) + 1 - _BUSY_SHARE), (os.cpu_count() or 1) - 1)
    free = max(1, min(cores, (os.cpu_count() or cores) - busy))
    return Choice(free, f"auto: {cores} core{'s' * (cores > 1)}, {busy or 'none'} busy")


def available_cores() -> int:
    """Cores that this process may use: its affinity and the quota of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _quota()))


def busy_cores(looking_s: float = _LOOK_S) -> float:
    """Cores that other programs keep busy, watched while this process sleeps; 0 where the system does not tell."""
    before = _busy_ticks()
    if before is None:
        return 0.0
    start = time.perf_counter()
    time.sleep(looking_s)
    after = _busy_ticks() or before
    return (after - before) / os.sysconf("SC_CLK_TCK") / (time.perf_counter() - start)


def wait_politely() -> bool:
    """Let the threads of OpenMP sleep while they wait, when other programs need the cores; call before torch.

    Waiting threads spin by default, and take from a busy neighbour the time that the thread they wait for needs.
    On a quiet machine spinning is faster, so nothing changes there, nor where the user has chosen a policy.

    Returns:
        Whether the policy was changed.
    """
    if any(name in os.environ for name in _WAIT_VARIABLES) or busy_cores() < _BUSY_SHARE:
        return False
    os.environ.update(OMP_WAIT_POLICY="PASSIVE", KMP_BLOCKTIME="0")
    return True


def _busy_ticks() -> int | None:
    """Clock ticks that all cores have spent working since the system started."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    except OSError:  # not Linux
        return None
    user, nice, system = (int(field) for field in fields[1:4])
    return user + nice + system


def _quota() -> int:
    """Cores that the container may use, as cgroup v2 says; more than there are without a limit."""
    try:
        allowed, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):  # no cgroup v2
        return sys.maxsize
    return sys.maxsize if allowed == "max" else math.ceil(int(allowed) / int(period))
