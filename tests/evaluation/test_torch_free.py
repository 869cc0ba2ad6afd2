"""Evaluation belongs to the torch-free half: no module of it imports torch, not even on demand."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kukkiri.evaluation
from kukkiri.images import Image
from tests.test_layers import HEAVY, ON_DEMAND, TORCH_FREE, imported_packages

FILES = sorted(Path(kukkiri.evaluation.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_module_imports_torch_or_a_package_that_does(file):
    source = file.read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(source)))
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    assert not {module.split(".")[0] for module in modules} & HEAVY
    assert not set(modules) & ON_DEMAND
    assert imported_packages(source, file=str(file)) <= set(TORCH_FREE)


def test_interpolations_are_scored_where_torch_cannot_be_imported(tmp_path, rng):
    Image.from_array(rng.integers(0, 256, (40, 48, 3), dtype="uint8")).save(tmp_path / "a.png")
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\nfrom kukkiri.evaluation import evaluate\n"
        f"score = evaluate('bicubic', data=Path({str(tmp_path)!r}), scale=2)\n"
        "assert 5 < next(iter(score.sets.values())).mean.psnr < 30"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
