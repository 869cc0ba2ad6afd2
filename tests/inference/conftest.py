"""Engines in NumPy for the rules, and four small exported networks for the engine."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from kukkiri.inference import Footprint
from kukkiri.info import ModelInfo


@dataclass
class NumpyEngine:
    """Upscales by repetition after a lopsided 3x3 filter with zero padding; it reads one pixel on each side."""

    scale: int = 2
    colour: str = "y"
    receptive_field: int | None = 1
    multiple: int = 1
    pre_upsampled: bool = False
    gain: float = 1.0
    offset: float = 0.0
    global_gain: float = 0.0
    footprint: Footprint = field(default_factory=lambda: Footprint(linear=100.0))
    seen: list = field(default_factory=list)

    def __post_init__(self):
        self.info = ModelInfo(
            name=f"numpy-x{self.scale}",
            network="unknown",
            scale=self.scale,
            colour=self.colour,
            receptive_field=self.receptive_field,
            multiple=self.multiple,
            pre_upsampled=self.pre_upsampled,
        )

    def run(self, batch):
        assert batch.dtype == np.float32
        assert batch.flags.c_contiguous
        assert batch.shape[2] % self.multiple == batch.shape[3] % self.multiple == 0
        self.seen.append(batch.shape)
        padded = np.pad(batch, ((0, 0), (0, 0), (1, 1), (1, 1)))
        sr = 0.6 * batch + 0.3 * padded[..., :-2, 1:-1] + 0.1 * padded[..., 1:-1, 2:]
        sr = self.gain * sr + np.float32(self.offset) + self.global_gain * batch.mean(axis=(2, 3), keepdims=True)
        repeat = 1 if self.pre_upsampled else self.scale
        return sr.repeat(repeat, axis=2).repeat(repeat, axis=3).astype(np.float32)


@pytest.fixture
def numpy_engine():
    return NumpyEngine


@pytest.fixture(scope="session")
def exported():
    """Paths of four networks with random weights: plain, transposed, with a size multiple, pre-upsampled."""
    folder = Path(__file__).parents[1] / "data" / "models"
    return {path.stem.partition("-")[0]: path for path in sorted(folder.glob("*.onnx"))}
