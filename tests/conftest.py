"""Shared by every test: conformance vectors, photographs, image sets, and the rule for machines without torch."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from tests.test_layers import LEVELS, TORCH_FREE

# The gate draws the same examples every time; HYPOTHESIS_PROFILE=search looks for new ones. No deadline: two busy
# cores may stop any example for longer than 200 ms.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

_TESTS = Path(__file__).parent
_SHARED = os.environ.get("KUKKIRI_SHARED")
_HAS_TORCH = all(find_spec(name) for name in ("torch", "safetensors", "onnx", "onnxscript"))


class _NeedsTorch(pytest.Collector):
    """A room of tests in which nothing is imported, because torch is not there."""

    def collect(self) -> Any:
        pytest.skip("needs torch", allow_module_level=True)


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Skip the rooms of the torch half, and that of the scripts, where the torch extra is not installed."""
    rooms = {*LEVELS, "examples"} - set(TORCH_FREE)
    if _HAS_TORCH or path.parent != _TESTS or path.name not in rooms:
        return None
    return _NeedsTorch.from_parent(parent, name=path.name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked ``needs_torch`` where the torch extra is not installed."""
    for item in items:
        if not _HAS_TORCH and item.get_closest_marker("needs_torch"):
            item.add_marker(pytest.mark.skip(reason="needs torch"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The maintainers' folder of image sets and large vectors; tests that need it are skipped where it is not."""
    if not _SHARED or not Path(_SHARED).is_dir():
        pytest.skip("needs image sets or weights that may not ship: KUKKIRI_SHARED does not name their folder")
    return Path(_SHARED)


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The folder of the photographs that ship with the tests."""
    return _TESTS / "data" / "images"


@dataclass(frozen=True)
class Golden:
    """One conformance vector: tensors (or NumPy arrays) by full key, and the facts in its metadata."""

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


def _golden_folders() -> list[Path]:
    return [_TESTS / "data" / "golden", *([Path(_SHARED) / "golden"] if _SHARED else [])]


@pytest.fixture(scope="session")
def golden_file() -> Callable[[str], Path]:
    """Find a file among the vectors that ship, then among the larger ones of the maintainers' folder."""

    def find(name: str) -> Path:
        for folder in _golden_folders():
            if (folder / name).is_file():
                return folder / name
        pytest.skip(f"needs {name}, which does not ship: KUKKIRI_SHARED does not name the folder that has it")

    return find


@pytest.fixture(scope="session")
def golden_names() -> list[str]:
    """Every vector at hand, without the suffix."""
    return sorted({path.stem for folder in _golden_folders() for path in folder.glob("*.safetensors")})


@pytest.fixture(scope="session")
def golden(golden_file: Callable[[str], Path]) -> Callable[[str], Golden]:
    """Read a vector by its name, without the suffix, as torch tensors."""

    def read(name: str) -> Golden:
        safetensors = pytest.importorskip("safetensors", reason="needs torch")
        with safetensors.safe_open(golden_file(f"{name}.safetensors"), "pt") as file:
            return Golden({key: file.get_tensor(key) for key in file.keys()}, file.metadata())  # noqa: SIM118

    return read


@pytest.fixture(scope="session")
def golden_arrays(golden_file: Callable[[str], Path]) -> Callable[[str], Golden]:
    """Read a vector by its name, without the suffix, as NumPy arrays: for the torch-free half, without safetensors."""
    types = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "u1"}

    def read(name: str) -> Golden:
        data = golden_file(f"{name}.safetensors").read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        metadata = header.pop("__metadata__", {})
        arrays = {}
        for key, entry in header.items():
            begin, end = (start + offset for offset in entry["data_offsets"])
            arrays[key] = np.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
        return Golden(arrays, metadata)

    return read


@pytest.fixture
def rng() -> Any:
    """A NumPy generator with a fixed seed."""
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
