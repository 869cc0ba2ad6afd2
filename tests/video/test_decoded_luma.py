"""tools/decoded_luma.py: what an encoder gives back of luma, whatever the sides are."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from kukkiri.images import Image

pytest.importorskip("av")
TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module("decoded_luma")


def test_without_loss_frames_come_back_and_with_loss_odd_sides_keep_their_end(tool):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (33, 47), dtype=np.uint8) for _ in range(3)]
    assert all(map(np.array_equal, tool.encode_and_decode(frames, crf=0), frames))
    for frame, decoded in zip(frames, tool.encode_and_decode(frames, crf=40), strict=True):
        assert np.array_equal(decoded[32:], frame[32:])
        assert np.array_equal(decoded[:, 46:], frame[:, 46:])
        assert 5 < np.abs(decoded[:32, :46].astype(int) - frame[:32, :46]).mean() < 80


def test_luma_has_the_studio_range(tool, tmp_path):
    Image.from_array(np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], np.uint8)).save(tmp_path / "a.png")
    assert tool.read_luma(tmp_path / "a.png").tolist() == [[16, 235, 81]]  # BT.601: 16 + 65.481 for red
