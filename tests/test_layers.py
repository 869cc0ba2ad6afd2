"""The house of DESIGN.md: who may import whom, and what must never load torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kukkiri

SOURCE = Path(kukkiri.__file__).parent
LEVELS = {
    "errors": -1,  # below everything, so that the descriptor can raise them
    "files": 0,
    "info": 0,
    "images": 1,
    "resampling": 1,
    "upsampling": 1,
    "attention": 1,
    "pretrained": 1,
    "metrics": 2,
    "networks": 2,
    "degradations": 2,
    "inference": 3,
    "checkpoints": 3,
    "data": 3,
    "losses": 3,
    "training": 4,
    "profiling": 4,
    "adaptation": 5,
    "evaluation": 5,
    "explain": 6,
    "ocr": 6,
    "reports": 7,
    "cli": 8,
}
TORCH_FREE = [
    "files",
    "images",
    "resampling",
    "metrics",
    "degradations",
    "pretrained",
    "inference",
    "evaluation",
    "profiling",
    "ocr",
    "reports",
    "cli",
]


def imported_packages(file: Path) -> set[str]:
    """The packages of kukkiri that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "kukkiri":
            names = [f"kukkiri.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names = [node.module or ""]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("kukkiri.")}
    return {name for name in found if name in LEVELS}


def test_every_package_has_a_level():
    present = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert present - {"__init__", "__main__"} <= set(LEVELS)


@pytest.mark.parametrize("package", sorted(LEVELS))
def test_a_package_imports_only_from_lower_levels(package):
    files = [SOURCE / f"{package}.py"] if (SOURCE / f"{package}.py").exists() else (SOURCE / package).rglob("*.py")
    breaches = [
        f"{file.relative_to(SOURCE)} (level {LEVELS[package]}) imports {other} (level {LEVELS[other]})"
        for file in files
        for other in imported_packages(file)
        if other != package and LEVELS[other] >= LEVELS[package]
    ]
    assert not breaches


def test_the_base_half_never_loads_torch():
    present = [name for name in TORCH_FREE if (SOURCE / name).exists()]
    commands = "from kukkiri.cli import run; run(['--help']); run(['models']); run(['doctor'])"
    code = (
        f"import sys, importlib, kukkiri\nfor name in {present!r}: importlib.import_module(f'kukkiri.{{name}}')\n"
        f"{commands}\n"
        "heavy = {'torch', 'matplotlib', 'scipy', 'onnx', 'safetensors'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_kukkiri_loads_nothing_but_itself():
    code = "import sys, kukkiri; assert not {'numpy', 'pyvips', 'onnxruntime'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_public_names_are_sorted_and_all_there():
    assert kukkiri.__all__ == sorted(kukkiri.__all__)
    for name in kukkiri.__all__:
        assert getattr(kukkiri, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'upscael'"):
        kukkiri.upscael  # noqa: B018
