"""An image in memory: floats in [0, 1], alpha beside the colour, and the metadata of its file."""

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kukkiri.errors import ConfigError, ImageError
from kukkiri.images.encoding import fit
from kukkiri.images.formats import find_output_format, make_printable
from kukkiri.images.metadata import Metadata
from kukkiri.images.metadata_policy import MetadataPolicy, apply_policy
from kukkiri.images.quantization import dequantize, quantize
from kukkiri.images.tone_curve import ToneCurve
from kukkiri.images.writing import check_output, write_samples

__all__ = ["Depth", "Image", "clamp", "save_image", "split_alpha"]

Depth = Literal[8, 16, 32]
_FAR, _BEYOND, _MANY = 16.0, 0.5, 1 / 8
"""Bounds of floats that still count as [0, 1] with highlights, rather than as another scale."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """Pixels, depth and metadata of one still image.

    Raises:
        ValueError: the arrays do not have the shapes and types below.
    """

    colour: NDArray[np.float32]
    """(H, W, 1) grey or (H, W, 3) RGB, [0, 1], in the space of the colour profile; not multiplied by alpha."""
    alpha: NDArray[np.float32] | None = None
    """(H, W), [0, 1], 1 is opaque; ``None`` when there is none."""
    extra: NDArray[np.float32] | None = None
    """(H, W, K), [0, 1]: the samples of a TIFF that are neither colour nor alpha, such as infrared or a mask."""
    depth: Depth = 8
    """Bits for each sample when saved: 8 or 16 (integers) or 32 (floats)."""
    metadata: Metadata = field(default_factory=Metadata)
    """Colour profile, EXIF, XMP and the like."""
    tone: ToneCurve | None = None
    """For linear light of any range: the curve that brought it to [0, 1], undone where the format has room for it."""
    source: Path | None = None
    """The file it was read from."""
    lossy: bool = False
    """The file it was read from is compressed with loss."""
    notes: tuple[str, ...] = ()
    """One line for each change that reading made, for the user."""

    def __post_init__(self) -> None:
        if self.colour.ndim != 3 or self.colour.shape[2] not in (1, 3) or self.colour.dtype != np.float32:
            raise ValueError(f"colour must be (H, W, 1 or 3) float32, got {self.colour.shape} {self.colour.dtype}")
        if 0 in self.colour.shape:
            raise ValueError(f"an image needs at least one pixel, got {self.colour.shape}")
        if self.alpha is not None and (self.alpha.shape != self.colour.shape[:2] or self.alpha.dtype != np.float32):
            raise ValueError(
                f"alpha must be {self.colour.shape[:2]} float32, got {self.alpha.shape} {self.alpha.dtype}"
            )
        if self.extra is not None and (self.extra.ndim != 3 or self.extra.shape[:2] != self.colour.shape[:2]):
            raise ValueError(f"extra must be {(*self.colour.shape[:2], 'K')}, got {self.extra.shape}")
        if self.depth not in (8, 16, 32):
            raise ValueError(f"depth must be 8, 16 or 32, got {self.depth}")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width, _ = self.colour.shape
        return height, width

    @classmethod
    def from_array(cls, array: ArrayLike) -> "Image":
        """Make an image of an array.

        Args:
            array: anything that NumPy can read as (H, W) or (H, W, 1) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB
                or (H, W, 4) RGBA; uint8, uint16, or floats in [0, 1] (values slightly outside are clamped).

        Returns:
            An image without metadata; its ``depth`` is 8, 16 or 32, by the array's type.

        Raises:
            ImageError: another shape or type, no pixels, NaN, or floats on another scale, such as 0 to 255.
        """
        values = np.asarray(array)
        if values.ndim == 2:
            values = values[:, :, None]
        if values.ndim != 3 or not 1 <= values.shape[2] <= 4 or 0 in values.shape:
            raise ImageError(
                f"an array of shape {np.shape(array)} is no image; expected (H, W) or (H, W, C) with C from 1 to 4. "
                "Move the channel axis to the end and drop any batch axis."
            )
        notes: tuple[str, ...] = ()
        if not values.dtype.isnative:  # as FITS readers and TIFF files from elsewhere give them
            values = values.astype(values.dtype.newbyteorder("="))
        if values.dtype in (np.uint8, np.uint16):
            depth: Depth = 8 if values.dtype == np.uint8 else 16
            floats = dequantize(values)
        elif np.issubdtype(values.dtype, np.floating):
            depth = 32
            whole = values.astype(np.float32)
            floats = clamp(whole, name="the array")
            if floats is not whole:
                notes = (f"float samples from {whole.min():g} to {whole.max():g} were clamped to [0, 1]",)
        else:
            raise ImageError(
                f"an array of {values.dtype} is no image; expected uint8, uint16, or floats in [0, 1]. "
                "Convert it first."
            )
        colour, alpha = split_alpha(floats)
        return cls(colour=colour, alpha=alpha, depth=depth, notes=notes)

    def to_array(self) -> NDArray[Any]:
        """Return the pixels in one array of the image's depth.

        Returns:
            (H, W) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4) RGBA; uint8, uint16 or float32.
        """
        colour = self.colour if self.tone is None else self.tone.decode(self.colour)
        parts = [colour] if self.alpha is None else [colour, self.alpha[:, :, None]]
        levels: list[NDArray[Any]] = [
            (part if self.tone else np.clip(part, np.float32(0), np.float32(1)))
            if self.depth == 32
            else quantize(part, self.depth)
            for part in parts
        ]
        channels = levels[0] if self.alpha is None else np.concatenate(levels, axis=2)
        return channels[:, :, 0] if channels.shape[2] == 1 else channels

    def save(
        self,
        path: str | PathLike[str],
        *,
        overwrite: bool = False,
        quality: int | None = None,
        metadata: MetadataPolicy = "keep",
    ) -> list[str]:
        """Write the image to a file; see :func:`kukkiri.images.save_image`."""
        return save_image(self, path, overwrite=overwrite, quality=quality, metadata=metadata)


def save_image(
    image: Image,
    path: str | PathLike[str],
    *,
    overwrite: bool = False,
    quality: int | None = None,
    metadata: MetadataPolicy = "keep",
) -> list[str]:
    """Write an image to a file, which appears whole or not at all.

    Samples are rounded half away from zero to the depth of the image, or the next lower one that the format has.
    Colours under an alpha that the format cannot hold are laid on white.

    Args:
        image: the image to write.
        path: its suffix decides the format, see :data:`kukkiri.images.OUTPUT_SUFFIXES`.
        overwrite: an existing file may be replaced; the file that the image came from never is.
        quality: 1 to 100 for JPEG (95 unless given), WebP and AVIF (90). WebP is lossless unless the image came
            from a lossy file or ``quality`` is below 100; AVIF is lossless at 100. PNG and TIFF always are.
        metadata: ``keep`` everything, ``strip`` all but what the colours mean, or keep only author and ``copyright``.

    Returns:
        One line for everything that the format could not hold.

    Raises:
        ImageError: see :func:`check_output`; or the disk is full; or the encoder failed.
        ConfigError: ``quality`` is out of range.
    """
    file = Path(path)
    if quality is not None and not 1 <= quality <= 100:
        raise ConfigError(f"quality must be 1 to 100, got {quality}.")
    check_output(file, source=image.source, overwrite=overwrite, size=image.size)
    samples, notes = fit(
        image.colour,
        image.alpha,
        find_output_format(file),
        depth=image.depth,
        metadata=apply_policy(image.metadata, metadata),
        lossy=image.lossy,
        name=make_printable(file),
        extra=image.extra,
        tone=image.tone,
    )
    return [*notes, *write_samples(samples, file, overwrite=overwrite, quality=quality)]


def split_alpha(channels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Split (H, W, 1 to 4) into contiguous colour (H, W, 1 or 3) and alpha, (H, W) or ``None``."""
    count = channels.shape[2]
    if count in (1, 3):
        return np.ascontiguousarray(channels), None
    return np.ascontiguousarray(channels[:, :, :-1]), np.ascontiguousarray(channels[:, :, -1])


def clamp(values: NDArray[np.float32], *, name: str) -> NDArray[np.float32]:
    """Clamp floats to [0, 1].

    Raises:
        ImageError: NaN or infinity; or samples on another scale: any of them 16 times white or more, more than an
            eighth of them outside by a half or more, or more than half of them outside at all.
    """
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError(f"{name}: holds NaN or infinity; expected finite samples in [0, 1]. Repair it first.")
    if low >= 0 and high <= 1:
        return values
    share = np.count_nonzero((values < 0) | (values > 1)) / values.size
    off_scale = low < -_FAR or high > _FAR or (share > _MANY and (low < -_BEYOND or high > 1 + _BEYOND))
    if off_scale or share > 0.5:
        raise ImageError(
            f"{name}: float samples run from {low:g} to {high:g}, expected [0, 1]; {share:.1%} lie outside. Divide "
            "them by their white level, or clip them if what is brighter may become white."
        )
    return np.clip(values, 0, 1)
