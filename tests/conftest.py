import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from lightning_imb.utils.threads import available_cores

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("WANDB_SILENT", "true")
# never the user's own, in subprocesses neither
OWN_FOLDERS = ("IMB_CACHE_ROOT", "IMB_STORE")
for name in OWN_FOLDERS:
    os.environ[name] = tempfile.mkdtemp(prefix="imb-test-")


# one for all workers, which inherit it: finished runs that many tests look into
SHARED = "IMB_TEST_RUNS"
OWNS_SHARED = SHARED not in os.environ
os.environ.setdefault(SHARED, tempfile.mkdtemp(prefix="imb-test-") if OWNS_SHARED else "")


def pytest_unconfigure():
    for name in (*OWN_FOLDERS, *([SHARED] if OWNS_SHARED else [])):
        shutil.rmtree(os.environ[name], ignore_errors=True)


def pytest_xdist_auto_num_workers(config):
    """One more than there are cores: many tests wait for processes that they start."""
    return available_cores() + 1


def pytest_collection_modifyitems(items):
    """The slow ones first: at the end no worker waits for another one's notebook."""
    items.sort(key=lambda item: "slow" not in item.keywords)


@pytest.fixture(scope="module", autouse=True)
def no_figures():
    """Runs in this process draw none: that takes twice as long as they train. A file that looks at them overrides this.

    Whoever trains has imported the workflow by now, and the others shall not wait for it.
    """
    workflow = sys.modules.get("lightning_imb.workflow")
    with pytest.MonkeyPatch.context() as patched:
        if workflow is not None:
            patched.setattr(workflow, "run_figures", lambda run, scores: {})
        yield


@pytest.fixture(scope="session")
def real_data():
    """Folder with cifar10.zip and the other real sets; tests that use it skip where it is absent."""
    folder = Path(os.environ.get("IMB_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
    if not (folder / "cifar10.zip").is_file():
        pytest.skip(f"no real images in {folder}")
    return folder.resolve()
