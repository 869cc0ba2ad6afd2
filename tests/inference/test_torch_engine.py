import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch")

import torch

from kukkiri.checkpoints import describe, export_onnx, onnx, save_safetensors
from kukkiri.inference import OnnxEngine, Upscaler, engine
from kukkiri.inference.torch_engine import TorchEngine
from kukkiri.networks import ESPCN, VDSR
from tests.tolerances import TORCH_AGAINST_ONNX


def test_writer_and_reader_agree_on_the_name_of_the_memory_entry():
    assert onnx.MEMORY_KEY == engine.MEMORY_KEY


def test_torch_and_onnx_give_the_same_pixels(tmp_path, rng):
    torch.manual_seed(0)
    network = VDSR(scale=2, keys="edsr", colour="rgb", depth=3, width=6)  # 0..255 inside
    info = describe(network, name="v", arguments={})
    export_onnx(network, tmp_path / "a.onnx", info=info)
    lr = rng.random((1, 3, 9, 12), dtype=np.float32)
    engines = TorchEngine(network, info=info), OnnxEngine(tmp_path / "a.onnx", threads=1)
    first, second = (engine.run(lr) for engine in engines)
    assert np.abs(first - second).max() <= TORCH_AGAINST_ONNX
    assert engines[0].footprint.linear == pytest.approx(4 * 3 * 6)  # 6 in, 6 out, 6 that skip


def test_torch_weights_are_loaded_on_demand(tmp_path, rng):
    network = ESPCN(scale=2, widths=(4, 4)).eval()
    info = describe(network, name="own", arguments={"scale": 2, "widths": [4, 4]})
    save_safetensors(network, tmp_path / "own.safetensors", info=info)
    upscaler = Upscaler(tmp_path / "own.safetensors")
    lr = rng.random((1, 6, 8), dtype=np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(lr[None]))[0].numpy()
    assert upscaler.name == "own"
    assert np.array_equal(upscaler.upscale_planes(lr), expected)


def test_torch_weights_without_torch_are_a_backend_error(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"")
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from kukkiri.inference import Upscaler\nfrom kukkiri.errors import BackendError\n"
        f"try: Upscaler({str(tmp_path / 'a.safetensors')!r})\n"
        "except BackendError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "torch weights need torch" in done.stdout
    assert "Install kukkiri[torch]" in done.stdout
