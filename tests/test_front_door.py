"""``import kukkiri`` as a user, an editor and a type checker meet it."""

import ast
import copy
import inspect
import io
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import kukkiri
from kukkiri.inference import OnnxEngine, UpscalerOptions
from kukkiri.pretrained import locate

SOURCE = Path(kukkiri.__file__).parent
DOORS = {"__init__", "__call__"}
RIGHT = """
    import io
    from pathlib import Path
    from typing import assert_type

    import kukkiri
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    levels: NDArray[np.uint8] = np.zeros((4, 4, 3), np.uint8)
    upscaler = kukkiri.Upscaler("bicubic", scale=3, tile="auto")
    assert_type(upscaler(levels), NDArray[np.uint8])
    assert_type(upscaler(Path("a.png")), kukkiri.Image)
    assert_type(upscaler(b"bytes"), kukkiri.Image)
    assert_type(upscaler(io.BytesIO()), kukkiri.Image)
    assert_type(upscaler(Pillow.new("RGB", (4, 4))), kukkiri.Image)
    assert_type(kukkiri.upscale("a.png", scale=2.5, model="fast", threads=1), kukkiri.Image)
    assert_type(kukkiri.upscale(levels, ensemble=True, weights="clean"), NDArray[np.uint8])
    with open("a.png", "rb") as file:
        kukkiri.upscale(file).save("b.png")
    error: type[Exception] = kukkiri.ImageError
"""
WRONG = """
    import kukkiri

    kukkiri.Upscaler(scal=3)
    kukkiri.upscael("a.png")
"""


@pytest.fixture(scope="module")
def type_errors(tmp_path_factory):
    """The errors of mypy in two scripts of a user, who has kukkiri installed: in a folder of their own."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("user")
    for name, script in (("right.py", RIGHT), ("wrong.py", WRONG)):
        (folder / name).write_text(textwrap.dedent(script), encoding="utf-8")
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\n[mypy-torch.*]\nfollow_imports = skip\n", encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache"), "right.py", "wrong.py"]
    environment = {name: value for name, value in os.environ.items() if name != "MYPYPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if ": error: " in line]


def test_a_type_checker_knows_every_keyword_and_every_name(type_errors):
    assert [error for error in type_errors if error.startswith("right.py")] == []
    keyword, name = type_errors
    assert keyword.startswith('wrong.py:4: error: Unexpected keyword argument "scal" for "Upscaler"')
    assert name.startswith('wrong.py:5: error: Module has no attribute "upscael"')


def test_the_public_names_are_a_sorted_literal():
    assert kukkiri.__all__ == sorted(kukkiri.__all__)
    assert dir(kukkiri) == kukkiri.__all__
    with pytest.raises(AttributeError, match="no attribute 'upscael'"):
        kukkiri.upscael  # noqa: B018


@pytest.mark.needs_torch
def test_every_public_name_is_there():
    for name in kukkiri.__all__:
        assert getattr(kukkiri, name) is not None


@pytest.mark.parametrize("name", ["adapt", "load"])
def test_a_name_that_needs_torch_says_so(name, monkeypatch):
    monkeypatch.delitem(vars(kukkiri), name, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(kukkiri.BackendError, match=rf"^{name}\(\) needs torch\. Install kukkiri\[torch\]\.$"):
        getattr(kukkiri, name)


def test_what_is_loaded_lazily_is_what_a_type_checker_reads():
    twins = {}
    for node in ast.walk(ast.parse(Path(kukkiri.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            imports = [inner for inner in node.body if isinstance(inner, ast.ImportFrom)]
            twins |= {alias.name: inner.module for inner in imports for alias in inner.names}
    assert {name: twins[name] for name in kukkiri._HOMES} == kukkiri._HOMES
    assert {*kukkiri._HOMES, "__version__"} == set(kukkiri.__all__)


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions, and methods of classes, whose names do not begin with an underscore, and constructors and calls."""
    for node in tree.body:
        for inner in node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else [node]:
            if isinstance(inner, ast.FunctionDef) and (inner.name in DOORS or not inner.name.startswith("_")):
                yield inner


@pytest.mark.parametrize("file", sorted((SOURCE / "inference").glob("*.py")), ids=lambda file: file.stem)
def test_no_public_signature_says_any(file):
    loose = {"Any", "NDArray[Any]"}
    for function in public_functions(ast.parse(file.read_text(encoding="utf-8"))):
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        hints = [argument.annotation for argument in every if argument is not None] + [function.returns]
        said = {ast.unparse(hint) for hint in hints if hint is not None}
        assert not said & loose, f"{function.name}: {said & loose}"


def test_the_options_are_the_keywords_of_an_upscaler():
    door = inspect.signature(kukkiri.Upscaler.__init__).parameters
    short = inspect.signature(kukkiri.upscale).parameters
    assert set(UpscalerOptions.__annotations__) == set(door) - {"self", "model", "scale"}
    assert set(short) - {"image"} == set(door) - {"self"}
    for name in UpscalerOptions.__annotations__:
        assert door[name].annotation == short[name].annotation == UpscalerOptions.__annotations__[name]
        assert door[name].default == short[name].default


@pytest.fixture
def levels(rng):
    return rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)


def test_every_source_of_an_image_is_taken_and_answered_in_kind(levels, tmp_path):
    expected = kukkiri.Upscaler("bicubic", scale=2)(levels)
    assert (expected.dtype, expected.shape) == (np.uint8, (12, 10, 3))
    path = tmp_path / "a.png"
    kukkiri.Image.from_array(levels).save(path)
    data = path.read_bytes()
    sources = [str(path), path, data, io.BytesIO(data), PIL.Image.fromarray(levels), kukkiri.Image.from_array(levels)]
    for source in sources:
        result = kukkiri.upscale(source, model="bicubic")
        assert isinstance(result, kukkiri.Image)
        assert np.array_equal(result.to_array(), expected)
    assert np.array_equal(kukkiri.upscale(levels, model="bicubic"), expected)


def test_a_source_that_holds_no_image_is_refused_with_the_remedy():
    upscaler = kukkiri.Upscaler("bicubic", scale=2)
    with pytest.raises(kukkiri.ImageError, match="is an address, not a file"):
        upscaler("https://example.org/photo.jpg")
    with pytest.raises(
        TypeError, match=r"dict is no image; expected a path, bytes, a binary file, a NumPy array, a PIL"
    ):
        kukkiri.upscale({}, model="bicubic")
    with pytest.raises(TypeError, match="a model is a name, a path or an engine, got int"):
        kukkiri.Upscaler(3)


@pytest.mark.parametrize("again", [copy.deepcopy, copy.copy, lambda upscaler: pickle.loads(pickle.dumps(upscaler))])
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("fast", {"scale": 2.5, "threads": 1, "tile": 64}),
        ("lanczos", {"scale": 3}),
        ("espcn-x3", {"threads": 1, "ensemble": True}),
    ],
)
def test_a_pickled_or_copied_upscaler_gives_the_same_result(again, model, options, levels):
    upscaler = kukkiri.Upscaler(model, **options)
    copied = again(upscaler)
    assert copied is not upscaler
    assert (copied.name, copied.scale, copied.ensemble) == (upscaler.name, upscaler.scale, upscaler.ensemble)
    assert np.array_equal(copied(levels), upscaler(levels))


def test_a_pickled_upscaler_finds_its_file_from_another_folder_and_its_twin_stays_one(levels, tmp_path, monkeypatch):
    (tmp_path / "own.onnx").write_bytes(locate("espcn-x2", ".onnx").read_bytes())
    monkeypatch.chdir(tmp_path)
    by_name = kukkiri.Upscaler("own.onnx", threads=1)
    by_engine = kukkiri.Upscaler(OnnxEngine("own.onnx", threads=1))
    lossy = kukkiri.Image(colour=np.zeros((4, 4, 3), np.float32), lossy=True)
    twin = kukkiri.Upscaler("fast", scale=2, threads=1).suited(lossy)
    pickled = [pickle.dumps(upscaler) for upscaler in (by_name, by_engine, twin)]
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    for data, upscaler in zip(pickled, (by_name, by_engine, twin), strict=True):
        assert np.array_equal(pickle.loads(data)(levels), upscaler(levels))
    assert pickle.loads(pickled[2]).domain == twin.domain == "photo"
