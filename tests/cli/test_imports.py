"""Modules that an import or a help page loads: time cannot be tested on a busy machine, but its cause can."""

import subprocess
import sys

from tests.cli.test_reference import SECTIONS

PRINT_LOADED = (
    "import sys; before = set(sys.modules)\n{statement}\n"
    "print('loaded', *sorted(name for name in set(sys.modules) - before if name.split('.')[0] not in stdlib))"
)
HELP = "from kukkiri.cli import run; assert run([{arguments}]) == 0"
PARSER = {"attr", "attrs", "cyclopts", "docstring_parser", "markdown_it", "mdurl", "pygments", "rich"}
"""The command line's own packages."""


def loaded(statement: str) -> set[str]:
    """Modules beside the standard library that a statement loads into a new interpreter."""
    code = "import sys; stdlib = sys.stdlib_module_names\n" + PRINT_LOADED.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_importing_kukkiri_loads_two_small_modules():
    assert loaded("import kukkiri") == {"kukkiri", "kukkiri.engine_loaders"}


def test_the_help_loads_the_parser_and_nothing_else():
    modules = loaded(HELP.format(arguments="'--help'"))
    assert {name for name in modules if name.startswith("kukkiri")} == {
        "kukkiri",
        "kukkiri.cli",
        "kukkiri.cli.parameters",
        "kukkiri.engine_loaders",
        "kukkiri.errors",
    }
    assert {name.split(".")[0] for name in modules} - {"kukkiri"} <= PARSER


def test_no_command_needs_torch_matplotlib_or_an_engine_for_its_help():
    commands = [name.split() for name in SECTIONS]
    statement = f"from kukkiri.cli import run\nfor words in {commands}: assert run([*words, '--help']) == 0"
    heavy = {"torch", "matplotlib", "scipy", "onnx", "onnxruntime", "safetensors"}
    assert not heavy & {name.split(".")[0] for name in loaded(statement)}
