"""A short film for a page: all versions of each frame stacked in one video, so that they can never be out of step."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from kukkiri.errors import BackendError, require

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

__all__ = ["Film", "FilmRecorder"]

_LIMIT = (1280, 720)  # width and height of the part that is shown of larger frames, in pixels
_TALLEST = 4320  # pixels of the stack
_ALIGNED = 16  # the blocks of the encoder, which must not mix two versions
_CLOCK = 90_000  # ticks a second
_BT709, _LIMITED = 1, 1


@dataclass(frozen=True)
class Film:
    """Versions of a clip, one above the other in each frame."""

    mp4: bytes
    """H.264, 8 bits, 4:2:0."""
    labels: tuple[str, ...]
    """From the top."""
    size: tuple[int, int]
    """(height, width) of one version."""
    rows: int
    """Pixels from the top of a version to the top of the next."""
    times: tuple[float, ...]
    """Seconds at which the frames are shown, the first at 0."""
    begin: float
    """Seconds of the first frame in the clip."""
    part: tuple[int, int, int, int] | None = None
    """(top, left, height, width) of the part of the frames that is shown; ``None``: all."""
    complete: bool = True
    """All frames that were scored are in it."""


class FilmRecorder:
    """Collects the frames of a film; those beyond its limit of bytes are left out."""

    def __init__(self, labels: Sequence[str], *, size: tuple[int, int], budget: int = 12_000_000) -> None:
        """Choose the part that is shown.

        Args:
            labels: of the versions, from the top.
            size: (height, width) of each frame.
            budget: bytes of the film, about.

        Raises:
            BackendError: the extra ``video`` is missing.
        """
        require("av", for_what="a film on a page")
        height, width = size
        self._labels, self._budget = tuple(labels), budget
        longest = (min(_LIMIT[1], _TALLEST // len(labels)), _LIMIT[0])
        shown = tuple(min(side, limit) // 2 * 2 for side, limit in zip(size, longest, strict=True))
        top, left = ((side - part) // 4 * 2 for side, part in zip(size, shown, strict=True))
        self._part = (top, left, shown[0], shown[1])
        self._whole = (height // 2 * 2, width // 2 * 2) == shown
        self._rows = -(-shown[0] // _ALIGNED) * _ALIGNED
        self._file = io.BytesIO()
        self._stream: VideoStream | None = None
        self._container: av.container.OutputContainer | None = None
        self._times: list[float] = []
        self._bytes, self._begin, self._complete = 0, 0.0, True

    def take(self, seconds: float, versions: "Sequence[av.VideoFrame]") -> None:
        """Add a frame in all versions, shown at ``seconds``."""
        if self._bytes > self._budget:
            self._complete = False
            return
        if not self._times:
            self._begin = seconds
        shown = max(seconds - self._begin, self._times[-1] + 1 / _CLOCK if self._times else 0.0)
        frame = self._stack([_to_yuv420(version) for version in versions])
        self._times.append(shown)
        frame.pts, frame.time_base = round(shown * _CLOCK), Fraction(1, _CLOCK)
        self._write(frame)

    def finish(self) -> Film:
        """End the film.

        Raises:
            BackendError: no frame was taken.
        """
        if self._container is None:
            raise BackendError("a film of no frames cannot be made. Score at least one.")
        self._write(None)
        self._container.close()
        return Film(
            self._file.getvalue(),
            self._labels,
            self._part[2:],
            self._rows,
            tuple(self._times),
            self._begin,
            None if self._whole else self._part,
            self._complete,
        )

    def _stack(self, versions: "Sequence[av.VideoFrame]") -> "av.VideoFrame":
        from kukkiri.video.planes import new_frame, view_planes  # av

        top, left, height, width = self._part
        stack = new_frame(width, self._rows * len(versions), "yuv420p")
        targets = view_planes(stack)
        for number, version in enumerate(versions):
            for place, (target, plane) in enumerate(zip(targets, view_planes(version), strict=True)):
                by = 2 if place else 1
                first, rows = number * self._rows // by, self._rows // by
                part = plane[top // by : (top + height) // by, left // by : (left + width) // by]
                target[first : first + part.shape[0]] = part
                target[first + part.shape[0] : first + rows] = part[-1]
        stack.colorspace, stack.color_range = versions[0].colorspace, versions[0].color_range
        return stack

    def _write(self, frame: "av.VideoFrame | None") -> None:
        stream = self._open(frame) if frame is not None and self._stream is None else self._stream
        if stream is None or self._container is None:
            return
        for packet in stream.encode(frame):
            self._bytes += packet.size
            self._container.mux(packet)

    def _open(self, frame: "av.VideoFrame") -> "VideoStream":
        import av

        self._container = av.open(self._file, "w", format="mp4")
        options = {"preset": "veryfast", "crf": "16", "bf": "0", "g": "24"}
        stream = self._container.add_stream("libx264", options=options)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, _CLOCK)
        stream.codec_context.framerate = Fraction(25)
        stream.codec_context.colorspace, stream.codec_context.color_range = frame.colorspace, frame.color_range
        self._stream = stream
        return stream


def _to_yuv420(frame: "av.VideoFrame") -> "av.VideoFrame":
    """Convert to what every browser shows; YUV keeps its matrix and range."""
    name = frame.format.name
    if name in ("yuv420p", "yuvj420p"):
        return frame
    if name.startswith(("gbr", "rgb")):
        converted = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        converted.colorspace, converted.color_range = _BT709, _LIMITED
        return converted
    return frame.reformat(format="yuv420p")
