"""docs/extending/command.md, followed to the letter."""

import os
import shutil
import subprocess
import sys

from tests.extending_pages import ROOT, insert_lines, read_block


def run_python(folder, *command):
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    done = subprocess.run(
        [sys.executable, *command], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_command_is_added_to_the_package_as_the_page_says(tmp_path):
    """Its three files; then its test passes, the help lists it, and the tool writes its section."""
    ignored = shutil.ignore_patterns("*.onnx", "*.safetensors", "__pycache__")
    for folder in ("src", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    (tmp_path / "tests" / "cli").mkdir(parents=True)
    for name in ("src/kukkiri/cli/score.py", "tests/cli/test_score.py"):
        (tmp_path / name).write_text(read_block("command", f'python title="{name}"'), encoding="utf-8")
    registry = "src/kukkiri/cli/__init__.py"
    insert_lines(read_block("command", f'diff title="{registry}"'), tmp_path / registry)
    for name in ("test_imports.py", "test_reference.py"):
        shutil.copy(ROOT / "tests" / "cli" / name, tmp_path / "tests" / "cli")
    (tmp_path / "tests" / "__init__.py").touch()
    (tmp_path / "tests" / "cli" / "__init__.py").touch()
    page = tmp_path / "docs" / "reference" / "cli.md"
    page.parent.mkdir(parents=True)

    assert run_python(tmp_path, "-c", "import kukkiri; print(kukkiri.__file__)").startswith(str(tmp_path))
    run_python(tmp_path, "tools/write_cli_reference.py", "--write")
    section = page.read_text(encoding="utf-8").partition("## kukkiri score\n")[2].partition("\n## ")[0]
    assert "kukkiri score ORIGINAL RESULT --scale INT [OPTIONS]" in section
    assert "| `--protocol y-matlab\\|rgb` | y-matlab (luma) or rgb. Default: `y-matlab`. |" in section
    run_python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/cli")
    help_page = run_python(tmp_path, "-c", "from kukkiri.cli import run; run(['--help'])")
    assert "Score an image against its original." in help_page


def test_a_command_of_a_program_runs_and_refuses_as_the_others(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        read_block("command", "python") + "print(code, run(['halve', '7.5']), run(['halve']))", encoding="utf-8"
    )
    assert run_python(ROOT, str(program)).split() == ["3.5", "0", "2", "2"]


def test_the_files_and_registries_of_the_index_exist():
    text = (ROOT / "docs" / "extending" / "index.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| [")]
    assert len(rows) == 5
    for _, file, registry, test, _ in rows:
        assert (ROOT / file.strip("`")).parent.is_dir()
        assert (ROOT / test.strip("`")).parent.is_dir()
        name, path = registry.replace("`", "").split(" in ")
        assert name.removesuffix("(...)") in (ROOT / "src" / "kukkiri" / path).read_text(encoding="utf-8")
