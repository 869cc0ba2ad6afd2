"""The interface of a decoder for one format, and the helpers that decoders share."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images.image import Depth, Image, split_alpha
from kukkiri.images.metadata import Metadata
from kukkiri.images.pixel_limit import PixelLimitError
from kukkiri.images.quantization import dequantize
from kukkiri.images.tone_curve import ToneCurve

__all__ = ["Decoder", "check_size", "make_image", "make_linear_image"]


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """A format that something other than libvips reads."""

    read: Callable[[bytes, str, int], Image]
    """Decode (bytes, name for messages, pixel limit)."""
    module: str | None = None
    """The package that it needs; ``None``: nothing beyond the base install."""
    keeps: str = ""
    """Content that is kept, for the table of formats."""

    @property
    def is_available(self) -> bool:
        """The package is installed."""
        return self.module is None or importlib.util.find_spec(self.module) is not None


def check_size(size: tuple[int, int], name: str, pixel_limit: int) -> None:
    """Refuse an image by its header.

    Raises:
        ImageError: it has no pixels, or more than the limit.
    """
    height, width = size
    if height < 1 or width < 1:
        raise ImageError(f"{name}: is {width}x{height} pixels by its header, which is no image. Get the file again.")
    if height * width > pixel_limit:
        raise PixelLimitError(
            f"{name}: {width}x{height} pixels exceed the limit of {pixel_limit}. Raise it if the file can be "
            "trusted: --max-pixels of kukkiri upscale, pixel_limit in Python.",
            pixels=height * width,
            shown=f"{width}x{height}",
        )


def make_image(
    levels: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    bits: int,
    metadata: Metadata | None = None,
    lossy: bool = False,
    notes: tuple[str, ...] = (),
) -> Image:
    """Make an image of (H, W, 1 to 4) levels of some bits."""
    colour, alpha = split_alpha(dequantize(levels, bits))
    depth: Depth = 8 if bits <= 8 else 16
    return Image(colour=colour, alpha=alpha, depth=depth, metadata=metadata or Metadata(), lossy=lossy, notes=notes)


def make_linear_image(
    linear: NDArray[np.float32], *, name: str, alpha: NDArray[np.float32] | None = None, notes: tuple[str, ...] = ()
) -> Image:
    """Make an image of linear light of any range.

    Args:
        linear: (H, W, 1 or 3).
        name: beginning of the message.
        alpha: (H, W), or ``None``.
        notes: about the image.

    Raises:
        ImageError: a sample is NaN or infinite.
    """
    if not np.isfinite(linear).all():
        raise ImageError(f"{name}: holds NaN or infinity; expected finite samples. Repair it first.")
    curve = ToneCurve.for_samples(linear)
    return Image(colour=curve.encode(linear), alpha=alpha, depth=32, tone=curve, notes=notes)
