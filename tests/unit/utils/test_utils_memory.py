import platform
import subprocess
import sys

import pytest

from lightning_imb.utils import memory

GLIBC = platform.libc_ver()[0] == "glibc"

# touches 64 blocks of 1 MB, frees them, does it again: prints how many pages the second time had to be fetched
PROBE = """
import resource, sys
from lightning_imb.utils.memory import keep_freed_memory
import numpy as np
def touch():
    blocks = [np.empty(2**20, np.uint8) for _ in range(64)]
    for block in blocks:
        block.fill(1)
if sys.argv[1] == "keep":
    assert keep_freed_memory()
touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(mode):
    done = subprocess.run([sys.executable, "-c", PROBE, mode], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not GLIBC, reason="only glibc is told")
def test_freed_memory_is_used_again():
    assert pages("keep") < pages("as it is") / 10


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"])
def test_what_the_user_tuned_stays(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert not memory.keep_freed_memory()


def test_other_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not memory.keep_freed_memory()
