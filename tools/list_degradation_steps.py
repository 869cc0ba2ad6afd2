"""Print the table of steps of docs/reference/degradations.md; with ``--write``, put it into the page.

    python tools/list_degradation_steps.py --write

Its rows come from the classes in ``STEPS``, so a new step needs no edit of the page by hand.
"""

import inspect
import re
from itertools import groupby
from pathlib import Path

from marked_table import print_or_write, put_table

from kukkiri.degradations import STEPS, Step

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "degradations.md"
OF_EVERY_BLUR = re.compile(r"\[,size=N\]|\[,border=BORDER\]")


def main() -> None:
    print_or_write(make_table, make_page, page=PAGE)


def make_table() -> str:
    """A row for each class: its names with the usage, and the first paragraph of its docstring."""
    rows = ["| step | effect |", "|---|---|"]
    for kind, names in groupby(STEPS, key=STEPS.__getitem__):
        usage = OF_EVERY_BLUR.sub("", kind.usage).replace("|", "\\|")
        rows.append(f"| {', '.join(f'`{name}{usage}`' for name in names)} | {summarize(kind)} |")
    return "\n".join(rows)


def summarize(kind: type[Step]) -> str:
    """The first paragraph of a class's docstring, in Markdown."""
    paragraph = (inspect.getdoc(kind) or "").split("\n\n")[0]
    return " ".join(paragraph.split()).removesuffix(".").replace("``", "`").replace("|", "\\|")


def make_page() -> str:
    """The page with the table of today."""
    return put_table(PAGE, make_table(), marker="steps")


if __name__ == "__main__":
    main()
