"""Flicker: how much the results of consecutive frames differ along the motion of what they show."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["error_flicker", "flicker"]

Plane = NDArray[Any]
_STILL = 1.0  # levels of 0..255 by which a still pixel of the ground truth may differ


def flicker(before: Plane, after: Plane, *, motion: tuple[int, int] = (0, 0), border: int = 0) -> float:
    """Root mean square difference of two consecutive frames along a known motion.

    Frames that show the same things, moved and no more, have none. What is left is what a viewer sees as boiling of
    textures and edges, and noise.

    Args:
        before: (H, W), the earlier frame, in any unit.
        after: (H, W), the later one.
        motion: whole pixels (down, right) that the content moves by from ``before`` to ``after``, so that no
            interpolation has a part in the result.
        border: pixels cut from each side of the common part, where networks see the edge of the frame.

    Returns:
        In the unit of the frames; never negative.

    Raises:
        ValueError: the shapes differ, or the motion and the border leave nothing.
    """
    if before.shape != after.shape or before.ndim != 2:
        raise ValueError(f"two planes of one shape are needed, got {before.shape} and {after.shape}")
    old, new = (_common(plane, motion, border, moved=moved) for plane, moved in ((before, False), (after, True)))
    if not old.size:
        raise ValueError(f"a motion of {motion} and a border of {border} leave nothing of {before.shape}")
    return float(np.sqrt(np.mean((new.astype(np.float64) - old.astype(np.float64)) ** 2)))


def error_flicker(
    hr: tuple[Plane, Plane], sr: tuple[Plane, Plane], *, border: int = 0, least: float = 0.01
) -> float | None:
    """Root mean square change of the error from one frame to the next, where the ground truth stands still.

    For clips whose motion is not known: a pixel stands still when it changes by at most one level of 0..255.

    Args:
        hr: two consecutive frames of the ground truth, (H, W), on 0..255.
        sr: the results of both.
        border: pixels cut from each side.
        least: share of the pixels that must stand still.

    Returns:
        Levels of 0..255; ``None`` when less stands still.
    """
    (old_hr, new_hr), (old_sr, new_sr) = (
        [_common(plane, (0, 0), border, moved=False).astype(np.float64) for plane in pair] for pair in (hr, sr)
    )
    change = new_hr - old_hr
    still = np.abs(change) <= _STILL
    if still.mean() < least:
        return None
    error = (new_sr - old_sr - change)[still]
    return math.sqrt(float(np.mean(error**2)))


def _common(plane: Plane, motion: tuple[int, int], border: int, *, moved: bool) -> Plane:
    """The part of a frame whose content is in both frames."""
    slices = []
    for side, shift in zip(plane.shape, motion, strict=True):
        step = shift if moved else -shift
        slices.append(slice(max(0, step) + border, max(0, side + min(0, step) - border)))
    return plane[tuple(slices)]
