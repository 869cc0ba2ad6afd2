"""Write the tables of the HTTP API into the docs: limits and options, from the code that checks them.

    python tools/write_http_reference.py [--write]

Without ``--write`` it says whether they are up to date.
"""

import argparse
import re
import sys
from pathlib import Path

from kukkiri.web.limits import Limits, list_limits
from kukkiri.web.options_schema import OPTIONS

DOCS = Path(__file__).parents[1] / "docs"


def write_limits() -> str:
    """The table of limits."""
    rows = [
        f"| `{limit['option']}` | {limit['default']:g} {limit['unit']}".rstrip()
        + f" | {limit['meaning'].rstrip('.')} |"
        for limit in list_limits(Limits())
    ]
    return "\n".join(["| option | default | meaning |", "|---|---|---|", *rows])


def write_options() -> str:
    """The table of options."""
    rows = []
    for name, (schema, meaning) in OPTIONS.items():
        kind = ", ".join(schema["enum"]) if len(schema.get("enum", ())) in range(1, 6) else schema["type"]
        rows.append(f"| `{name}` | {kind} | {meaning.rstrip('.')} |")
    return "\n".join(["| option | values | meaning |", "|---|---|---|", *rows])


TABLES = {"how-to/serve.md": ("limits", write_limits), "reference/http.md": ("options", write_options)}


def fill(page: str) -> tuple[str, str]:
    """A page as it is, and as it should be."""
    mark, write = TABLES[page]
    text = (DOCS / page).read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {mark}: begin[^\n]*-->\n).*?(\n<!-- {mark}: end -->)", re.DOTALL)
    return text, pattern.sub(lambda match: match[1] + write() + match[2], text)


def main() -> int:
    parser = argparse.ArgumentParser(description="The tables of the HTTP API in the docs.")
    parser.add_argument("--write", action="store_true", help="write them")
    write, stale = parser.parse_args().write, 0
    for page in TABLES:
        before, after = fill(page)
        if write:
            (DOCS / page).write_text(after, encoding="utf-8")
        elif before != after:
            print(f"docs/{page} is stale: python tools/write_http_reference.py --write")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
