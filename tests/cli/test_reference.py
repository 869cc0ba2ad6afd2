"""docs/reference/cli.md is what the commands say of themselves."""

import re
import runpy
from pathlib import Path

import pytest
from rich.console import Console

from kukkiri.cli import app, run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## kukkiri (.+?)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("columns", ["40", "200"])
def test_the_page_is_up_to_date_whatever_the_terminal(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    tool = runpy.run_path(str(ROOT / "tools" / "write_cli_reference.py"))
    assert tool["make_page"]() == PAGE, "run python tools/write_cli_reference.py --write"


@pytest.mark.parametrize("command", SECTIONS)
def test_the_help_shows_the_options_and_sentences_of_the_page(command, capsys, monkeypatch):
    parsed = app.parse_commands(command.split())[1][-1]
    monkeypatch.setattr(parsed, "console", Console(width=400))  # an app keeps the console of its first help
    assert run([*command.split(), "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    rows = re.findall(r"^\| `(\S+?)[ `].*? \| (.*?)(?: \*\*Required|\ Default: | \|$)", SECTIONS[command], re.MULTILINE)
    assert rows
    for name, text in rows:
        assert name.rstrip(".") in shown
        assert text.replace("\\|", "|") in shown


def test_every_command_is_on_the_page():
    assert len(SECTIONS) >= 16
    assert {"upscale", "evaluate-adapted", "data prepare", "inspect upsampler"} <= set(SECTIONS)
