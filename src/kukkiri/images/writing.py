"""From a :class:`Image` to a file, whole or not at all, with a note for everything the format cannot hold."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError, ImageError
from kukkiri.files import write_atomically
from kukkiri.images import exif as exif_block
from kukkiri.images.containers import avif, jpeg, png, tiff, webp
from kukkiri.images.formats import OutputFormat, output_format, shown
from kukkiri.images.image import Image
from kukkiri.images.libvips import failures, forget_errors, reason, vips
from kukkiri.images.metadata import Metadata
from kukkiri.images.quantization import quantize

__all__ = ["check_output", "save_image"]

_KEEP_NONE, _KEEP_EXIF, _KEEP_XMP, _KEEP_ICC, _KEEP_OTHER = 0, 1, 2, 8, 16
"""Flags of libvips: which metadata an encoder writes by itself."""
_SRGB_GAMMA = 45455
_CLASSIC_TIFF = 2**32 - 2**26


def check_output(
    path: str | PathLike[str],
    *,
    source: str | PathLike[str] | None = None,
    overwrite: bool = False,
    size: tuple[int, int] | None = None,
) -> None:
    """Refuse a target before any work is done for it.

    Args:
        path: the file to be written.
        source: the file that was read; the target may not be the same file, by any name or link.
        overwrite: an existing file may be replaced.
        size: (height, width) that will be written, if known already.

    Raises:
        ImageError: unknown suffix, missing folder, existing file, ``source`` itself, or too large for the format.
    """
    file, name = Path(path), shown(Path(path))
    form = output_format(file)
    try:
        problem = _problem(file, source, overwrite=overwrite)
    except (OSError, ValueError) as error:
        problem = f"cannot be written ({getattr(error, 'strerror', None) or error})."
    if problem is not None:
        raise ImageError(f"{name}: {problem}")
    if size is not None and max(size) > form.longest_side:
        raise ImageError(
            f"{name}: {size[1]}x{size[0]} is too large for {form.name}, whose sides end at {form.longest_side} pixels. "
            "Use .png or .tif."
        )


def _problem(file: Path, source: str | PathLike[str] | None, *, overwrite: bool) -> str | None:
    """What stands in the way of writing a file."""
    if "\0" in str(file):
        return "cannot be written: a name holds no zero byte."
    if not file.parent.is_dir():
        return f"there is no folder {shown(file.parent)}. Make it first."
    if file.is_dir():
        return "is a folder; expected a file name."
    if source is not None and _is_same(file, Path(source)):
        return "is the input itself, which is never overwritten. Choose another name."
    if file.exists() and not overwrite:
        return "exists already. Choose another name, or allow it with --overwrite."
    return None


def _is_same(file: Path, source: Path) -> bool:
    try:
        return file.samefile(source)
    except OSError:  # one of them does not exist
        return False


def save_image(
    image: Image, path: str | PathLike[str], *, overwrite: bool = False, quality: int | None = None
) -> list[str]:
    """Write an image; the file appears whole or not at all.

    Samples are rounded half away from zero to the depth of the image, or the next lower one that the format has.
    Colours under an alpha that the format cannot hold are laid on white.

    Args:
        image: what to write.
        path: its suffix decides the format, see :data:`kukkiri.images.OUTPUT_SUFFIXES`.
        overwrite: an existing file may be replaced; the file that the image came from never is.
        quality: 1 to 100 for JPEG (95 unless given), WebP and AVIF (90). WebP is lossless unless the image came
            from a lossy file or ``quality`` is below 100; AVIF is lossless at 100. PNG and TIFF always are.

    Returns:
        One line for everything that the format could not hold.

    Raises:
        ImageError: see :func:`check_output`; or the disk is full; or the encoder failed.
        ConfigError: ``quality`` is out of range.
    """
    file, name = Path(path), shown(Path(path))
    if quality is not None and not 1 <= quality <= 100:
        raise ConfigError(f"quality must be 1 to 100, got {quality}.")
    check_output(file, source=image.source, overwrite=overwrite, size=image.size)
    form = output_format(file)
    fitted, notes = _fit(image, form, name=name)
    forget_errors()
    try:
        data, dropped = _ENCODERS[form.name](fitted, quality)
        write_atomically(file, data, overwrite=overwrite)
    except failures() as error:
        raise ImageError(f"{name}: libvips could not write {form.name} ({reason(error)}). Use .png.") from error
    except OSError as error:
        raise ImageError(f"{name}: cannot be written ({error.strerror or error}).") from error
    except MemoryError as error:
        raise ImageError(f"{name}: there is not enough memory to write it.") from error
    return [*notes, *dropped]


@dataclass(frozen=True)
class _Fitted:
    """An image cut to what a format can hold."""

    samples: NDArray[Any]
    """(H, W, 1 to 4), uint8, uint16 or float32."""
    bits: int
    metadata: Metadata
    lossy: bool

    @property
    def size(self) -> tuple[int, int]:
        height, width, _ = self.samples.shape
        return height, width

    @property
    def image(self) -> Any:
        """For libvips, without metadata, which interpretation it needs to tell 8 from 16 bit."""
        kinds = {"uint8": ("b-w", "srgb"), "uint16": ("grey16", "rgb16"), "float32": ("b-w", "scrgb")}
        grey, rgb = kinds[self.samples.dtype.name]
        return vips().Image.new_from_array(self.samples, interpretation=grey if self.samples.shape[2] < 3 else rgb)

    def image_with(self, **blobs: bytes | None) -> Any:
        """The same with some metadata for the encoder to write."""
        image = self.image.copy()
        for name, blob in blobs.items():
            if blob is not None:
                image.set_type(vips().GValue.blob_type, name.replace("_", "-"), blob)
        return image


def _fit(image: Image, form: OutputFormat, *, name: str) -> tuple[_Fitted, list[str]]:
    notes: list[str] = []
    colour, alpha = image.colour, image.alpha
    if not _is_finite(colour) or (alpha is not None and not _is_finite(alpha)):
        raise ImageError(f"{name}: the pixels hold NaN or infinity, so that nothing was written. Check the model.")
    bits = max(depth for depth in form.depths if depth <= image.depth)
    if bits != image.depth:
        notes.append(f"{form.name} stores {bits} bits per sample, not {image.depth}")
    if alpha is not None and not form.alpha:
        if alpha.min() < 1:
            colour = colour * alpha[:, :, None] + (1 - alpha[:, :, None])
            notes.append(f"{form.name} has no alpha: the image was laid on white")
        alpha = None
    if colour.shape[2] == 1 and not form.grey:
        colour = np.repeat(colour, 3, axis=2)
    parts = [colour] if alpha is None else [colour, alpha[:, :, None]]
    levels: list[NDArray[Any]] = [np.clip(part, 0, 1) if bits == 32 else quantize(part, bits) for part in parts]
    samples = levels[0] if alpha is None else np.concatenate(levels, axis=2)
    if bits == 12:
        samples <<= 4  # libvips takes the top bits of 16
    metadata, dropped = _fit_metadata(image, form, channels=colour.shape[2])
    return _Fitted(np.ascontiguousarray(samples), bits, metadata, image.lossy), notes + dropped


def _is_finite(values: NDArray[np.float32]) -> bool:
    """Whether no value is NaN or infinite, either of which survives into the extremes."""
    return bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def _fit_metadata(image: Image, form: OutputFormat, *, channels: int) -> tuple[Metadata, list[str]]:
    notes: list[str] = []
    metadata = image.metadata
    space = {1: b"GRAY", 3: b"RGB "}[channels]
    if metadata.icc_space not in (None, space):
        kept = "grey" if channels == 1 else "RGB"
        notes.append(f"the colour profile is not for {kept} pixels, which {form.name} stores, and was dropped")
        metadata = replace(metadata, icc=None)
    if metadata.iptc is not None and form.name not in ("JPEG", "TIFF"):
        notes.append(f"IPTC captions do not go into {form.name} and were dropped")
        metadata = replace(metadata, iptc=None)
    if form.name != "PNG":
        if metadata.png_text:
            notes.append(f"PNG text does not go into {form.name} and was dropped")
        gamma = int.from_bytes(metadata.png_colour.get(b"gAMA", b""), "big")
        if b"cICP" in metadata.png_colour or gamma not in (0, _SRGB_GAMMA):
            notes.append(f"PNG's gamma or cICP does not go into {form.name} and was dropped: brightness may differ")
    if form.name in ("WebP", "AVIF") and metadata.exif is None and metadata.resolution is not None:
        metadata = replace(metadata, exif=exif_block.stating_resolution(*metadata.resolution))
    if metadata.exif is not None:
        metadata = replace(metadata, exif=exif_block.settle_size(metadata.exif, image.size))
    return metadata, notes


Encoded = tuple[bytes, list[str]]


def _encode_png(fitted: _Fitted, _: int | None) -> Encoded:
    # A megapixel: 41 ms, 1.42 MB; filter up 42 and 1.51, paeth 55 and 1.40; level 1 26 and 2.00 (docs/results/speed.md).
    data = fitted.image.pngsave_buffer(compression=2, filter="avg", keep=_KEEP_NONE)
    return png.embed(data, fitted.metadata), []


def _encode_jpeg(fitted: _Fitted, quality: int | None) -> Encoded:
    # Chroma is stored in full from quality 90 on.
    return jpeg.embed(fitted.image.jpegsave_buffer(Q=quality or 95, keep=_KEEP_NONE), fitted.metadata)


def _encode_webp(fitted: _Fitted, quality: int | None) -> Encoded:
    lossless = quality == 100 or (quality is None and not fitted.lossy)
    data = fitted.image.webpsave_buffer(
        Q=quality or 90,
        lossless=lossless,
        effort=1 if lossless else 4,  # of 2 million pixels, lossless: 1.8 s and 2.5 MB against 2.3 s and 2.4 MB
        exact=True,
        smart_subsample=True,
        keep=_KEEP_NONE,
    )
    return webp.embed(data, fitted.metadata, fitted.size), []


def _encode_tiff(fitted: _Fitted, _: int | None) -> Encoded:
    metadata = fitted.metadata
    image = fitted.image_with(icc_profile_data=metadata.icc, xmp_data=metadata.xmp, photoshop_data=metadata.iptc)
    if metadata.resolution is not None:
        across, down = metadata.resolution
        image = image.copy(xres=across / 25.4, yres=down / 25.4)
    data = image.tiffsave_buffer(
        compression="deflate",
        predictor="none" if fitted.bits == 32 else "horizontal",
        resunit="inch",
        bigtiff=fitted.samples.nbytes > _CLASSIC_TIFF,
        keep=_KEEP_ICC | _KEEP_XMP | _KEEP_OTHER,
    )
    if metadata.resolution is None:
        data = tiff.without_resolution(data)
    notes = _missing_profile(data, metadata)
    if metadata.exif is None:
        return data, notes
    whole = tiff.embed(data, metadata.exif)
    return whole, [*notes, *(["EXIF could not be put into this TIFF and was dropped"] if whole is data else [])]


def _encode_avif(fitted: _Fitted, quality: int | None) -> Encoded:
    metadata = fitted.metadata
    image = fitted.image_with(icc_profile_data=metadata.icc, xmp_data=metadata.xmp)
    keep = _KEEP_ICC | _KEEP_XMP | (_KEEP_EXIF if metadata.exif is not None else 0)
    data = image.heifsave_buffer(
        compression="av1",
        Q=quality or 90,
        lossless=quality == 100,
        effort=2,  # of 2 million pixels: 4 s and 593 kB; libvips' own choice (4) is 31 s and 596 kB
        bitdepth=fitted.bits,
        keep=keep,
    )
    notes = _missing_profile(data, metadata)
    if metadata.exif is None:
        return data, notes
    whole = avif.replace_exif(data, metadata.exif)
    return (data, [*notes, "some EXIF could not be put into this AVIF"]) if whole is None else (whole, notes)


def _missing_profile(data: bytes, metadata: Metadata) -> list[str]:
    """libvips leaves out a profile that it holds for damaged."""
    if metadata.icc is None or metadata.icc in data:
        return []
    return ["the colour profile is damaged and was dropped"]


_ENCODERS: dict[str, Callable[[_Fitted, int | None], Encoded]] = {
    "AVIF": _encode_avif,
    "JPEG": _encode_jpeg,
    "PNG": _encode_png,
    "TIFF": _encode_tiff,
    "WebP": _encode_webp,
}
