"""docs/extending/degradation.md, followed line by line."""

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kukkiri.degradations import STEPS, Degradation
from kukkiri.images import Image, read_image

PAGE = (Path(__file__).parents[2] / "docs" / "extending" / "degradation.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
NEEDS_TORCH = ("import torch", "from kukkiri.training")


@pytest.fixture
def followed(tmp_path, monkeypatch, rng):
    """The names after every block, in a folder with a photo and training images."""
    monkeypatch.chdir(tmp_path)
    Path("images").mkdir()
    for path in ("photo.png", "images/a.png", "images/b.png"):
        Image.from_array(rng.integers(0, 256, (45, 64, 3), dtype=np.uint8)).save(path)
    registered = dict(STEPS)
    names = {"__name__": "page"}
    try:
        for number, block in enumerate(BLOCKS, 1):
            if find_spec("torch") is None and any(line in block for line in NEEDS_TORCH):
                continue
            exec(compile(block, f"degradation.md, block {number}", "exec"), names)
        yield names
    finally:
        STEPS.clear()
        STEPS.update(registered)


def test_the_page_runs_and_its_steps_keep_the_contract(followed, rng):
    assert read_image("lr.png").size == read_image("lr-2.png").size == (22, 32)
    assert find_spec("torch") is None or followed["weights"].is_file()
    hr = rng.uniform(size=(24, 36, 3))
    for kind in (followed["SaltAndPepper"], followed["Haze"], followed["Webcam"]):
        for text in kind.examples:
            degradation = Degradation.parse(text if kind.subsamples else f"{text}+bicubic")
            assert str(degradation).removesuffix("+bicubic") == text
            samples = [degradation.apply(hr, scale=2, seed=seed) for seed in range(6)]
            np.testing.assert_array_equal(samples[2], degradation.apply(hr, scale=2, seed=2))
            assert any(not np.array_equal(samples[0], sample) for sample in samples) == degradation.random
    # a blur that is aligned keeps a ramp where bicubic subsampling has it, up to its end at 6 lengths
    ramp = np.add.outer(np.arange(90.0), 2 * np.arange(90.0)) / 300
    inner = (slice(12, -12),) * 2
    aligned = Degradation.parse("haze:1.5+direct:aligned").apply(ramp, scale=3)[inner]
    np.testing.assert_allclose(aligned, Degradation.parse("bicubic").apply(ramp, scale=3)[inner], atol=1e-3)


def test_the_page_prints_what_it_shows(followed):
    with pytest.raises(followed["ConfigError"]) as raised:
        Degradation.parse("bicubic+salt-pepper:0.01,red")
    assert f"# {raised.value}\n" in PAGE
    shown = re.search(r"print\(sampled\)  # (\S+)", PAGE)[1]
    assert re.fullmatch(re.escape(shown).replace(r"\.\.\.", r"\d*"), str(followed["sampled"]))
