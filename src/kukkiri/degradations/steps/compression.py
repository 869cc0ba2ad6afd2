"""Lossy compression: saved and read back."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.arguments import Arguments, write_step
from kukkiri.degradations.step import Stage, Step
from kukkiri.errors import BackendError, ConfigError
from kukkiri.images import dequantize, quantize

__all__ = ["Jpeg", "jpeg"]

Floats = TypeVar("Floats", bound=NDArray[np.floating[Any]])


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


@dataclass(frozen=True)
class Jpeg(Step):
    """Save as JPEG of quality 1 to 100 and read back; chroma at half (420) or full size, by default half below 90."""

    usage: ClassVar[str] = ":QUALITY[,420|444]"
    examples: ClassVar[tuple[str, ...]] = ("jpeg:75", "jpeg:60,444")
    quality: int
    """1 to 100."""
    chroma: int | None = None
    """444: chroma at full size, 420: at half size; None: 420 below quality 90."""

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ConfigError(f"jpeg: the quality must be 1 to 100, got {self.quality}.")
        if self.chroma not in (None, 420, 444):
            raise ConfigError(f"jpeg: the chroma must be 420 or 444, got {self.chroma}.")

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the quality and the chroma."""
        return cls(*arguments.whole_numbers(1, 2))

    def __str__(self) -> str:
        return write_step("jpeg", f"{self.quality}", "" if self.chroma is None else f"{self.chroma}")

    def apply(self, image: NDArray[Any], *, stage: Stage, rng: np.random.Generator) -> NDArray[Any]:
        """Save and read back."""
        return jpeg(image, self.quality, chroma=self.chroma)
