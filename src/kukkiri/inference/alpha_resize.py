"""Alpha channels resized so that opaque and clear parts stay exactly opaque and clear."""

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.parts import Part
from kukkiri.resampling import Border, StripResize, resize

__all__ = ["resize_alpha", "resize_alpha_rows", "snap_to_ends"]

Plane = NDArray[np.float32]
_SNAP = 4e-6  # a quarter of a 16-bit level; float32 weights miss 1 by 1e-7


def resize_alpha(alpha: Plane, size: tuple[int, int], *, border: Border = "symmetric") -> Plane:
    """Resize alpha by bicubic interpolation, exactly 0 and 1 where it was constant.

    Args:
        alpha: (H, W), [0, 1].
        size: (height, width) of the result.
        border: rule for pixels outside.

    Returns:
        (height, width), [0, 1].
    """
    resized = resize(alpha, output_size=size, border=border)
    snap_to_ends(resized)
    return resized


def resize_alpha_rows(alpha: Plane, part: Part, rows: int, *, width: int) -> Plane:
    """Resize a part of alpha to some rows of the result, see :func:`resize_alpha`.

    Args:
        alpha: (n, W), [0, 1].
        part: where the rows lie in the whole.
        rows: of the result.
        width: of the result.
    """
    size = part.output_height, width
    strips = StripResize(alpha[None], output_size=size, height=part.height, first=part.first)
    resized: Plane = strips.rows(part.row, part.row + rows)[0]
    snap_to_ends(resized)
    return resized


def snap_to_ends(values: Plane) -> None:
    """Set values that miss 0 or 1 by float32 rounding, or lie beyond, to 0 and 1, in place."""
    values[values < _SNAP] = 0
    values[values > 1 - _SNAP] = 1
