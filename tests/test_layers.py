"""The house of DESIGN.md: the level of every package, imports between them, and the half that runs without torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kukkiri

SOURCE = Path(kukkiri.__file__).parent
LEVELS = {
    "errors": -1,  # below the other files of level 0, so that they can raise
    "engine_loaders": 0,
    "files": 0,
    "info": 0,
    "signals": 0,
    "devices": 0,
    "resampling": 1,
    "images": 1,
    "upsampling": 1,
    "attention": 1,
    "pretrained": 1,
    "client": 1,
    "storage": 1,
    "metrics": 2,
    "networks": 2,
    "degradations": 2,
    "inference": 3,
    "checkpoints": 3,
    "data": 3,
    "losses": 3,
    "training": 4,
    "profiling": 4,
    "video": 4,
    "adaptation": 5,
    "evaluation": 5,
    "blind": 6,
    "explain": 6,
    "ocr": 6,
    "cluster": 6,
    "reports": 7,
    "web": 8,
    "cli": 9,  # starts the server, too
    "__main__": 10,
    "__init__": 10,  # the front door stands above all, and joins the two halves
}
TORCH_FREE = [
    "devices",
    "engine_loaders",
    "errors",
    "files",
    "info",
    "signals",
    "resampling",
    "images",
    "pretrained",
    "metrics",
    "degradations",
    "inference",
    "profiling",
    "evaluation",
    "ocr",
    "cluster",
    "storage",
    "video",
    "web",
    "client",
    "reports",
    "cli",
]
ON_DEMAND = {
    "kukkiri.degradations.torch_twins",
    "kukkiri.inference.torch_engine",
    "kukkiri.profiling.torch_cost",
    "kukkiri.resampling.tensors",
}
"""Modules of the half without torch that import it, and that nothing imports unless a user asks for torch."""
HEAVY = {"torch", "safetensors", "onnx", "onnxscript", "matplotlib", "scipy", "spandrel"}
"""Modules of the extras: the base install has none of them."""


def imported_packages(source: str, *, file: str = "") -> set[str]:
    """The packages of kukkiri that a file imports, anywhere in it, by a statement or by a string.

    A string that names a module of kukkiri counts as an import of it, whoever will import it: ``import_module``,
    ``__import__``, or a table of homes that a lazy ``__getattr__`` reads.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            inside = [f"kukkiri.{alias.name}" for alias in node.names] if node.module == "kukkiri" else []
            names |= {node.module or "", *inside}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert node.value != "kukkiri.", f"{file}: the name of a package is put together at run time"
            names |= set(modules_in(node.value.removesuffix(".")))
    return {name.split(".")[1] for name in names if name.startswith("kukkiri.")} & set(LEVELS)


def modules_in(text: str) -> Iterator[str]:
    """The text itself when it is the dotted name of a module of kukkiri that exists."""
    parts = text.split(".")
    if parts[0] == "kukkiri" and len(parts) > 1 and all(part.isidentifier() for part in parts):
        path = SOURCE.joinpath(*parts[1:])
        if path.with_suffix(".py").exists() or (path / "__init__.py").exists():
            yield text


def files_of(package: str) -> list[Path]:
    single = SOURCE / f"{package}.py"
    return [single] if single.exists() else sorted((SOURCE / package).rglob("*.py"))


def test_every_package_has_a_level_and_every_level_a_package():
    present = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert present == set(LEVELS)


@pytest.mark.parametrize("package", sorted(LEVELS))
def test_a_package_imports_only_from_lower_levels(package):
    breaches = [
        f"{file.relative_to(SOURCE)} (level {LEVELS[package]}) imports {other} (level {LEVELS[other]})"
        for file in files_of(package)
        for other in imported_packages(file.read_text(encoding="utf-8"), file=str(file))
        if other != package and LEVELS[other] >= LEVELS[package]
    ]
    assert not breaches


@pytest.mark.parametrize(
    "source",
    [
        "import kukkiri.training",
        "from kukkiri import training",
        "from kukkiri.training.train import run",
        "def later():\n    from kukkiri.training import train",
        "importlib.import_module('kukkiri.training')",
        "import_module('kukkiri.training.train')",
        "import_module(f'kukkiri.training.{name}')",
        "__import__('kukkiri.training')",
        "HOMES = {'train': 'kukkiri.training'}",
        "if TYPE_CHECKING:\n    from kukkiri.training import train",
    ],
)
def test_every_way_to_import_is_seen(source):
    assert imported_packages(source) == {"training"}


def test_sentences_are_no_imports_and_names_made_at_run_time_are_refused():
    assert imported_packages("'''See kukkiri.training for it.'''\nlogging.getLogger('kukkiri')") == set()
    with pytest.raises(AssertionError, match="put together at run time"):
        imported_packages("import_module(f'kukkiri.{name}')")
    with pytest.raises(AssertionError, match="relative import"):
        imported_packages("from . import training")


def run_without(modules: set[str], code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python in which ``modules`` cannot be imported."""
    blocked = f"import sys\nsys.modules.update(dict.fromkeys({sorted(modules)!r}))\n"
    return subprocess.run([sys.executable, "-c", blocked + code], capture_output=True, text=True, check=False)


def test_the_base_half_imports_where_torch_is_not_installed():
    modules = [
        "kukkiri." + ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for package in TORCH_FREE
        for file in files_of(package)
        if file.name != "__main__.py"
    ]
    code = (
        "import importlib\nfailed = set()\n"
        f"for name in {modules!r}:\n    try: importlib.import_module(name)\n"
        "    except ImportError: failed.add(name)\n"
        f"assert failed == {ON_DEMAND!r}, failed"
    )
    done = run_without(HEAVY, code)
    assert done.returncode == 0, done.stderr


def test_the_base_half_never_loads_torch():
    code = (
        f"import sys, importlib, kukkiri\nfor name in {TORCH_FREE!r}: importlib.import_module('kukkiri.' + name)\n"
        "from kukkiri.cli import run; run(['--help']); run(['models']); run(['doctor'])\n"
        f"heavy = {HEAVY!r} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = run_without(set(), code)
    assert done.returncode == 0, done.stderr


def test_torch_weights_without_torch_are_refused_with_the_remedy(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"")
    done = run_without({"torch"}, f"import kukkiri\nkukkiri.Upscaler({str(path)!r})")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"kukkiri.errors.BackendError: {path}: torch weights need torch")
    assert last.endswith("Install kukkiri[torch], or use an .onnx file.")


def test_importing_kukkiri_loads_nothing_but_itself():
    code = (
        "import sys, kukkiri\n"
        "loaded = {name for name in sys.modules if name.startswith('kukkiri')}\n"
        "assert loaded == {'kukkiri', 'kukkiri.engine_loaders'}, loaded\n"
        "assert not {'numpy', 'pyvips', 'onnxruntime'} & set(sys.modules)"
    )
    done = run_without(set(), code)
    assert done.returncode == 0, done.stderr
