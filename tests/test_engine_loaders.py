import numpy as np
import pytest

from kukkiri import engine_loaders
from kukkiri.errors import ModelError
from kukkiri.inference import Upscaler
from tests.inference.conftest import NumpyEngine


@pytest.fixture
def register(monkeypatch):
    """Register a loader for one test."""
    monkeypatch.setattr(engine_loaders, "_LOADERS", dict(engine_loaders._LOADERS))
    return engine_loaders.register


def test_torch_weights_have_a_loader_and_so_have_files_without_a_known_suffix():
    assert engine_loaders.list_suffixes() == (".safetensors", ".pth", ".pt", ".ckpt", ".bin")
    assert engine_loaders.find_loader(".odd") is engine_loaders.find_loader(".pth")


def test_another_engine_is_one_registered_loader(register, tmp_path, rng):
    seen = []
    register(".toy", loader=lambda path, options: seen.append((path, options.scale)) or NumpyEngine(scale=3))
    path = tmp_path / "a.toy"
    path.write_text("weights")
    assert Upscaler(path)(rng.random((4, 5), dtype=np.float32)).shape == (12, 15)
    assert seen == [(path, None)]
    with pytest.raises(ModelError, match=r"b\.toy: no such file\. Did you mean .*a\.toy\?"):
        Upscaler(tmp_path / "b.toy")


def test_a_loader_that_gives_no_engine_is_refused(register, tmp_path):
    register(".toy", loader=lambda path, options: "weights")
    (tmp_path / "a.toy").write_text("weights")
    with pytest.raises(TypeError, match=r"the loader of \.toy files gave str, which is no engine"):
        Upscaler(tmp_path / "a.toy")
