"""The modules of kukkiri import one another in one direction only."""

import ast
import graphlib
from pathlib import Path

import pytest

import kukkiri

SOURCE = Path(kukkiri.__file__).parent


def imported_modules(source: str, modules: set[str]) -> set[str]:
    """The modules of kukkiri that a file imports, inside functions too; not those for type checkers alone."""
    tree = ast.parse(source)
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node not in typing_only:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in modules else node.module or "" for name in names}
    return found & modules


def test_imports_are_found_at_the_top_and_inside_functions():
    modules = {"kukkiri.images", "kukkiri.images.exif", "kukkiri.files"}
    assert imported_modules("from kukkiri.images import Image, exif", modules) == {
        "kukkiri.images",
        "kukkiri.images.exif",
    }
    assert imported_modules("def later():\n    import kukkiri.files", modules) == {"kukkiri.files"}
    assert imported_modules("if TYPE_CHECKING:\n    from kukkiri.files import replacing", modules) == set()


def test_modules_do_not_import_one_another_in_a_circle():
    files = {}
    for file in SOURCE.rglob("*.py"):
        name = ".".join(file.relative_to(SOURCE.parent).with_suffix("").parts)
        files[name.removesuffix(".__init__")] = file
    graph = {name: imported_modules(file.read_text(encoding="utf-8"), set(files)) for name, file in files.items()}
    assert "kukkiri.images.writing" in graph["kukkiri.images.image"]
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))
