"""docs/extending/network.md, followed to the letter: a network of a program, and one of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import kukkiri
from kukkiri.checkpoints import load
from kukkiri.errors import ModelError
from kukkiri.images import Image, read_image
from kukkiri.inference import OnnxEngine
from kukkiri.metrics.checkerboard import smooth_probe
from kukkiri.networks import NETWORKS
from tests.extending_pages import ROOT, insert_lines, read_block
from tests.tolerances import TORCH_AGAINST_ONNX

PAGE = (ROOT / "docs" / "extending" / "network.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The names after every block of the first part, run in a folder with photographs."""
    folder = tmp_path_factory.mktemp("program")
    for name, size in {"images/a.png": 128, "images/b.png": 128, "Set5/c.png": 64, "photo.png": 40}.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        probe = smooth_probe(size, channels=3, seed=sum(name.encode()))
        Image.from_array((255 * probe).astype(np.uint8)).save(path)
    here, before, threads = Path.cwd(), dict(NETWORKS), torch.get_num_threads()
    names = {"__name__": "program"}
    os.chdir(folder)
    try:
        for code in re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE):
            exec(compile(code, "docs/extending/network.md", "exec"), names)
        yield names | {"folder": folder}
    finally:
        os.chdir(here)
        torch.set_num_threads(threads)
        NETWORKS.clear()
        NETWORKS.update(before)


def test_a_network_of_a_program_is_trained_saved_and_loaded_back(program):
    loaded, folder = program["loaded"], program["folder"]
    assert type(loaded.module) is program["Shallow"]
    assert loaded.info.network == "shallow"
    assert loaded.info.arguments == {"scale": 2, "width": 16}
    again = load(folder / "shallow-mine-x2.safetensors")
    assert again.info.licence == "CC0-1.0"
    lr = torch.rand(1, 3, 9, 11)
    torch.testing.assert_close(again.module(lr), loaded.module(lr), atol=0, rtol=0)
    untrained = program["Shallow"](width=16)
    assert not torch.equal(untrained.last.weight, loaded.module.last.weight)


def test_its_graph_needs_no_registration_and_upscales_photographs(program):
    engine = OnnxEngine(program["folder"] / "shallow-mine-x2.onnx")
    lr = np.random.default_rng(0).random((1, 3, 12, 10), dtype=np.float32)
    with torch.no_grad():
        expected = program["loaded"].module(torch.from_numpy(lr)).numpy()
    assert np.abs(engine.run(lr) - expected).max() <= TORCH_AGAINST_ONNX
    assert engine.info.receptive_field == 3
    assert read_image(program["folder"] / "photo-x2.png").size == (80, 80)


def test_its_evaluation_is_that_of_its_own_pixels(program):
    found = program["evaluate"](str(program["weights"]), data=program["folder"] / "Set5", scale=2)
    assert found.sets["Set5"].means["psnr"] > 25  # a smooth image: a network that was not loaded would be far below


def test_a_process_that_did_not_register_it_is_told_how(program):
    path = program["folder"] / "shallow-mine-x2.safetensors"
    registered = NETWORKS.pop("shallow")
    try:
        with pytest.raises(ModelError) as raised:
            kukkiri.load(path)
    finally:
        NETWORKS["shallow"] = registered
    said = str(raised.value).removeprefix(f"{path.parent}{os.sep}")
    shown = re.search(r"^kukkiri\.errors\.ModelError: (.*)$", PAGE, flags=re.MULTILINE)[1]
    first, last = shown.split("..., ")
    assert said.startswith(first)
    assert said.endswith(last)


def test_a_network_is_added_to_the_package_as_the_page_says(tmp_path):
    """Three files; then its own tests and those of every network pass, and the tool writes its row."""
    ignored = shutil.ignore_patterns("*.onnx", "*.safetensors", "__pycache__", ".hypothesis")
    for folder in ("src", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shared = ("__init__.py", "conftest.py", "test_layers.py", "tolerances.py")
    for name in (*shared, *(f"networks/{name}.py" for name in ("__init__", "parity", "test_all"))):
        (tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    (tmp_path / "docs").mkdir()
    for name in ("src/kukkiri/networks/drcn.py", "tests/networks/test_drcn.py"):
        (tmp_path / name).write_text(read_block("network", f'python title="{name}"'), encoding="utf-8")
    registry = "src/kukkiri/networks/registry.py"
    insert_lines(read_block("network", f'diff title="{registry}"'), tmp_path / registry)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}

    def run(*command):
        done = subprocess.run(
            [sys.executable, *command], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert run("-c", "import kukkiri; print(kukkiri.__file__)").startswith(str(tmp_path))  # not the checkout
    tests = ["tests/networks/test_drcn.py", "tests/networks/test_all.py"]
    passed = run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", "drcn or registry or titles", "-m", "not slow"
    )
    assert "11 passed" in passed  # its own two, eight of every network, the order of the registry
    row = (
        "import sys; sys.path.insert(0, 'tools'); import count_networks as tool\n"
        "print(*(tool.format_row(*pair) for pair in tool.list_configurations() if pair[0] == 'drcn'))"
    )
    assert run("-c", row).startswith("| DRCN | `drcn` | own | x4 | 1,775,121 | ")
