import pytest

from benchmarks.case import Settings
from benchmarks.data import write_images


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Random toy images."""
    folder = tmp_path_factory.mktemp("images")
    write_images(folder, None, quick=True)
    return folder


@pytest.fixture
def settings(images, tmp_path):
    return Settings(data=images, scratch=tmp_path, quick=True, threads=None, rounds=3)
