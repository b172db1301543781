"""The state that a measured process starts in, made before anything imports torch."""

import os

from benchmarks.case import Settings


def as_script(settings: Settings) -> None:
    """A plain Python script: torch's own threads and the C library's own allocator, unless threads are given."""
    if settings.threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(settings.threads)


def as_product(settings: Settings) -> None:
    """The process of ``imb-train``: its wait policy and its use of the allocator; its config chooses the threads."""
    from lightning_imb.utils.memory import keep_freed_memory
    from lightning_imb.utils.threads import wait_politely

    wait_politely()
    keep_freed_memory()
