"""Pixel formats of decoded frames, and the planar layout that each of them is worked on in.

FFmpeg knows some two hundred ways to store a frame. Work is done on separate planes of 8 to 16 bits in native byte
order: packed, semi-planar, palette and big-endian formats are converted to such planes, without loss where that is
possible; what is lost is said in a note.
"""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kukkiri.errors import VideoError

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["PixelFormat", "to_working"]

Planes = Literal["y", "yuv", "yuva", "rgb", "rgba"]
"""The planes of a working format, in the field's words; those of ``rgb`` are stored as G, B, R."""

_DEPTHS = {
    "gray": (8, 9, 10, 12, 14, 16),
    "yuv420p": (8, 9, 10, 12, 14, 16),
    "yuv422p": (8, 9, 10, 12, 14, 16),
    "yuv444p": (8, 9, 10, 12, 14, 16),
    "yuv440p": (8, 10, 12),
    "yuva420p": (8, 9, 10, 16),
    "yuva422p": (8, 9, 10, 12, 16),
    "yuva444p": (8, 9, 10, 12, 16),
    "gbrp": (8, 9, 10, 12, 14, 16),
    "gbrap": (8, 10, 12, 16),
}
"""The depths in bits that each planar layout exists in."""

_CHROMA = {(2, 2): "420", (2, 1): "422", (1, 1): "444", (1, 2): "440"}
"""The name of a chroma subsampling (horizontal, vertical)."""

_COARSER = {(4, 1): (2, 1), (4, 2): (2, 1), (4, 4): (2, 2)}
"""Rare subsamplings and the next finer one that encoders take."""


@dataclass(frozen=True)
class PixelFormat:
    """A planar pixel format that frames are worked on in."""

    name: str
    """FFmpeg's name, such as ``yuv420p10le``; never one of the ``yuvj`` names: the range is a tag of its own."""
    planes: Planes
    """The planes, of the words ``y``, ``yuv``, ``yuva``, ``rgb`` and ``rgba``."""
    depth: int
    """Bits of a sample, 8 to 16; above 8 a sample takes two bytes."""
    subsampling: tuple[int, int] = (1, 1)
    """Luma samples to a chroma sample, (horizontal, vertical), each 1 or 2."""

    @property
    def has_alpha(self) -> bool:
        """True when the last plane is alpha."""
        return self.planes.endswith("a")

    @property
    def is_rgb(self) -> bool:
        """True when the planes are G, B, R (and alpha)."""
        return self.planes.startswith("rgb")

    @property
    def is_grey(self) -> bool:
        """True when luma is all there is."""
        return self.planes == "y"

    @classmethod
    def of(cls, name: str) -> "PixelFormat":
        """Return the working format of FFmpeg's pixel format of that name.

        Raises:
            VideoError: FFmpeg has no such format, or its samples are no brightness (hardware surfaces, Bayer mosaics).
        """
        return _working_format(name)

    def loss_from(self, name: str) -> str:
        """Return a sentence about what is lost on the way from FFmpeg's format ``name`` to this one, or ''."""
        if name.startswith(("yuv411", "yuv410", "uyyvyy411", "yuvj411")):
            return f"pixel format {name}: chroma is interpolated to {self.name}, the nearest that encoders take."
        if "f32" in name or "f16" in name or name.startswith("xyz"):
            return f"pixel format {name} is converted to {self.name}: values are rounded to {self.depth} bits."
        return ""


@functools.cache
def _working_format(name: str) -> PixelFormat:
    from av.video.format import VideoFormat

    try:
        source = VideoFormat(name)
    except ValueError as error:
        raise VideoError(f"FFmpeg knows no pixel format {name!r}; expected one such as yuv420p.") from error
    if source.is_bayer or not source.components:
        raise VideoError(f"pixel format {name}: no planes of brightness and colour. Convert the clip to yuv420p first.")
    has_alpha = any(component.is_alpha for component in source.components)
    bits = max(component.bits for component in source.components)
    depth = min(max(bits, 8), 16)
    if name.startswith(("gray", "mono", "y8")):
        return _planar("gray", "y", depth)
    if source.is_rgb or source.has_palette or name.startswith(("ya", "xyz")):
        alpha = has_alpha or source.has_palette
        return _planar("gbrap" if alpha else "gbrp", "rgba" if alpha else "rgb", depth)
    subsampling = _subsampling(source)
    if has_alpha and _CHROMA[subsampling] == "440":
        subsampling = (1, 1)
    layout = f"yuv{'a' if has_alpha else ''}{_CHROMA[subsampling]}p"
    return _planar(layout, "yuva" if has_alpha else "yuv", depth, subsampling)


def _subsampling(source: Any) -> tuple[int, int]:
    found = (2 ** _log2_ratio(source.chroma_width), 2 ** _log2_ratio(source.chroma_height))
    return _COARSER.get(found, found)


def _log2_ratio(chroma_side: Any) -> int:
    return (1024 // int(chroma_side(1024))).bit_length() - 1


def _planar(layout: str, planes: Planes, depth: int, subsampling: tuple[int, int] = (1, 1)) -> PixelFormat:
    depth = min(known for known in _DEPTHS[layout] if known >= depth)
    name = layout if depth == 8 else f"{layout}{depth}le"
    return PixelFormat(name, planes, depth, subsampling)


def to_working(frame: "VideoFrame", working: PixelFormat) -> "VideoFrame":
    """Return a frame in its working format: itself when the planes are that already, else converted.

    Time, colour tags and the flag of interlacing stay.

    Raises:
        VideoError: FFmpeg cannot convert the frame.
    """
    if frame.format.name.replace("yuvj", "yuv") == working.name:
        return frame  # yuvj420p differs in its name alone; a conversion would squeeze its range
    try:
        full = "JPEG" if frame.format.name.startswith("yuvj") else None
        converted = frame.reformat(format=working.name, interpolation="BICUBIC", dst_color_range=full)
    except (ValueError, OSError) as error:
        message = f"a frame of {frame.format.name} cannot be converted to {working.name} ({error})."
        raise VideoError(f"{message} Convert the clip to yuv420p first.") from error
    converted.duration = frame.duration
    return converted
