"""The browser's choice of weights against Python's, in Node: line art by its samples, networks by domain and scale."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from kukkiri.images import Image
from kukkiri.inference.families import Family
from kukkiri.inference.line_art import is_line_art_in_memory
from kukkiri.web.browser_networks import describe_networks

MODULES = Path(__file__).parents[3] / "src/kukkiri/web/static/browser"
RUNNER = Path(__file__).with_name("choose_weights.mjs")
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
CHOICES = [
    (asked, weights, lossy, line)
    for asked in (1, 1.5, 2, 3, 4, 6, 8)
    for weights in ("auto", "clean", "photo", "line")
    for lossy, line in ((False, False), (False, True), (True, False))
]


def choose(tmp_path: Path, *, images=(), sizes=(), choices=()) -> dict:
    spec = {
        "images": [image.shape for image in images],
        "sizes": sizes,
        "choices": choices,
        "preset": describe_networks(["balanced"])["presets"]["balanced"],
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    planes = b"".join(np.moveaxis(image, 2, 0).astype(np.float32).tobytes() for image in images)
    command = ["node", RUNNER, MODULES, tmp_path / "spec.json"]
    done = subprocess.run(command, input=planes, capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def draw(kind: str, height: int = 90, width: int = 70, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(3)
    levels = np.full((height, width, channels), 250)
    if kind in ("page", "shaded page"):
        levels[10:80:7, 5:60] = 20
        levels[:, 30:33] = 90
    if kind == "shaded page":
        levels[:, 40:] = np.linspace(60, 250, height).round().astype(int)[:, None, None]
    if kind == "photograph":
        levels = rng.integers(0, 256, (height, width, channels))
    return (levels / 255).astype(np.float32)


def test_line_art_is_told_as_in_python(tmp_path):
    images = [
        *(draw(kind) for kind in ("page", "shaded page", "photograph", "blank")),
        *(draw("page", channels=1), draw("page", width=2), draw("page")[:2], draw("page", height=66)),
        np.tile(draw("page"), (14, 16, 1)),  # more than a megapixel
        np.concatenate([np.tile(draw("page"), (2, 18, 1)), np.tile(draw("photograph"), (12, 18, 1))]),
    ]
    expected = [is_line_art_in_memory(Image(colour=image)) for image in images]
    assert expected == [True, False, False, False, True, False, False, True, True, False]
    assert choose(tmp_path, images=images)["drawn"] == expected


def test_the_same_bands_of_a_large_image_are_looked_at(tmp_path):
    sizes = [(90, 70), (4000, 3000), (1500, 20000), (64, 30000), (2049, 1024)]
    bands = choose(tmp_path, sizes=sizes)["bands"]
    assert bands[0] == [0, 64]
    assert bands[1] == [384, 1152, 1984, 2816, 3584]  # 5 bands of 3000 pixels are a megapixel
    assert bands[2:4] == [[768], [0]]
    assert len(bands[4]) == 16


def test_networks_are_those_of_python(tmp_path):
    family = Family.find("plain-m")
    expected = []
    for asked, weights, lossy, line in CHOICES:
        plan = family.plan("plain-m", scale=asked, domain=weights)
        if weights == "auto" and lossy and plan.has_photo:
            plan = family.plan("plain-m", scale=asked, domain="photo")
        elif weights == "auto" and line and plan.has_line:
            plan = family.plan("plain-m", scale=asked, domain="line")
        expected.append([plan.domain, list(plan.ids)])
    found = choose(tmp_path, choices=CHOICES)["chosen"]
    assert {tuple(names[:1]) for domain, names in found if domain == "line" and names} == {
        ("plain-m-line-x2",),
        ("plain-m-line-x4",),
    }
    assert [names for _, names in found] == [names for _, names in expected]
    runs = [place for place, (_, names) in enumerate(expected) if names]
    assert [found[place] for place in runs] == [expected[place] for place in runs]
