"""Print the table of losses of docs/reference/losses.md; with ``--write``, put it into the page.

    python tools/list_losses.py --write

Its rows come from the signatures and docstrings of the entries of ``LOSSES``, so a new loss needs no edit of the page
by hand.
"""

import json
from pathlib import Path

from marked_table import print_or_write, put_table

from kukkiri.losses import Argument, describe_losses
from kukkiri.losses.arguments import describe_kind

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "losses.md"


def main() -> None:
    print_or_write(make_table, make_page, page=PAGE)


def make_table() -> str:
    """A row for each loss: its name, definition, needs and arguments."""
    rows = ["| loss | definition | needs | arguments |", "|---|---|---|---|"]
    for loss in describe_losses():
        definition = loss.summary.removeprefix("Compute the ").removesuffix(".")
        needs = ", ".join(f"`{need}`" for need in loss.needs)
        arguments = "; ".join(map(describe_argument, loss.arguments))
        rows.append(f"| `{loss.name}` | {definition} | {needs} | {arguments} |".replace("``", "`"))
    return "\n".join(rows)


def describe_argument(argument: Argument) -> str:
    """Its name, its default as JSON, and its type in words."""
    return f"`{argument.name} = {json.dumps(argument.default)}`: {describe_kind(argument.kind).replace('finite ', '')}"


def make_page() -> str:
    """The page with the table of today."""
    return put_table(PAGE, make_table(), marker="losses")


if __name__ == "__main__":
    main()
