"""How the C library gives memory back."""

import ctypes
import os
import platform

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_NEVER_TRIM = 2**31 - 1
_OWN_MAPPING_FROM = (256 * 2**20, 32 * 2**20)  # larger blocks go back to the system; older glibc takes 32 MiB at most
_USER_CHOICES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Let the process keep the memory of freed activations for its next step.

    A training step frees all its activations at its end. glibc gives such blocks back to the system at once and
    gets them anew, page by page and zeroed, in the next step, which costs up to a quarter of a step on a processor.
    Only glibc is told, and only where the user has not tuned it by an environment variable; the memory in use
    at the peak stays the same.

    Returns:
        Whether it was done.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _USER_CHOICES):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_TRIM_THRESHOLD, _NEVER_TRIM)) and any(
        mallopt(_M_MMAP_THRESHOLD, size) for size in _OWN_MAPPING_FROM
    )
