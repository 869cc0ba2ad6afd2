"""docs/extending/loss.md, followed to the letter."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from kukkiri.checkpoints import load
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.losses import LOSSES, parse_loss
from kukkiri.losses.arguments import read_arguments, read_needs
from tests.tolerances import FLOAT32_SAME_MATHS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending" / "loss.md").read_text(encoding="utf-8")


def blocks(start):
    """The code blocks of the page whose opening line is as given."""
    return re.findall(rf"^```{re.escape(start)}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def apply(diff, path):
    """Insert the added lines of a diff before the line that follows each in it."""
    text, lines = path.read_text(encoding="utf-8"), diff.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("+"):
            after = lines[number + 1][1:] + "\n"
            assert text.count(after) == 1, after
            text = text.replace(after, f"{line[1:]}\n{after}")
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def followed(tmp_path, monkeypatch, rng, capsys):  # capsys first, so that it sees what the blocks print
    """The names after every block of "In your own program", in a folder with images."""
    monkeypatch.chdir(tmp_path)
    for path in ("images/a.png", "images/b.png", "validation/c.png"):
        Path(path).parent.mkdir(exist_ok=True)
        small = rng.integers(0, 256, (12, 14, 3), dtype=np.uint8)
        Image.from_array(np.kron(small, np.ones((4, 4, 1), np.uint8))).save(path)
    (recipe,) = blocks('toml title="mine.toml"')
    Path("mine.toml").write_text(recipe, encoding="utf-8")
    before, names = dict(LOSSES), {}
    try:
        for number, block in enumerate(blocks("python"), 1):
            exec(compile(block, f"loss.md, block {number}", "exec"), names)
        yield names
    finally:
        LOSSES.clear()
        LOSSES.update(before)


def test_a_loss_of_a_program_trains_a_network(followed, rng, capsys):
    first, last = [line for line in followed["lines"] if line.step == 20]
    printed = capsys.readouterr().out
    assert f"{first.loss:.4f}, {first.psnr:.2f} dB" in printed
    lr, hr = np.float32(rng.random((2, 1, 1, 8, 9)))
    error = hr - lr
    mean = np.abs(error).mean() + 0.5 * sum(np.abs(np.diff(error, axis=axis)).mean() for axis in (2, 3))
    value = LOSSES["mine"](torch.from_numpy(lr), torch.from_numpy(hr))
    assert float(value) == pytest.approx(float(mean), rel=FLOAT32_SAME_MATHS)
    assert load(followed["weights"]).info.network == "espcn"
    assert followed["upscaler"](np.zeros((6, 7, 3), np.uint8)).shape == (12, 14, 3)
    assert Path("runs/espcn-mine-again-x2/weights.safetensors").is_file()
    assert set(last.losses) == {"l1", "hard-pixels"}
    assert str({name: f"{value:.4f}" for name, value in last.losses.items()}) in printed
    assert load("runs/espcn-hard-x2/weights.safetensors").info.network == "espcn"


def test_the_loss_with_a_need_and_an_argument_counts_hard_pixels(followed):
    assert (read_needs(LOSSES["hard-pixels"]), len(read_arguments(LOSSES["hard-pixels"]))) == ({"lr"}, 1)
    hr, lr = torch.full((1, 1, 4, 4), 0.5), torch.full((1, 1, 2, 2), 0.25)  # interpolation is wrong by 1/4 everywhere
    for power in (1.0, 0.5):
        loss = parse_loss({"hard-pixels": {"power": power}})
        value, _ = loss(hr + 0.1, hr, lr=lr)
        assert float(value) == pytest.approx(0.25**power * 0.1, rel=1e-5)  # rounding of 0.6 - 0.5 in float32
    for setting, message in (({"power": 0}, "above 0"), ({"powr": 1}, "mean 'power'"), ({"power": "x"}, "got 'x'")):
        with pytest.raises(ConfigError, match=message):
            parse_loss({"hard-pixels": setting})


def test_a_loss_is_added_to_the_package_as_the_page_says(tmp_path):
    source = tmp_path / "src" / "kukkiri"
    ignored = shutil.ignore_patterns("*.onnx", "*.safetensors", "__pycache__")
    shutil.copytree(ROOT / "src" / "kukkiri", source, ignore=ignored)
    tests = tmp_path / "tests" / "losses"
    shutil.copytree(ROOT / "tests" / "losses", tests, ignore=shutil.ignore_patterns("*page*", "__pycache__"))
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    for name in ("__init__.py", "tolerances.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    (code,) = blocks('python title="src/kukkiri/losses/edge_l1.py"')
    (source / "losses" / "edge_l1.py").write_text(code, encoding="utf-8")
    (diff,) = blocks('diff title="src/kukkiri/losses/registry.py"')
    apply(diff, source / "losses" / "registry.py")
    (test,) = blocks('python title="tests/losses/test_edge_l1.py"')
    (tests / "test_edge_l1.py").write_text(test, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    where = [sys.executable, "-c", "import kukkiri; print(kukkiri.__file__)"]
    found = subprocess.run(where, env=environment, capture_output=True, text=True, check=True).stdout
    assert found.startswith(str(tmp_path))  # not the checkout
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tests)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "test_a_wrong_column_counts_with_both_of_its_edges PASSED" in done.stdout
    assert "test_it_is_a_mean_over_the_batch[edge-l1] PASSED" in done.stdout
    for name in ("tools/list_losses.py", "tools/marked_table.py", "docs/reference/losses.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run([sys.executable, "tools/list_losses.py", "--write"], env=environment, cwd=tmp_path, check=True)
    table = (tmp_path / "docs" / "reference" / "losses.md").read_text(encoding="utf-8")
    assert "differences |  | `edges = 0.5`: a number |" in table
