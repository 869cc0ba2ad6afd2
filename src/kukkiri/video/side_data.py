"""Data that decoded frames carry beside their pixels: the display matrix, HDR10 blocks, and what cannot be kept."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = [
    "LOST",
    "ContentLight",
    "MasteringDisplay",
    "read_content_light",
    "read_display_matrix",
    "read_mastering_display",
    "side_data_of",
]

LOST: Mapping[str, str] = {
    "A53_CC": "closed captions inside the video stream",
    "DOVI_METADATA": "the Dolby Vision layer",
    "DOVI_RPU_BUFFER": "the Dolby Vision layer",
    "DYNAMIC_HDR_PLUS": "HDR10+ dynamic metadata",
    "DYNAMIC_HDR_VIVID": "HDR Vivid dynamic metadata",
    "ICC_PROFILE": "the frames' ICC profile",
    "SPHERICAL": "the tag of spherical (360 degree) video",
    "STEREO3D": "the tag of stereoscopic video",
}
"""Types of side data that no encoder here writes, and the words for them in a note."""

_UNITS = {"chromaticity": 50_000, "luminance": 10_000}
"""Steps of x265's integers: of 0.00002 in x and y, and of 0.0001 candela per square metre."""


@dataclass(frozen=True)
class MasteringDisplay:
    """Colour volume of the display that a film was graded on (SMPTE ST 2086)."""

    red: tuple[Fraction, Fraction]
    """Chromaticity (x, y), each in [0, 1]."""
    green: tuple[Fraction, Fraction]
    """Chromaticity (x, y), each in [0, 1]."""
    blue: tuple[Fraction, Fraction]
    """Chromaticity (x, y), each in [0, 1]."""
    white: tuple[Fraction, Fraction]
    """Chromaticity (x, y) of the white point, each in [0, 1]."""
    max_luminance: Fraction
    """Brightest white, in candela per square metre."""
    min_luminance: Fraction
    """Darkest black, in candela per square metre."""

    def as_x265(self) -> str:
        """Return the value of x265's ``master-display``, such as ``G(13250,34500)B(...)R(...)WP(...)L(10000000,1)``."""
        points = [
            f"{name}({_steps(x, 'chromaticity')},{_steps(y, 'chromaticity')})"
            for name, (x, y) in zip(("G", "B", "R", "WP"), self._points(), strict=True)
        ]
        light = f"L({_steps(self.max_luminance, 'luminance')},{_steps(self.min_luminance, 'luminance')})"
        return "".join([*points, light])

    def as_svtav1(self) -> str:
        """Return the value of SVT-AV1's ``mastering-display``, such as ``G(0.26500,0.69000)...L(1000.0000,0.0001)``."""
        points = [
            f"{name}({float(x):.5f},{float(y):.5f})"
            for name, (x, y) in zip(("G", "B", "R", "WP"), self._points(), strict=True)
        ]
        return "".join([*points, f"L({float(self.max_luminance):.4f},{float(self.min_luminance):.4f})"])

    def _points(self) -> tuple[tuple[Fraction, Fraction], ...]:
        return self.green, self.blue, self.red, self.white


@dataclass(frozen=True)
class ContentLight:
    """Brightness of a film (CTA-861.3), in candela per square metre."""

    max_content: int
    """Brightest pixel (MaxCLL)."""
    max_average: int
    """Highest mean of a frame (MaxFALL)."""

    def as_x265(self) -> str:
        """Return the value of x265's ``max-cll``, such as ``1000,400``."""
        return f"{self.max_content},{self.max_average}"

    as_svtav1 = as_x265
    """SVT-AV1's ``content-light`` is written alike."""


def _steps(value: Fraction, unit: str) -> int:
    return round(value * _UNITS[unit])


def side_data_of(frame: "VideoFrame") -> dict[str, bytes]:
    """Return all side data of a frame, by FFmpeg's name such as ``DISPLAYMATRIX``.

    The container is walked by its keys: those are the data themselves, and plain iteration fails in PyAV 18.
    """
    container: Any = frame.side_data
    if not len(container):
        return {}
    return {data.type.name: bytes(data) for data in container.keys()}  # noqa: SIM118


def read_display_matrix(side_data: Mapping[str, bytes]) -> tuple[int, ...] | None:
    """Return the nine numbers of a display matrix, which turn and mirror a frame for display, or None.

    Numbers are fixed point: 16.16, the third column 2.30 (``av_display_rotation_get`` of FFmpeg).
    """
    data = side_data.get("DISPLAYMATRIX")
    return None if data is None or len(data) < 36 else struct.unpack("=9i", data[:36])


def read_mastering_display(side_data: Mapping[str, bytes]) -> MasteringDisplay | None:
    """Return the mastering display of HDR10, or None where it is missing or incomplete.

    FFmpeg's ``AVMasteringDisplayMetadata``: ten fractions (R, G, B, white, each x and y; darkest, brightest), then two
    flags: primaries given, luminance given.
    """
    data = side_data.get("MASTERING_DISPLAY_METADATA")
    if data is None or len(data) < 88:
        return None
    *numbers, has_primaries, has_luminance = struct.unpack("=22i", data[:88])
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not (has_primaries and has_luminance) or any(divisor == 0 for _, divisor in pairs):
        return None
    values = [Fraction(number, divisor) for number, divisor in pairs]
    red, green, blue, white = ((values[i], values[i + 1]) for i in (0, 2, 4, 6))
    return MasteringDisplay(red, green, blue, white, max_luminance=values[9], min_luminance=values[8])


def read_content_light(side_data: Mapping[str, bytes]) -> ContentLight | None:
    """Return the content light level of HDR10, or None where it is missing or zero."""
    data = side_data.get("CONTENT_LIGHT_LEVEL")
    if data is None or len(data) < 8:
        return None
    light = ContentLight(*struct.unpack("=2I", data[:8]))
    return light if light.max_content or light.max_average else None
