"""Sample formats compared: which of an encoder's keeps most of what the frames hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["SampleFormat", "convert", "describe_loss", "find_nearest"]

_HARDWARE = ("cuda", "qsv", "amf", "vaapi", "d3d11", "d3d12", "vulkan", "videotoolbox_vld", "drm_prime", "mediacodec")


@dataclass(frozen=True)
class SampleFormat:
    """Range and precision of a sample format."""

    name: str
    """libav's."""
    depth: int
    """Bits of a sample."""
    rgb: bool
    """RGB, not luma and chroma."""
    grey: bool
    """Luma alone."""
    alpha: bool
    """With transparency."""
    subsampling: tuple[int, int]
    """Luma samples for one chroma sample: (down, across)."""
    packed: bool
    """Not one plane for each component."""

    @staticmethod
    @cache
    def of(name: str) -> "SampleFormat":
        """Read libav's description of a format.

        Raises:
            ValueError: there is none of that name.
        """
        import av

        found = av.VideoFormat(name)
        parts = found.components
        rgb = found.is_rgb or found.has_palette
        alpha = any(part.is_alpha for part in parts) or found.has_palette
        colours = [part for part in parts if not part.is_alpha]
        grey = len(colours) == 1 and not rgb
        across, down = (1, 1) if rgb or grey else (16 // found.chroma_width(16), 16 // found.chroma_height(16))
        return SampleFormat(
            name=name,
            depth=max((part.bits for part in parts), default=8),
            rgb=rgb,
            grey=grey,
            alpha=alpha,
            subsampling=(down, across),
            packed=len({part.plane for part in parts}) < len(parts),
        )


def find_nearest(wanted: SampleFormat, names: Iterable[str]) -> str:
    """Find the format that keeps most of ``wanted``, and of those the smallest.

    Args:
        wanted: what the frames hold.
        names: of the encoder's formats, at least one.
    """
    usable = [name for name in names if name not in _HARDWARE]
    if wanted.name in usable:
        return wanted.name
    return min(map(SampleFormat.of, usable), key=lambda found: _count_losses(wanted, found)).name


def describe_loss(wanted: SampleFormat, found: SampleFormat, *, where: str) -> list[str]:
    """Describe in a sentence each what is lost when frames are converted; nothing for what is not."""
    lost = []
    if wanted.alpha and not found.alpha:
        lost.append(f"transparency is dropped: {where} cannot hold it.")
    if wanted.depth > found.depth:
        lost.append(f"{wanted.depth} bits are rounded to {found.depth}: {where} cannot hold more.")
    if wanted.rgb and not found.rgb:
        lost.append(f"RGB is converted to {found.name}: {where} cannot hold it.")
    elif _is_coarser(found, wanted):
        lost.append(f"chroma is subsampled ({wanted.name} to {found.name}): {where} cannot hold it.")
    return lost


def convert(frame: "VideoFrame", pix_fmt: str, *, matrix: int | None) -> "VideoFrame":
    """Convert a frame to another sample format; its time stays.

    Args:
        frame: any.
        pix_fmt: libav's name.
        matrix: of the result (H.273) where that is not the frame's: from RGB or to it.
    """
    if frame.format.name == pix_fmt:
        return frame
    if SampleFormat.of(frame.format.name).grey and not SampleFormat.of(pix_fmt).grey:
        frame = _add_chroma(frame)
    if matrix is None:
        converted = frame.reformat(format=pix_fmt)
    else:
        converted = frame.reformat(
            format=pix_fmt,
            dst_colorspace=matrix if matrix else None,
            dst_color_range="JPEG" if matrix == 0 else "MPEG",
        )
    converted.duration = frame.duration
    return converted


def _add_chroma(frame: "VideoFrame") -> "VideoFrame":
    """Add neutral chroma to grey; libav would change the range of luma."""
    import av

    from kukkiri.video.planes import view_planes

    depth = SampleFormat.of(frame.format.name).depth
    made = av.VideoFrame(frame.width, frame.height, "yuv420p" if depth == 8 else f"yuv420p{depth}le")
    luma, *chroma = view_planes(made)
    luma[:] = view_planes(frame)[0]
    for plane in chroma:
        plane[:] = 1 << (depth - 1)
    made.pts, made.time_base, made.duration = frame.pts, frame.time_base, frame.duration
    made.color_range = frame.color_range
    return made


def _is_coarser(found: SampleFormat, wanted: SampleFormat) -> bool:
    pairs = zip(found.subsampling, wanted.subsampling, strict=True)
    return (found.grey and not wanted.grey) or (not wanted.grey and any(a > b for a, b in pairs))


def _count_chroma(wanted: SampleFormat, found: SampleFormat) -> int:
    """Superfluous chroma samples: for grey the coarsest chroma is best."""
    samples = found.subsampling[0] * found.subsampling[1]
    return -samples if wanted.grey else abs(samples - wanted.subsampling[0] * wanted.subsampling[1])


def _count_losses(wanted: SampleFormat, found: SampleFormat) -> tuple[int, ...]:
    """Losses first, then waste: tuples of the better format are smaller."""
    return (
        int(found.grey and not wanted.grey),
        int(wanted.alpha and not found.alpha),
        max(0, wanted.depth - found.depth),
        int(wanted.rgb != found.rgb),
        int(_is_coarser(found, wanted)),
        int(found.alpha and not wanted.alpha),
        found.depth - wanted.depth,
        int(wanted.grey and not found.grey),
        _count_chroma(wanted, found),
        int(found.name.startswith("yuvj") or found.name in ("nv21", "p016le", "p216le")),
        int(found.packed),
    )
