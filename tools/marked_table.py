"""A generated table in a page that is otherwise written by hand, between two comments that mark its place."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["print_or_write", "put_table"]


def put_table(page: Path, table: str, *, marker: str, text: str | None = None) -> str:
    """The text of a page with the table between ``<!-- MARKER:begin -->`` and ``<!-- MARKER:end -->`` replaced.

    ``text`` is the page's text where other tables of it were replaced before; None: it is read.

    Raises:
        ValueError: the page does not have the two comments exactly once.
    """
    begin, end = f"<!-- {marker}:begin -->\n\n", f"\n\n<!-- {marker}:end -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), flags=re.DOTALL)
    before = page.read_text(encoding="utf-8") if text is None else text
    after, found = pattern.subn(lambda _: f"{begin}{table}{end}", before)
    if found != 1:
        raise ValueError(f"{page}: {found} places for the table {marker!r}, 1 expected")
    return after


def print_or_write(make_table: Callable[[], str], make_page: Callable[[], str], *, page: Path) -> None:
    """Print the table; with ``--write`` as the only argument of the command, write the page."""
    if sys.argv[1:] == ["--write"]:
        page.write_text(make_page(), encoding="utf-8")
    else:
        print(make_table())
