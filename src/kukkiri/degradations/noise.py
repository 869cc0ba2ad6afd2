"""Noise of sensors and the damage of JPEG, on float images in [0, 1]; nothing but JPEG clamps."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import BackendError
from kukkiri.images import dequantize, quantize

__all__ = ["gaussian_noise", "jpeg", "poisson_noise"]

Floats = TypeVar("Floats", bound=NDArray[np.floating[Any]])
_GREY = np.array([0.2989, 0.5870, 0.1140])  # MATLAB's rgb2gray, which Real-ESRGAN uses for grey Poisson noise


def gaussian_noise(image: Floats, std: float, *, rng: np.random.Generator, grey: bool = False) -> Floats:
    """Add white Gaussian noise.

    Args:
        image: (H, W) or (H, W, C), float32 or float64, [0, 1].
        std: in [0, 1]; 15 levels of 8 bit are 15 / 255.
        rng: the source of randomness.
        grey: the same noise in every channel.
    """
    if not std >= 0:
        raise ValueError(f"std must not be negative, got {std}")
    shape = (*image.shape[:2], *([1] * (image.ndim - 2))) if grey else image.shape
    return (image + image.dtype.type(std) * rng.standard_normal(shape).astype(image.dtype)).astype(image.dtype)  # type: ignore[no-any-return]


def poisson_noise(image: Floats, peak: float, *, rng: np.random.Generator, grey: bool = False) -> Floats:
    """Shot noise: every value becomes a count of photons over its scale, so its variance is value / ``peak``.

    Args:
        image: (H, W) or (H, W, C), float32 or float64; clipped to [0, 1] for the counting.
        peak: photons in a white pixel, positive.
        rng: the source of randomness.
        grey: the same noise in every channel, that of the image's grey.
    """
    if not peak > 0:
        raise ValueError(f"peak must be positive, got {peak}")
    bright = np.clip(image, 0.0, 1.0)
    if grey and image.ndim == 3:
        bright = bright @ _GREY[:, None] if image.shape[2] == 3 else bright.mean(axis=2, keepdims=True)
    noise = rng.poisson(np.asarray(bright, dtype=np.float64) * peak) / peak - bright
    return (image + noise).astype(image.dtype)  # type: ignore[no-any-return]


def jpeg(image: Floats, quality: int, *, chroma: int | None = None) -> Floats:
    """Write as JPEG and read back, with libjpeg in memory, 8 bit.

    Args:
        image: (H, W) or (H, W, 1|3), float32 or float64, [0, 1]; clamped.
        quality: 1 to 100, libjpeg's scale.
        chroma: 444 at full size, 420 at half size, None: half size below quality 90.

    Raises:
        BackendError: libvips was built without JPEG.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be 1 to 100, got {quality}")
    subsampling = {None: "auto", 420: "on", 444: "off"}[chroma]
    import pyvips

    levels = np.atleast_3d(quantize(image, 8))
    height, width, bands = levels.shape
    if bands not in (1, 3):
        raise ValueError(f"JPEG holds 1 or 3 channels, got {bands}")
    try:
        raster = pyvips.Image.new_from_memory(np.ascontiguousarray(levels).data, width, height, bands, "uchar")
        raster = raster.copy(interpretation="b-w" if bands == 1 else "srgb")
        data = raster.jpegsave_buffer(Q=quality, subsample_mode=subsampling)
        decoded = np.asarray(pyvips.Image.jpegload_buffer(data).numpy()).reshape(image.shape)
    except pyvips.Error as problem:
        raise BackendError(f"libvips cannot write JPEG here: {problem}. Install pyvips[binary].") from problem
    return dequantize(decoded).astype(image.dtype)  # type: ignore[return-value]
