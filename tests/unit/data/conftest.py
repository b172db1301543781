"""What several tests of image sources start from."""

import pytest
from helpers.images import write_class_folders


@pytest.fixture
def tree(tmp_path):
    """A folder of classes: three images of ``a``, two of ``b`` (the ``NAMES`` of ``helpers.sources``)."""
    return write_class_folders(tmp_path / "tree", {"a": 3, "b": 2})
