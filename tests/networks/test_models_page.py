"""docs/models.md is what ``tools/count_networks.py --write`` makes of the classes in ``NETWORKS``."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool():
    return runpy.run_path(str(ROOT / "tools" / "count_networks.py"))


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


def test_every_configuration_has_its_row(tool, page):
    """Without counting, which takes 20 s: the first three cells, in order."""
    rows = [
        f"| {configuration.title} | `{name}` | {tool['NETWORKS'][name].keys_source} | x"
        for name, configuration in tool["list_configurations"]()
    ]
    written = [line for line in page.splitlines() if "` | " in line and not line.startswith("| `")]
    assert len(written) == len(rows)
    assert all(line.startswith(row) for line, row in zip(written, rows, strict=True)), "run the tool with --write"


def test_a_row_counts_what_the_network_has(tool, page):
    """FSRCNN at x4: 12,464 weights at 320 x 180 pixels, whose 9x9 head runs once for each input pixel."""
    for name, configuration in tool["list_configurations"]():
        if configuration.title == "FSRCNN":
            row = tool["format_row"](name, configuration)
    assert f"| {12464 * 320 * 180 / 1e9:.3g} G | 7 |" in row
    assert row in page


def test_unknown_scores_are_dashes(tool):
    assert tool["format_scores"]({3: 32.55}) == "- / 32.55 / -"
    assert tool["format_scores"]({2: 37.5, 3: 33.0, 4: 31.25}) == "37.50 / 33.00 / 31.25"
    assert tool["format_scores"]({}) == "-"


@pytest.mark.slow
def test_the_page_is_what_the_tool_writes(tool, page):
    assert tool["make_page"]() == page, "run python tools/count_networks.py --write"
