"""A set of pairs of noise images, made without files: the same bytes on every machine."""

from typing import Literal

import numpy as np

from kukkiri.data import Pair, PairSet, Share

SIZES = {"a": (40, 31), "b": (16, 57), "c": (23, 23)}
"""Height and width of LR."""


def make_pairs(colour: Literal["y", "rgb"] = "rgb", *, shares: tuple[Share, ...] = ()) -> PairSet:
    """Make three pairs at scale 2: HR is noise, LR one of its four subsampled images."""
    rng = np.random.default_rng(17)
    pairs = []
    for name, (height, width) in SIZES.items():
        hr = rng.integers(0, 256, (2 * height, 2 * width, 3), dtype=np.uint8)
        pairs.append(Pair(name, hr[::2, 1::2].copy(), hr))
    return PairSet(tuple(pairs), scale=2, colour=colour, shares=shares)
