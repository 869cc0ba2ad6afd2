"""The measuring protocols by name: from two 8-bit pictures to a PSNR and an SSIM, and how LR is made for each.

Two published PSNRs of one picture differ by their protocol, up to more than a dB; so a score is
nothing without its name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import rgb_to_y
from kukkiri.metrics.fidelity import psnr, ssim

__all__ = ["PROTOCOLS", "Protocol", "Score", "round_half_away"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Score:
    """PSNR in dB and SSIM of one picture, or their means over a set."""

    psnr: float
    ssim: float


@dataclass(frozen=True)
class Protocol:
    """How two pictures become a score."""

    name: str
    summary: str
    """One line for a person."""
    view: Callable[[Array], Array]
    """From an 8-bit picture, (H, W) or (H, W, 3), to the values on 0..255 that are compared."""
    quantised_lr: bool = True
    """LR is an 8-bit RGB picture; otherwise LR is the exact luma in floating point (``y-legacy``)."""

    def score(self, hr: Array, sr: Array, *, scale: int) -> Score:
        """Compare two 8-bit pictures after cutting ``scale`` pixels from each side.

        Args:
            hr: uint8, (H, W) grey or (H, W, 3) RGB.
            sr: uint8, the same shape.
            scale: pixels to cut.

        Raises:
            TypeError: not uint8.
            ValueError: shapes differ or are too small.
        """
        if hr.dtype != np.uint8 or sr.dtype != np.uint8:
            raise TypeError(f"8-bit pictures are compared, got {hr.dtype} and {sr.dtype}")
        reference, estimate = self.view(hr), self.view(sr)
        return Score(psnr(reference, estimate, border=scale), ssim(reference, estimate, border=scale))


def round_half_away(values: Array) -> Array:
    """Round non-negative values with halves going up, as MATLAB's ``round`` and ``uint8`` do."""
    rounded: Array = np.floor(values + 0.5)
    return rounded


def _luma(picture: Array) -> Array:
    """BT.601 studio-range luma on 0..255 in float64; a grey picture counts as R = G = B."""
    rgb = np.repeat(picture[..., None], 3, axis=-1) if picture.ndim == 2 else picture
    return rgb_to_y(rgb.astype(np.float64) / 255.0) * 255.0


def _rounded_luma(picture: Array) -> Array:
    return round_half_away(_luma(picture))


def _legacy_luma(picture: Array) -> Array:
    """Luma rounded to 8 bit; grey pictures keep their raw values."""
    return picture.astype(np.float64) if picture.ndim == 2 else _rounded_luma(picture)


def _as_it_is(picture: Array) -> Array:
    return picture.astype(np.float64)


PROTOCOLS = {
    "rgb": Protocol("rgb", "RGB, border of scale pixels", _as_it_is),
    "y-legacy": Protocol(
        "y-legacy",
        "Y rounded to 8 bit, LR luma not quantised: SRCNN's and VDSR's code, the published bicubic rows",
        _legacy_luma,
        quantised_lr=False,
    ),
    "y-matlab": Protocol("y-matlab", "8-bit RGB in and out, Y in floating point: EDSR, RCAN, SAN and later", _luma),
    "y-mzsr": Protocol("y-mzsr", "8-bit RGB in and out, Y rounded to 8 bit: MZSR", _rounded_luma),
}
"""Every protocol by its name."""
