"""docs/reference/losses.md: its table, its recipes and its Python."""

import json
import re
import tomllib

import pytest

from kukkiri.losses import LOSSES, parse_loss
from tests.extending_pages import ROOT, run_tool

PAGE = (ROOT / "docs" / "reference" / "losses.md").read_text(encoding="utf-8")


def test_the_table_is_what_the_tool_writes():
    assert run_tool("list_losses")["make_page"]() == PAGE, "run python tools/list_losses.py --write"
    assert all(f"| `{name}` | " in PAGE for name in LOSSES)


def test_a_page_without_a_place_for_the_table_is_refused(tmp_path):
    put_table = run_tool("marked_table")["put_table"]
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- steps:begin -->\n\nold\n\n<!-- steps:end -->\nb\n", encoding="utf-8")
    assert put_table(page, "new \\1", marker="steps") == "a\n<!-- steps:begin -->\n\nnew \\1\n\n<!-- steps:end -->\nb\n"
    with pytest.raises(ValueError, match="0 places for the table 'losses', 1 expected"):
        put_table(page, "new", marker="losses")


def test_every_recipe_of_the_page_can_be_read():
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^\| .*? \| `(loss = .*?)`", PAGE, flags=re.MULTILINE)
    assert (len(blocks), len(lines)) == (4, 9)
    for text in blocks + lines:
        value = tomllib.loads(text)["loss"]
        assert json.loads(json.dumps(value)) == value
        terms = parse_loss(value).terms
        assert [term.name for term in terms] == ([value] if isinstance(value, str) else list(value))


def test_the_python_prints_what_stands_below_it(capsys):
    code, printed = re.findall(r"^```(?:python|text)\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    exec(compile(code, "docs/reference/losses.md", "exec"), {})
    assert capsys.readouterr().out == printed
