"""Print the table of metrics of docs/explanation/metrics.md; with ``--write``, put it into the page.

    python tools/list_metrics.py --write

Its rows come from the entries of ``METRICS``, so a new metric needs no edit of the page by hand.
"""

import re
import sys
from pathlib import Path

from kukkiri.metrics import METRICS

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "metrics.md"


def main() -> None:
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(make_page(), encoding="utf-8")
    else:
        print(make_table())


def make_table() -> str:
    """A row for each metric: name, title, direction, summary, requirement."""
    rows = ["| `--metrics` | column | better | definition | needs |", "|---|---|---|---|---|"]
    for name, metric in METRICS.items():
        direction = "higher" if metric.higher_is_better else "lower"
        rows.append(f"| `{name}` | {metric.title} | {direction} | {metric.summary} | {metric.needs} |")
    return "\n".join(rows)


def make_page() -> str:
    """The page with the table of today."""
    return re.sub(
        r"(<!-- metrics:begin -->\n\n).*?(\n\n<!-- metrics:end -->)",
        lambda match: f"{match[1]}{make_table()}{match[2]}",
        PAGE.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    main()
