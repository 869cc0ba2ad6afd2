"""An image that repeats itself at several scales, and settings that learn it in a few seconds."""

import numpy as np
import pytest

from kukkiri.adaptation import Augmentation, Settings


@pytest.fixture(scope="session")
def self_similar():
    """(96, 96, 3) uint8: straight edges of every direction, that look the same at every scale."""
    y, x = np.mgrid[:192, :192] / 192 - 0.5
    angle = np.arctan2(y + 0.013, x - 0.021)
    colour = np.stack([np.where(np.sin(count * angle) > 0, 0.85, 0.15) for count in (9, 11, 13)], axis=-1)
    fine = colour.reshape(96, 2, 96, 2, 3).mean(axis=(1, 3))
    return np.round(255 * fine).astype(np.uint8)


@pytest.fixture
def quick():
    """A small network, and crops of a quarter."""
    return Settings(steps=100, crop=24, width=16, depth=4, projections=2, augmentation=Augmentation(), ensemble=False)
