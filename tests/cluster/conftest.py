"""An empty store in the memory of this process."""

import pytest


@pytest.fixture
def files():
    """The file system of ``memory://``, emptied."""
    found = pytest.importorskip("fsspec").filesystem("memory")
    found.store.clear()
    found.pseudo_dirs[:] = [""]
    return found
