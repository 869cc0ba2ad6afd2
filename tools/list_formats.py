"""Print the table of formats of docs/reference/formats.md; with ``--write``, put it into the page.

    python tools/list_formats.py --write

Its rows come from ``kukkiri.images.format_list.FORMATS``.
"""

from pathlib import Path

from marked_table import print_or_write, put_table

from kukkiri.images.format_list import FORMATS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "formats.md"


def main() -> None:
    print_or_write(make_table, make_page, page=PAGE)


def make_table() -> str:
    """A row for each format."""
    rows = [
        "| format | suffixes | read: what is kept | written | several images | extra |",
        "|---|---|---|---|---|---|",
    ]
    for form in FORMATS:
        suffixes = " ".join(f"`{suffix}`" for suffix in form.suffixes)
        extra = f"`{form.extra}`" if form.extra else ""
        rows.append(f"| {form.name} | {suffixes} | {form.reads} | {form.writes or 'no'} | {form.several} | {extra} |")
    return "\n".join(rows)


def make_page() -> str:
    """The page with the table of today."""
    return put_table(PAGE, make_table(), marker="formats")


if __name__ == "__main__":
    main()
