"""docs/sources/: every block of the five pages runs, and prints what the page says.

A heading begins a section; its Python blocks run in order in one namespace, its console blocks through the command
line, in a folder where ``examples`` and ``recipes`` are those of the checkout. The ``text`` block after a Python block
is its output; a Python block without one prints nothing. Blocks of other languages are not run: they take minutes or
days, or need test sets.
"""

import contextlib
import io
import re
import shlex
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kukkiri.cli import run
from tests.test_layers import TORCH_FREE

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted((DOCS / "sources").glob("*.md"))
NUMBER = re.compile(r"[-+]?\d+\.\d*(?:e[-+]\d+)?|[-+]?\d+e[-+]\d+|\d+")
OF_TORCH = {"adapt", "train", "export", "inspect"}
"""Commands that need the torch extra."""


@dataclass
class Section:
    """A heading of a page and the blocks below it."""

    page: Path
    title: str
    blocks: list[tuple[str, str]] = field(default_factory=list)
    """Language and text."""

    @property
    def needs(self) -> set[str]:
        """The packages of the extras torch and report without which the section cannot run."""
        source = "\n".join(text for language, text in self.blocks if language in ("python", "console"))
        rooms = set(re.findall(r"^from kukkiri\.(\w+)", source, flags=re.MULTILINE))
        commands = set(re.findall(r"^\$ kukkiri (\w+)", source, flags=re.MULTILINE))
        names = re.search(r"^import torch$|\bkukkiri\.(?:load|adapt)\(", source, flags=re.MULTILINE)
        torch = names or rooms - set(TORCH_FREE) or commands & OF_TORCH
        return {*(["torch"] if torch else []), *(["matplotlib"] if "inspect" in commands else [])}


def read_sections(page: Path) -> Iterator[Section]:
    section = Section(page, page.stem)
    language, lines = None, []
    for line in page.read_text(encoding="utf-8").splitlines():
        if language is None and (heading := re.match(r"#+ (.+)", line)):
            yield section
            section = Section(page, re.sub(r"[`*]", "", heading[1]))
        elif language is None and (fence := re.match(r"```(\w+)", line)):
            language, lines = fence[1], []
        elif language is not None and line == "```":
            section.blocks.append((language, "\n".join(lines)))
            language = None
        elif language is not None:
            lines.append(line)
    assert language is None, f"{page.name}: a block without its end"
    yield section


SECTIONS = [section for page in PAGES for section in read_sections(page)]


def parameters() -> list[object]:
    """The sections with something to run."""
    found = []
    for section in SECTIONS:
        if {"python", "console"} & {language for language, _ in section.blocks}:
            marks = [pytest.mark.needs_torch] if "torch" in section.needs else []
            if "matplotlib" in section.needs:
                marks.append(pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs matplotlib"))
            found.append(pytest.param(section, id=f"{section.page.stem}: {section.title}", marks=marks))
    return found


def differs(expected: str, got: str) -> str:
    """Compare two outputs; empty when they are equal.

    Words and whole numbers are equal, blanks count as one, and a decimal number may differ by one unit of its last
    printed digit, or by 5e-5 of itself where it has more digits: float32 results agree to about 1e-6 across CPUs, which
    may turn a rounding, and an 8-bit image by some pixels, 1e-3 dB.
    """
    wanted, found = ([line.split() for line in text.strip().splitlines()] for text in (expected, got))
    for line, other in zip(wanted, found, strict=False):
        shown, printed = " ".join(line), " ".join(other)
        if NUMBER.sub("#", shown) != NUMBER.sub("#", printed):
            return f"expected {shown!r}, got {printed!r}"
        for number, value in zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True):
            if abs(float(number) - float(value)) > tolerance(number):
                return f"expected {number}, got {value} in {printed!r}"
    return "" if len(wanted) == len(found) else f"expected {len(wanted)} lines, got {len(found)}:\n{got}"


def tolerance(number: str) -> float:
    """The difference that a printed number may have; 0 for a whole number."""
    digits, _, power = number.partition("e")
    if "." not in digits and not power:
        return 0.0
    unit = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
    return max(1.01 * unit, 5e-5 * abs(float(number)))


def run_console(text: str) -> Iterator[tuple[str, str]]:
    """Run the commands of a console block; yield what the page shows after each, and what it printed."""
    for part in re.split(r"^\$ ", text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        line, _, shown = part.partition("\n")
        command, *tokens = shlex.split(line)
        assert command == "kukkiri"
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            assert run(tokens) == 0, line
        yield shown, printed.getvalue()


def run_section(section: Section) -> Iterator[tuple[str, str]]:
    """Run the blocks in their order; yield the expected and the printed output of each."""
    names: dict[str, object] = {}
    following = [*section.blocks[1:], ("", "")]
    for (language, text), (after, shown) in zip(section.blocks, following, strict=True):
        if language == "console":
            yield from run_console(text)
        elif language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(text, f"{section.page.name}: {section.title}", "exec"), names)
            yield shown if after == "text" else "", printed.getvalue()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory like the root of a checkout, one thread of torch, and everything as it was afterwards."""
    for folder in ("examples", "recipes"):
        (tmp_path / folder).symlink_to(ROOT / folder, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    if find_spec("torch") is None:
        yield tmp_path
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with np.printoptions():
        yield tmp_path
    torch.set_num_threads(threads)


@pytest.mark.parametrize("section", parameters())
def test_a_section_prints_what_the_page_shows(section, checkout):
    for expected, printed in run_section(section):
        assert not (problem := differs(expected, printed)), problem


def slug(title: str) -> str:
    """The anchor that the site gives to a heading."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def test_the_overview_leads_to_every_section():
    overview = (DOCS / "sources.md").read_text(encoding="utf-8")
    links = set(re.findall(r"\]\(sources/([\w-]+\.md#[\w-]+)\)", overview))
    anchors = {f"{section.page.name}#{slug(section.title)}" for section in SECTIONS if section.blocks}
    assert links == anchors


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("34.63 dB", "34.65 dB"),
        ("3 images", "4 images"),
        ("x2 equal", "x2 different"),
        ("one\ntwo", "one"),
        ("[1.  0.5]", "[1.  0.7]"),
        ("1e-06", "3e-06"),
    ],
)
def test_another_output_is_found(expected, got):
    assert differs(expected, got)


def test_the_last_digit_may_turn():
    assert not differs("34.63 dB  [0.5 1. ]", "34.64 dB [0.5  1. ]\n")
