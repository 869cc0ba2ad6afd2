"""Print the table of metrics of docs/explanation/metrics.md; with ``--write``, put it into the page.

    python tools/list_metrics.py --write

Its rows come from the entries of ``METRICS``, so a new metric needs no edit of the page by hand.
"""

from pathlib import Path

from marked_table import print_or_write, put_table

from kukkiri.metrics import METRICS

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "metrics.md"


def main() -> None:
    print_or_write(make_table, make_page, page=PAGE)


def make_table() -> str:
    """A row for each metric: name, title, direction, summary, requirement."""
    rows = ["| `--metrics` | column | better | definition | needs |", "|---|---|---|---|---|"]
    for name, metric in METRICS.items():
        direction = "higher" if metric.higher_is_better else "lower"
        rows.append(f"| `{name}` | {metric.title} | {direction} | {metric.summary} | {metric.needs} |")
    return "\n".join(rows)


def make_page() -> str:
    """The page with the table of today."""
    return put_table(PAGE, make_table(), marker="metrics")


if __name__ == "__main__":
    main()
