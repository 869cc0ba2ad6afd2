"""docs/extending/own-code.md, followed to the letter: a program's own network, loss and degradation."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from kukkiri.images import Image, read_image
from tests.extending_pages import ROOT, read_block

pytest.importorskip("torch", reason="needs torch")
WEIGHTS = "runs/shallow-x2/weights.safetensors"


def run(*command: str, cwd) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(cwd)}
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the program has run."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    for name, count, side in (("images", 3, 96), ("Testset", 2, 48)):
        (folder / name).mkdir()
        for number in range(count):
            rows, columns = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
            waves = [
                np.sin(rng.uniform(0.05, 0.4) * rows + rng.uniform(0.05, 0.4) * columns + phase) for phase in (0, 1, 2)
            ]
            Image.from_array((127 + 100 * np.stack(waves, axis=2)).astype(np.uint8)).save(
                folder / name / f"{number}.png"
            )
    Image.from_array(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(folder / "photo.png")
    (folder / "mine.py").write_text(read_block("own-code", 'python title="mine.py"'))
    (folder / "program.py").write_text(read_block("own-code", 'python title="program.py"'))
    done = run("program.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "printed.txt").write_text(done.stdout)
    return folder


def test_the_program_trains_loads_evaluates_and_upscales(folder):
    described, psnr, upscaled = (folder / "printed.txt").read_text().splitlines()[-3:]
    assert described in ("shallow 2 {'scale': 2, 'width': 8}", "shallow 2 {'width': 8, 'scale': 2}")
    assert float(psnr.removesuffix(" dB")) > 17  # untrained, a dimmed image scores 10 to 16 dB
    assert upscaled == "(24, 32, 3) uint8"


def test_the_onnx_file_works_on_the_command_line_without_registration(folder):
    done = run("-m", "kukkiri", "upscale", "photo.png", "--model", "shallow-x2.onnx", "-o", "photo-x2.png", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert read_image(folder / "photo-x2.png").size == (24, 32)
    done = run(
        *("-m", "kukkiri", "evaluate", "--model", "shallow-x2.onnx", "--data", "Testset", "--scale", "2", "--no-cache"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["upscale", "photo.png", "-o", "never.png", "--model", WEIGHTS],
        ["evaluate", "--data", "Testset", "--scale", "2", "--model", WEIGHTS],
        ["export", WEIGHTS, "-o", "never.onnx"],
        ["compare", "bicubic", WEIGHTS, "--data", "Testset", "--scale", "2", "-o", "never"],
    ],
)
def test_the_command_line_says_what_helps(folder, command):
    done = run("-m", "kukkiri", *command, cwd=folder)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("kukkiri: ")]
    page = (ROOT / "docs" / "extending" / "own-code.md").read_text(encoding="utf-8")
    promised = re.search(r"^kukkiri: .*$", page, re.MULTILINE)
    assert promised is not None
    begin, end = promised[0].split("Known: contextplain, ..., zssr. ")
    assert line.startswith(begin)
    assert line.endswith(end)
    assert not list(folder.glob("never*"))
