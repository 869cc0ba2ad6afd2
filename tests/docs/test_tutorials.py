"""docs/tutorials/: every command runs, in the order of the page, and prints the lines that the page shows.

Blocks with a title are written to that file; ``$`` lines of console blocks are run, in a folder where ``examples`` is
that of the checkout; ``sh`` blocks are for the reader's own machine. Long commands are shortened by the options in
``SHORTER``, and what they and the commands after them print is then compared no further than ``EXCEPT`` says.
"""

import contextlib
import io
import re
import runpy
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from kukkiri.cli import run
from tests.docs.test_sources import checkout, differs

__all__ = ["checkout"]

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (ROOT / "docs" / "tutorials").glob("*.md") if path.stem != "index")
NEEDS = {"first-photo": ()}
"""Packages of extras; torch and matplotlib unless given."""
SHORTER = {
    "kukkiri train tiny-x2.toml": ["steps=250", "log_every=50"],
    "kukkiri adapt examples/images/petals.png": ["--steps", "1"],
    "kukkiri adapt blurred.png -o wrong.png": ["--steps", "1"],
}
"""Options that shorten the commands with these first words."""
EXCEPT = re.compile(r"runs/tiny-x2/\S+ (x2|minus)|^ *images|/2000 |10/10|10 steps|downscaled (copy|again)")
"""Lines that depend on the length of what was shortened."""
CHANGING = re.compile(r"\d+(\.\d+)? s\b|\d+ patches/s|\d+:\d\d:\d\d left|^\[\d+/|(?<=\d/)\d+")
"""Times, the place in the order in which files are done, and the number of all steps."""


def read_blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (language, title, text) of each block."""
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', text, flags=re.DOTALL | re.MULTILINE):
        yield match[1], match[2] or "", match[3]


def read_commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a console block with the lines that follow it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, *shown = part.splitlines()
        yield line, shown


def run_line(line: str) -> list[str]:
    """Run a command of kukkiri or a Python file; return the lines of both streams."""
    program, *arguments = shlex.split(line)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        if program == "python":
            runpy.run_path(arguments[0])
        else:
            assert program == "kukkiri"
            assert run(arguments) == 0, printed.getvalue()
    return printed.getvalue().splitlines()


def find_missing(shown: list[str], printed: list[str]) -> str:
    """The first shown line that was not printed, in whatever order; empty when there is none."""
    lines = [CHANGING.sub("#", line) for line in printed]
    for line in shown:
        if line != "..." and all(differs(CHANGING.sub("#", line), other) for other in lines):
            return line
    return ""


def parameters() -> list[object]:
    found = []
    for page in PAGES:
        missing = [name for name in NEEDS.get(page.stem, ("torch", "matplotlib")) if find_spec(name) is None]
        marks = [pytest.mark.skip(reason=f"needs {', '.join(missing)}")] if missing else []
        found.append(pytest.param(page, id=page.stem, marks=marks))
    return found


@pytest.mark.parametrize("page", parameters())
def test_a_tutorial_can_be_followed(page: Path, checkout: Path) -> None:
    for language, title, text in read_blocks(page):
        if title:
            Path(title).write_text(text, encoding="utf-8")
        elif language == "console":
            for line, shown in read_commands(text):
                follow(line, shown)


def follow(line: str, shown: list[str]) -> None:
    """Run a command of a page, shortened where it is long, and compare what it prints."""
    options = [option for words, added in SHORTER.items() if line.startswith(words) for option in added]
    printed = run_line(shlex.join([*shlex.split(line), *options]))
    if options or "runs/tiny-x2" in line:
        shown = [text for text in shown if not EXCEPT.search(text)]
    missing = find_missing(shown, printed)
    assert not missing, f"{line}\ndid not print\n{missing}\nbut\n" + "\n".join(printed)
    if "evaluate" in line and "runs/tiny-x2" in line:
        gains = [float(value) for value in re.findall(r"minus bicubic, x2 images: (\S+)", "\n".join(printed))]
        assert gains[0] > 0.8, printed  # after an eighth of the steps; the page has 2.4


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        (["a 1.25 dB", "..", "c"], ".."),
        (["[1/4] c 3.0 s", "...", "a 1.26 dB"], ""),
        (["a 1.35 dB"], "a 1.35 dB"),
    ],
)
def test_a_line_that_was_not_printed_is_found(shown: list[str], missing: str) -> None:
    assert find_missing(shown, ["a 1.25 dB", "b", "[2/4] c 0.1 s"]) == missing
