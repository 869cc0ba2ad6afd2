"""The documentation site builds strictly, and a reader's browser asks nobody else for anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="needs the extra docs")
pytest.importorskip("mkdocstrings", reason="needs the extra docs")

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r"<(?:script|img|iframe|source|video)\b[^>]*\bsrc=[\"']?([^\"'\s>]+)|<link\b[^>]*>", re.IGNORECASE)
LINK = re.compile(r"\brel=[\"']?(stylesheet|icon|preload|prefetch|preconnect|dns-prefetch)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_no_page_loads_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        for tag in LOADED.finditer(page.read_text(encoding="utf-8")):
            text = tag[1] or (tag[0] if LINK.search(tag[0]) else "")
            assert not re.search(r"(?:^|href=[\"']?)(?:https?:)?//", text), f"{page.relative_to(site)}: {tag[0]}"


@pytest.mark.needs_torch
def test_every_public_name_has_a_place_in_the_reference(site):
    import kukkiri

    text = "".join(page.read_text(encoding="utf-8") for page in (site / "reference" / "api").glob("*.html"))
    for name in kukkiri.__all__:
        home = getattr(getattr(kukkiri, name), "__module__", None)
        if home is None or name == "__version__":
            continue
        package = ".".join(home.split(".")[:2])
        assert f'id="{package}.{name}"' in text, name
