"""The border of an image for data steps in the Fourier domain, which take it to repeat on all sides."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError, did_you_mean

__all__ = ["DataBorder", "extend_periodically", "find_margin"]

DataBorder = Literal["extend", "wrap"]
"""``extend``: a strip is added that leads from each side to the opposite one, and cut off the result, for photographs;
``wrap``: nothing is added, for images whose blur was circular, as in the tables of DPSR and USRNet."""

_MARGIN = 16


def find_margin(border: DataBorder, *, kernel_size: int, scale: int) -> int:
    """Return the LR pixels of the strip: 16, or the kernel's side in LR pixels where that is more; 0 for ``wrap``.

    Raises:
        ConfigError: an unknown border.
    """
    known = get_args(DataBorder)
    if border not in known:
        hint = did_you_mean(str(border), known)
        raise ConfigError(f"border must be one of {', '.join(known)}, got {border!r}{hint}.")
    return 0 if border == "wrap" else max(_MARGIN, -(-kernel_size // scale))


def extend_periodically(lr: NDArray[np.float32], margin: int) -> NDArray[np.float32]:
    """Add ``margin`` rows below and columns to the right that lead from the last pixel back to the first.

    The strip fades from the image mirrored at its last row to the image mirrored at its first.

    Args:
        lr: (C, H, W).
        margin: 0 or more.

    Returns:
        (C, H + margin, W + margin).
    """
    for axis in (-2, -1):
        lr = _extend(lr, margin, axis=axis) if margin else lr
    return lr


def _extend(lr: NDArray[np.float32], margin: int, *, axis: int) -> NDArray[np.float32]:
    length = lr.shape[axis]
    steps = np.arange(margin)
    period = 2 * length  # mirrored, the image repeats after this many pixels
    after = _mirror((length + steps) % period, length)
    before = _mirror((steps - margin) % period, length)
    fade = ((steps + 1) / (margin + 1)).astype(lr.dtype).reshape((-1, 1) if axis == -2 else (1, -1))
    strip = (1 - fade) * lr.take(after, axis=axis) + fade * lr.take(before, axis=axis)
    return np.concatenate((lr, strip), axis=axis)


def _mirror(places: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    return np.where(places < length, places, 2 * length - 1 - places)
