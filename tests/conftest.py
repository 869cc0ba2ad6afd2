"""What every test shares: the folder of conformance vectors and image sets, and a reader for the vectors."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The gate draws the same examples every time; HYPOTHESIS_PROFILE=search looks for new ones. No deadline: two busy
# cores may stop any example for longer than 200 ms.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

_SHARED = os.environ.get("KUKKIRI_SHARED")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with golden/ and data/; tests that need it are skipped where it is not."""
    if not _SHARED or not Path(_SHARED).is_dir():
        pytest.skip("KUKKIRI_SHARED does not name the folder with golden/ and data/")
    return Path(_SHARED)


@dataclass(frozen=True)
class Golden:
    """One conformance vector: torch tensors by full key, and the facts in its metadata."""

    tensors: dict[str, Any]
    metadata: dict[str, str]

    @property
    def state(self) -> dict[str, Any]:
        """The state dict under its official keys."""
        return {key[6:]: value for key, value in self.tensors.items() if key.startswith("state.")}

    @property
    def constructor(self) -> dict[str, Any]:
        """The official constructor's arguments."""
        return json.loads(self.metadata["constructor"])

    def __getitem__(self, key: str) -> Any:
        return self.tensors[key]


@pytest.fixture(scope="session")
def golden(shared: Path) -> Callable[[str], Golden]:
    """Read a vector by its name, without the suffix."""
    from safetensors import safe_open

    def read(name: str) -> Golden:
        with safe_open(shared / "golden" / f"{name}.safetensors", "pt") as file:
            return Golden({key: file.get_tensor(key) for key in file.keys()}, file.metadata())  # noqa: SIM118

    return read


@pytest.fixture
def rng() -> Any:
    """A NumPy generator with a fixed seed."""
    import numpy as np

    return np.random.default_rng(2016)


@pytest.fixture(autouse=True)
def _seeded_torch() -> None:
    """Random networks are the same in every run, whatever ran before; a test must hold for any of them."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(2016)


@pytest.fixture(autouse=True)
def _no_cache_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that a test computes are kept for that test only."""
    monkeypatch.setenv("KUKKIRI_CACHE", str(tmp_path / "kukkiri-cache"))
