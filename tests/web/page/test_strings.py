"""The page's words: the same in both languages, and none of them missing."""

import re
from pathlib import Path

import kukkiri.web

STATIC = Path(kukkiri.web.__file__).parent / "static"


def read_table(language: str) -> dict[str, str]:
    """The keys and texts of a table of words."""
    lines = (STATIC / f"strings/{language}.js").read_text(encoding="utf-8").splitlines()
    return dict(match.groups() for line in lines if (match := re.fullmatch(r'  "?([\w.]+)"?: "(.*)",', line)))


def test_both_languages_have_the_same_keys_and_the_same_places_for_values():
    english, japanese = read_table("en"), read_table("ja")
    assert len(english) > 150
    assert list(english) == list(japanese)
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", japanese[key])), key


def test_every_text_that_the_page_names_is_there():
    english = read_table("en")
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    named = re.findall(r'data-t(?:-[\w-]+)?="([\w.]+)"', html)
    assert len(named) > 60
    assert set(named) <= set(english)
    for module in STATIC.glob("*.js"):
        used = set(re.findall(r'\bt\("([\w.]+)"', module.read_text(encoding="utf-8")))
        assert used <= set(english), module.name


def test_the_page_has_no_inline_code_and_no_address_of_another_host():
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|style=|\son\w+=|<script(?! type=\"module\" src=)", html)
    for path in (*STATIC.glob("*.js"), *STATIC.glob("server/*.js"), STATIC / "index.html", STATIC / "style.css"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert not re.search(r"https?://|['\"(]//", text), path.name
        assert 'href="/' not in text, path.name  # relative, so that the page may stand under a sub-path
