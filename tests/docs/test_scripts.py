"""Every script that a page names exists, and has the options that the page gives it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"(?:\$ )?(?:\w+=\S+ )*python ((?:benchmarks|examples|tools)/\S+\.py.*)")


def read_lines(page: Path) -> Iterator[str]:
    """Yield the commands of a page that begin with ``python FILE``, in a block or in a sentence."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in lines:
        if match := COMMAND.match(" ".join(line.split())):
            yield match[1]


def parameters() -> Iterator[object]:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for line in read_lines(page):
            yield pytest.param(line, id=f"{page.name}: {line[:70]}")


@pytest.mark.parametrize("line", list(parameters()))
def test_a_script_of_the_pages_exists_with_its_options(line: str) -> None:
    file, *tokens = shlex.split(line, comments=True)
    source = (ROOT / file).read_text(encoding="utf-8")
    if "from marked_table import print_or_write" in source:  # which reads the option
        source += (ROOT / "tools" / "marked_table.py").read_text(encoding="utf-8")
    for token in tokens:
        if token.startswith("-"):
            assert f'"{token.partition("=")[0]}"' in source, token


def test_the_pages_name_scripts() -> None:
    assert len(list(parameters())) > 30
