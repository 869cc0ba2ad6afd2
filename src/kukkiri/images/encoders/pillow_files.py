"""BMP, TGA, JPEG 2000 and JPEG XL through Pillow; Netpbm as it is."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.metadata import Metadata

__all__ = ["write_bmp", "write_jpeg2000", "write_jpeg_xl", "write_netpbm", "write_tga"]

_QUALITY = 90
_DENSITY = 38


def _save(levels: NDArray[Any], form: str, **options: Any) -> bytes:
    import PIL.Image

    stream = io.BytesIO()
    pixels = levels[..., 0] if levels.shape[2] == 1 else levels
    PIL.Image.fromarray(np.ascontiguousarray(pixels)).save(stream, form, **options)
    return stream.getvalue()


def write_bmp(levels: NDArray[Any], metadata: Metadata, quality: int | None, lossy: bool) -> bytes:
    """Encode (H, W, 1 or 3) 8-bit levels."""
    if metadata.resolution is not None:
        return _save(levels, "BMP", dpi=metadata.resolution)
    data = _save(levels, "BMP")
    return data[:_DENSITY] + bytes(8) + data[_DENSITY + 8 :]  # Pillow's 96 pixels per inch are nobody's


def write_tga(levels: NDArray[Any], metadata: Metadata, quality: int | None, lossy: bool) -> bytes:
    """Encode (H, W, 1 to 4) 8-bit levels, packed in runs."""
    return _save(levels, "TGA", compression="tga_rle")


def write_jpeg2000(levels: NDArray[Any], metadata: Metadata, quality: int | None, lossy: bool) -> bytes:
    """Encode (H, W, 1 to 4) 8-bit levels without loss."""
    return _save(levels, "JPEG2000", irreversible=False)


def write_jpeg_xl(levels: NDArray[Any], metadata: Metadata, quality: int | None, lossy: bool) -> bytes:
    """Encode (H, W, 1 to 4) 8-bit levels: without loss unless the source was lossy or ``quality`` is below 100."""
    import pillow_jxl  # noqa: F401  (teaches Pillow the format)

    kept = quality == 100 or (quality is None and not lossy)
    loss: dict[str, Any] = {"lossless": True, "effort": 3} if kept else {"quality": quality or _QUALITY}
    return _save(levels, "JXL", exif=metadata.exif, xmp=metadata.xmp, **loss)


def write_netpbm(levels: NDArray[Any], metadata: Metadata, quality: int | None, lossy: bool) -> bytes:
    """Encode (H, W, 1 or 3) levels of 8 or 16 bits, as PGM or PPM."""
    height, width, channels = levels.shape
    deep = levels.dtype == np.uint16
    head = f"P{5 if channels == 1 else 6}\n{width} {height}\n{65535 if deep else 255}\n".encode()
    return head + (levels.astype(">u2") if deep else levels).tobytes()
