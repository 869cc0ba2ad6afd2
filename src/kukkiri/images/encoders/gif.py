"""GIF: 256 colours, chosen anew by libvips' quantizer, and transparency that is all or nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.containers import gif_frames
from kukkiri.images.libvips import vips
from kukkiri.images.metadata import Metadata

__all__ = ["GIF_OPTIONS", "fit_palette", "write_gif"]

_OPAQUE = 128
GIF_OPTIONS: dict[str, Any] = {"effort": 7, "dither": 0.5, "keep": 0}
"""Keywords of libvips for every GIF."""


def write_gif(levels: NDArray[Any], metadata: Metadata, quality: int | None, lossy: bool) -> bytes:
    """Encode (H, W, 1 to 4) 8-bit levels."""
    image = vips().Image.new_from_array(fit_palette(levels), interpretation="srgb")
    return gif_frames.embed(image.gifsave_buffer(**GIF_OPTIONS), metadata)


def fit_palette(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring levels to RGB or RGBA with an alpha of 0 or 255; colours under an alpha of 0 become black."""
    channels = levels.shape[2]
    if channels < 3:
        levels = np.concatenate([np.repeat(levels[..., :1], 3, axis=2), levels[..., 1:]], axis=2)
    if channels in (1, 3):
        return np.ascontiguousarray(levels)
    visible = levels[..., 3:] >= _OPAQUE
    return np.concatenate([np.where(visible, levels[..., :3], 0), np.where(visible, 255, 0)], axis=2).astype(np.uint8)
