"""OpenEXR, PFM and Radiance HDR: linear light of any range."""

import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.metadata import Metadata

__all__ = ["write_openexr", "write_pfm", "write_radiance"]

_RUN = 128
_RUN_WIDTHS = range(8, 32768)


def write_openexr(levels: NDArray[Any], metadata: Metadata, quality: int | None, lossy: bool) -> bytes:
    """Encode (H, W, 3 or 4) floats, compressed by zip; colours are multiplied by alpha, as the format wants them."""
    import OpenEXR

    pixels = np.ascontiguousarray(levels, dtype=np.float32)
    if pixels.shape[2] == 4:
        pixels = pixels.copy()
        pixels[..., :3] *= pixels[..., 3:]
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with tempfile.TemporaryDirectory(prefix="kukkiri-") as folder:  # the package writes files only
        file = Path(folder) / "image.exr"
        OpenEXR.File(header, {"RGB" if pixels.shape[2] == 3 else "RGBA": pixels}).write(str(file))
        return file.read_bytes()


def write_pfm(levels: NDArray[Any], metadata: Metadata, quality: int | None, lossy: bool) -> bytes:
    """Encode (H, W, 1 or 3) floats, little-endian, from the lowest row up."""
    height, width, channels = levels.shape
    head = f"P{'F' if channels == 3 else 'f'}\n{width} {height}\n-1.0\n".encode()
    return head + levels[::-1].astype("<f4").tobytes()


def write_radiance(levels: NDArray[Any], metadata: Metadata, quality: int | None, lossy: bool) -> bytes:
    """Encode (H, W, 3) floats as RGBE; negative samples become 0, which the format has no room for."""
    height, width, _ = levels.shape
    linear = levels.clip(0, None)
    mantissa, exponent = np.frexp(linear.max(axis=2))
    scale = np.where(mantissa > 0, np.ldexp(np.float32(256), -exponent), 0)
    pixels = np.zeros((height, width, 4), dtype=np.uint8)
    pixels[..., :3] = np.floor(linear * scale[..., None]).clip(0, 255)
    pixels[..., 3] = np.where(mantissa > 0, (exponent + 128).clip(1, 255), 0)
    head = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n".encode()
    if width not in _RUN_WIDTHS:
        return head + pixels.tobytes()
    mark = b"\x02\x02" + struct.pack(">H", width)
    lines = []
    for line in pixels:
        lines.append(mark)
        for channel in range(4):
            samples = line[:, channel].tobytes()
            for start in range(0, width, _RUN):
                part = samples[start : start + _RUN]
                lines.append(bytes([len(part)]) + part)
    return head + b"".join(lines)
