"""Encoding of pixels as the bytes of a file: fitted to the format, with a note for everything that is dropped."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images.containers import avif, jpeg, png, tiff, webp
from kukkiri.images.encoders import ENCODERS
from kukkiri.images.fitting import fit_colour, fit_metadata
from kukkiri.images.formats import OutputFormat
from kukkiri.images.jpeg_quality import choose_jpeg_options
from kukkiri.images.libvips import vips
from kukkiri.images.metadata import Metadata
from kukkiri.images.preparing import prepare
from kukkiri.images.quantization import quantize
from kukkiri.images.tone_curve import ToneCurve

__all__ = ["PNG_OPTIONS", "Samples", "encode", "fit", "patch_tiff", "prepare_tiff"]

_KEEP_NONE, _KEEP_EXIF, _KEEP_XMP, _KEEP_ICC, _KEEP_OTHER = 0, 1, 2, 8, 16
"""Flags of libvips: the metadata that an encoder writes by itself."""
_ALPHA = 2
"""TIFF's word for alpha by which the colour was not multiplied."""
_CLASSIC_TIFF = 2**32 - 2**26
# A megapixel: 41 ms, 1.42 MB; filter up 42, 1.51; paeth 55, 1.40; level 1 26, 2.00 (docs/results/speed.md).
PNG_OPTIONS: dict[str, Any] = {"compression": 2, "filter": "avg", "keep": _KEEP_NONE}
"""Keywords of libvips for every PNG."""


@dataclass(frozen=True)
class Samples:
    """Pixels and metadata that a format can hold."""

    levels: NDArray[Any]
    """(H, W, C), uint8, uint16 or float32; C is at most 4 in all formats but TIFF."""
    bits: int
    metadata: Metadata
    lossy: bool
    behind: tuple[int, ...] = ()
    """The channels behind grey or RGB, as TIFF tells them: 2 for alpha, 0 for an extra sample."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width, _ = self.levels.shape
        return height, width

    @property
    def interpretation(self) -> str:
        """The meaning of the levels in libvips' words, which tells 8 from 16 bit."""
        kinds = {"uint8": ("b-w", "srgb"), "uint16": ("grey16", "rgb16"), "float32": ("b-w", "scrgb")}
        grey, rgb = kinds[self.levels.dtype.name]
        colours = self.levels.shape[2] - len(self.behind)
        return grey if colours < 3 else rgb

    @property
    def image(self) -> Any:
        """The levels as a libvips image without metadata."""
        return vips().Image.new_from_array(self.levels, interpretation=self.interpretation)

    def image_with(self, **blobs: bytes | None) -> Any:
        """The levels as a libvips image with some metadata for the encoder to write."""
        image = self.image.copy()
        for name, blob in blobs.items():
            if blob is not None:
                image.set_type(vips().GValue.blob_type, name.replace("_", "-"), blob)
        return image


def fit(
    colour: NDArray[np.float32],
    alpha: NDArray[np.float32] | None,
    form: OutputFormat,
    *,
    depth: int,
    metadata: Metadata,
    lossy: bool,
    name: str,
    extra: NDArray[np.float32] | None = None,
    tone: ToneCurve | None = None,
) -> tuple[Samples, list[str]]:
    """Round pixels to the depth of a format and drop what it cannot hold.

    Samples are rounded half away from zero; colours under an alpha that the format cannot hold are laid on white.

    Args:
        colour: (H, W, 1 or 3), nominally [0, 1].
        alpha: (H, W), or ``None``.
        form: the format.
        depth: bits for each sample that are wanted; the next lower depth of the format is used.
        metadata: of the image.
        lossy: the image came from a file compressed with loss.
        name: of the file, for messages.
        extra: (H, W, K), samples that are neither colour nor alpha, or ``None``.
        tone: the curve that brought linear light to [0, 1], or ``None``.

    Returns:
        The samples, and one line for everything that was dropped.

    Raises:
        ImageError: the pixels hold NaN or infinity.
    """
    notes: list[str] = []
    if not all(_is_finite(part) for part in (colour, alpha, extra) if part is not None):
        raise ImageError(f"{name}: the pixels hold NaN or infinity, so that nothing was written. Check the model.")
    prepared = prepare(colour, metadata, tone, form)
    colour, metadata, notes = prepared.colour, prepared.metadata, [*notes, *prepared.notes]
    bits = max((stored for stored in form.depths if stored <= depth), default=min(form.depths))
    if bits < depth:
        notes.append(f"{form.name} stores {bits} bits per sample, not {depth}")
    if colour.shape[2] == 1 and not form.grey:
        colour = np.repeat(colour, 3, axis=2)
    colour, metadata, changes = fit_colour(colour, metadata, form)
    notes += changes
    if extra is not None and form.name != "TIFF":
        many = f"{extra.shape[2]} extra samples" if extra.shape[2] > 1 else "extra sample"
        notes.append(f"{form.name} has no place for the {many} of each pixel, dropped here; TIFF has")
        extra = None
    if alpha is not None and not form.alpha:
        if alpha.min() < 1:
            colour = colour * alpha[:, :, None] + (1 - alpha[:, :, None])
            notes.append(f"{form.name} has no alpha: the image was laid on white")
        alpha = None
    parts = [colour, *([] if alpha is None else [alpha[:, :, None]]), *([] if extra is None else [extra])]
    rounded: list[NDArray[Any]] = [
        part if prepared.any_range and part is colour else np.clip(part, 0, 1) if bits == 32 else quantize(part, bits)
        for part in parts
    ]
    levels = rounded[0] if len(rounded) == 1 else np.concatenate(rounded, axis=2)
    if bits == 12:
        levels <<= 4  # libvips takes the top bits of 16
    height, width, channels = colour.shape
    kept, dropped = fit_metadata(metadata, form, channels=channels, size=(height, width))
    behind = (() if alpha is None else (_ALPHA,)) + (() if extra is None else (0,) * extra.shape[2])
    return Samples(np.ascontiguousarray(levels), bits, kept, lossy, behind), notes + dropped


def _is_finite(values: NDArray[np.float32]) -> bool:
    """True when no value is NaN or infinite; either would survive into the extremes."""
    return bool(np.isfinite(values.min()) and np.isfinite(values.max()))


Encoded = tuple[bytes, list[str]]
"""The bytes of a file, and one line for everything that was dropped."""


def encode(samples: Samples, form: OutputFormat, quality: int | None) -> Encoded:
    """Encode samples that were fitted to a format.

    Args:
        samples: see :func:`fit`.
        form: the same format.
        quality: see :func:`kukkiri.images.save_image`.
    """
    other = ENCODERS.get(form.name)
    if other is not None:
        return other.write(samples.levels, samples.metadata, quality, samples.lossy), []
    return _ENCODERS[form.name](samples, quality)


def _encode_png(samples: Samples, _: int | None) -> Encoded:
    data = samples.image.pngsave_buffer(**PNG_OPTIONS)
    return png.embed(data, samples.metadata), []


def _encode_jpeg(samples: Samples, quality: int | None) -> Encoded:
    data = samples.image.jpegsave_buffer(**choose_jpeg_options(quality), keep=_KEEP_NONE)
    return jpeg.embed(data, samples.metadata)


def _encode_webp(samples: Samples, quality: int | None) -> Encoded:
    lossless = quality == 100 or (quality is None and not samples.lossy)
    data = samples.image.webpsave_buffer(
        Q=quality or 90,
        lossless=lossless,
        effort=1 if lossless else 4,  # of 2 million pixels, lossless: 1.8 s and 2.5 MB against 2.3 s and 2.4 MB
        exact=True,
        smart_subsample=True,
        keep=_KEEP_NONE,
    )
    return webp.embed(data, samples.metadata, samples.size), []


def _encode_tiff(samples: Samples, _: int | None) -> Encoded:
    image, options = prepare_tiff(samples)
    return patch_tiff(image.tiffsave_buffer(**options), samples)


def prepare_tiff(samples: Samples) -> tuple[Any, dict[str, Any]]:
    """Return the libvips image of a TIFF, with the metadata that libvips writes, and the keywords to write it."""
    metadata = samples.metadata
    image = samples.image_with(icc_profile_data=metadata.icc, xmp_data=metadata.xmp, photoshop_data=metadata.iptc)
    if metadata.resolution is not None:
        across, down = metadata.resolution
        image = image.copy(xres=across / 25.4, yres=down / 25.4)
    return image, {
        "compression": "deflate",
        "predictor": "none" if samples.bits == 32 else "horizontal",
        "resunit": "inch",
        "bigtiff": samples.levels.nbytes > _CLASSIC_TIFF,
        "keep": _KEEP_ICC | _KEEP_XMP | _KEEP_OTHER,
    }


def patch_tiff(data: bytes, samples: Samples) -> Encoded:
    """Put in what libvips cannot write: the meaning of extra samples, no resolution, and EXIF.

    Returns:
        The file, ``data`` itself when nothing was to be done, and one line for everything that was dropped.
    """
    metadata = samples.metadata
    if any(role != _ALPHA for role in samples.behind):
        data = tiff.state_extra_samples(data, samples.behind)
    if metadata.resolution is None:
        data = tiff.drop_resolution(data)
    notes = _missing_profile(data, metadata)
    if metadata.exif is None:
        return data, notes
    whole = tiff.embed(data, metadata.exif)
    return whole, [*notes, *(["EXIF could not be put into this TIFF and was dropped"] if whole is data else [])]


def _encode_avif(samples: Samples, quality: int | None) -> Encoded:
    metadata = samples.metadata
    image = samples.image_with(icc_profile_data=metadata.icc, xmp_data=metadata.xmp)
    keep = _KEEP_ICC | _KEEP_XMP | (_KEEP_EXIF if metadata.exif is not None else 0)
    data = image.heifsave_buffer(
        compression="av1",
        Q=quality or 90,
        lossless=quality == 100,
        effort=2,  # of 2 million pixels: 4 s and 593 kB; libvips' own choice (4) is 31 s and 596 kB
        bitdepth=samples.bits,
        keep=keep,
    )
    notes = _missing_profile(data, metadata)
    if metadata.codes is not None:
        coded = avif.set_colour(data, *metadata.codes[:2])
        data, notes = (
            (data, [*notes, "the colour codes could not be put into this AVIF"]) if coded is None else (coded, notes)
        )
    if metadata.exif is None:
        return data, notes
    whole = avif.replace_exif(data, metadata.exif)
    return (data, [*notes, "some EXIF could not be put into this AVIF"]) if whole is None else (whole, notes)


def _missing_profile(data: bytes, metadata: Metadata) -> list[str]:
    """One line when libvips left the profile out, as it does when it takes it for damaged."""
    if metadata.icc is None or metadata.icc in data:
        return []
    return ["the colour profile is damaged and was dropped"]


_ENCODERS: dict[str, Callable[[Samples, int | None], Encoded]] = {
    "AVIF": _encode_avif,
    "JPEG": _encode_jpeg,
    "PNG": _encode_png,
    "TIFF": _encode_tiff,
    "WebP": _encode_webp,
}
