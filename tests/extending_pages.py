"""Reading of the pages in docs/extending, their code blocks and their diffs, and of the tools that write tables."""

import re
import runpy
import sys
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parents[1]


def read_block(page: str, start: str) -> str:
    """The only code block of a page whose opening line is ``start``.

    Args:
        page: name in docs/extending, without the suffix.
        start: such as ``python title="src/kukkiri/metrics/mae.py"``.
    """
    text = (ROOT / "docs" / "extending" / f"{page}.md").read_text(encoding="utf-8")
    (code,) = re.findall(rf"^```{re.escape(start)}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return code


def insert_lines(diff: str, path: Path) -> None:
    """Insert each added line of a diff before the line that follows it, which occurs once in the file."""
    text, lines = path.read_text(encoding="utf-8"), diff.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("+"):
            after = lines[number + 1][1:] + "\n"
            assert text.count(after) == 1, after
            text = text.replace(after, f"{line[1:]}\n{after}")
    path.write_text(text, encoding="utf-8")


def run_tool(name: str) -> dict[str, Any]:
    """The globals of a script in tools/, which finds the modules beside it as when it is called."""
    with mock.patch.object(sys, "path", [str(ROOT / "tools"), *sys.path]):
        return runpy.run_path(str(ROOT / "tools" / f"{name}.py"))
