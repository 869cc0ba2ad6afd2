"""What the README shows runs as it stands."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from kukkiri.cli import run
from kukkiri.images import Image

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path, monkeypatch, rng):
    """A working directory with the files that the README speaks of."""
    monkeypatch.chdir(tmp_path)
    image = Image.from_array(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8))
    image.save("photo.jpg")
    image.save("beach.png")
    Path("photos/below").mkdir(parents=True)
    image.save("photos/one.png")
    image.save("photos/below/two.png")
    Image.from_array(rng.integers(0, 65536, (20, 24), dtype=np.uint16)).save("scan.tif")
    return tmp_path


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_of_the_readme_runs(place, rng):
    (code,) = blocks("python")
    names = {"array": rng.integers(0, 65536, (9, 11, 3), dtype=np.uint16)}
    exec(compile(code, "README.md", "exec"), names)
    assert names["image"].size == (40, 48)
    assert (names["larger"].shape, names["larger"].dtype) == ((27, 33, 3), np.uint16)


def test_the_upscale_commands_of_the_readme_run(place):
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("kukkiri upscale")]
    assert len(lines) == 4
    for line in lines:
        assert run(shlex.split(line, comments=True)[1:]) == 0, line
    written = {str(path.relative_to(place)) for path in place.rglob("*.png")}
    assert {"photo-x2.png", "large/one.png", "large/below/two.png", "scan.png", "beach-x2.png"} <= written


def test_every_link_of_the_readme_leads_somewhere():
    root = Path(__file__).parents[1]
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (root / target).exists(), target


def test_every_link_between_the_docs_leads_somewhere():
    root = Path(__file__).parents[1] / "docs"
    for page in root.rglob("*.md"):
        for target in re.findall(r"\[[^\]`]+\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"
