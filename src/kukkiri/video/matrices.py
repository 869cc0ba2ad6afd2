"""RGB and YCbCr of video: the matrices of BT.601, BT.709 and BT.2020 (non-constant luminance).

Reference: ITU-T H.273, table 4; the constants are KR and KB.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.video.layouts import FLOAT_DEPTH, Matrix, PlaneLayout

__all__ = ["ColourMatrix", "guess_matrix"]

Floats = NDArray[np.float32]
_CONSTANTS: dict[Matrix, tuple[float, float]] = {
    "601": (0.299, 0.114),
    "709": (0.2126, 0.0722),
    "2020": (0.2627, 0.0593),
}
_TAGS: dict[int, Matrix] = {1: "709", 5: "601", 6: "601", 9: "2020", 10: "2020"}
"""Matrix coefficients of H.273 by their numbers; FCC and SMPTE 240M are taken as their nearest."""
_NEAREST: dict[int, Matrix] = {4: "601", 7: "709"}
_HIGH_DEFINITION = (1280, 720)


def guess_matrix(tag: int, size: tuple[int, int]) -> tuple[Matrix, str | None]:
    """Find the matrix of a clip.

    Args:
        tag: matrix coefficients, the number of H.273.
        size: (height, width); without a tag, clips of high definition are BT.709 and smaller ones BT.601, as players
            take them.

    Returns:
        The matrix, and a note for the user when it had to be guessed.
    """
    if tag in _TAGS:
        return _TAGS[tag], None
    large = size[1] >= _HIGH_DEFINITION[0] or size[0] > 576
    matrix: Matrix = _NEAREST.get(tag) or ("709" if large else "601")
    return matrix, f"the clip does not say its colour matrix; BT.{matrix} is taken, as players do, and no tag is added"


class ColourMatrix:
    """YCbCr samples of a layout to RGB, [0, 1], and back; values outside are kept."""

    def __init__(self, layout: PlaneLayout) -> None:
        """Compute the two 3x3 matrices and offsets.

        Args:
            layout: of kind ``yuv``.
        """
        red, blue = _CONSTANTS[layout.matrix]
        green = 1 - red - blue
        forward = np.array(
            [
                [red, green, blue],
                [-red / (2 - 2 * blue), -green / (2 - 2 * blue), 0.5],
                [0.5, -green / (2 - 2 * red), -blue / (2 - 2 * red)],
            ]
        )
        luma, chroma, black, zero = _ranges(layout)
        self._offset = np.array([black, zero, zero])
        self._to_samples = forward * np.array([[luma], [chroma], [chroma]])
        self._to_rgb = np.linalg.inv(self._to_samples)

    def to_rgb(self, luma: NDArray[Any], blue: Floats, red: Floats) -> Floats:
        """Convert three planes (h, w) of samples to RGB, (3, h, w)."""
        samples = np.stack((luma.astype(np.float32), blue, red))
        samples -= self._offset.astype(np.float32)[:, None, None]
        rgb: Floats = np.einsum("ij,jhw->ihw", self._to_rgb.astype(np.float32), samples, optimize=True)
        return rgb

    def from_rgb(self, rgb: Floats) -> Floats:
        """Convert RGB (3, h, w) to Y, Cb and Cr in samples, not rounded."""
        samples: Floats = np.einsum("ij,jhw->ihw", self._to_samples.astype(np.float32), rgb, optimize=True)
        samples += self._offset.astype(np.float32)[:, None, None]
        return samples


def _ranges(layout: PlaneLayout) -> tuple[float, float, float, float]:
    """Step of luma from black to white, range of chroma, black, and the zero of chroma, in samples."""
    if layout.depth == FLOAT_DEPTH:
        return (1.0, 1.0, 0.0, 0.5) if layout.full_range else (219 / 255, 224 / 255, 16 / 255, 128 / 255)
    unit = float(1 << (layout.depth - 8))
    if layout.full_range:
        top = (1 << layout.depth) - 1.0
        return top, top, 0.0, 128 * unit
    return 219 * unit, 224 * unit, 16 * unit, 128 * unit
