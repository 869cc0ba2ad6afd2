"""Evaluation protocols by name: from two 8-bit images to the values that are compared, and the LR of each.

Published PSNRs of the same image differ by more than a dB between protocols, so every score carries
the name of its protocol.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import rgb_to_y
from kukkiri.metrics.psnr import psnr
from kukkiri.metrics.ssim import ssim

__all__ = ["PROTOCOLS", "Protocol", "Score", "round_half_away"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Score:
    """PSNR in dB and SSIM of one image, or their means over a set."""

    psnr: float
    ssim: float


@dataclass(frozen=True)
class Protocol:
    """The rule by which two images are compared."""

    name: str
    summary: str
    """One line for a person."""
    view: Callable[[Array], Array]
    """From an 8-bit image, (H, W) or (H, W, 3), to the values on 0..255 that are compared."""
    quantized_lr: bool = True
    """LR is an 8-bit RGB image; otherwise LR is the exact luma in floating point (``y-legacy``)."""

    def compared(self, hr: Array, sr: Array) -> tuple[Array, Array]:
        """The values of two 8-bit images that are compared, on 0..255.

        Args:
            hr: uint8, (H, W) grey or (H, W, 3) RGB.
            sr: uint8, the same shape.

        Raises:
            TypeError: not uint8.
        """
        if hr.dtype != np.uint8 or sr.dtype != np.uint8:
            raise TypeError(f"8-bit images are compared, got {hr.dtype} and {sr.dtype}")
        return self.view(hr), self.view(sr)

    def score(self, hr: Array, sr: Array, *, scale: int) -> Score:
        """PSNR and SSIM of two 8-bit images after cutting ``scale`` pixels from each side.

        Args:
            hr: uint8, (H, W) grey or (H, W, 3) RGB.
            sr: uint8, the same shape.
            scale: pixels to cut.

        Raises:
            TypeError: not uint8.
            ValueError: shapes differ or are too small.
        """
        reference, estimate = self.compared(hr, sr)
        return Score(psnr(reference, estimate, border=scale), ssim(reference, estimate, border=scale))


def round_half_away(values: Array) -> Array:
    """Round non-negative values with halves going up, as MATLAB's ``round`` and ``uint8`` do."""
    rounded: Array = np.floor(values + 0.5)
    return rounded


def _luma(image: Array) -> Array:
    """BT.601 studio-range luma on 0..255 in float64; a grey image counts as R = G = B."""
    rgb = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
    return rgb_to_y(rgb.astype(np.float64) / 255.0) * 255.0


def _rounded_luma(image: Array) -> Array:
    return round_half_away(_luma(image))


def _legacy_luma(image: Array) -> Array:
    """Luma rounded to 8 bit; grey images keep their raw values."""
    return image.astype(np.float64) if image.ndim == 2 else _rounded_luma(image)


def _unchanged(image: Array) -> Array:
    return image.astype(np.float64)


PROTOCOLS = {
    "rgb": Protocol("rgb", "RGB, border of scale pixels", _unchanged),
    "y-legacy": Protocol(
        "y-legacy",
        "Y rounded to 8 bit, LR luma not quantized: SRCNN's and VDSR's code, the published bicubic rows",
        _legacy_luma,
        quantized_lr=False,
    ),
    "y-matlab": Protocol("y-matlab", "8-bit RGB in and out, Y in floating point: EDSR, RCAN, SAN and later", _luma),
    "y-mzsr": Protocol("y-mzsr", "8-bit RGB in and out, Y rounded to 8 bit: MZSR", _rounded_luma),
}
"""Every protocol by its name."""
