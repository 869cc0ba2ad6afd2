"""Decoded frames to larger frames: planes in, planes out, everything else of a frame as it was."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kukkiri.errors import VideoError
from kukkiri.inference import Upscaler
from kukkiri.inference.engine import count_usable_threads
from kukkiri.inference.flat_regions import SkipStatistics
from kukkiri.video.clip_info import VideoInfo
from kukkiri.video.groups import Check
from kukkiri.video.layouts import Kind, PlaneLayout
from kukkiri.video.matrices import guess_matrix
from kukkiri.video.pipeline import run_in_order
from kukkiri.video.plane_upscaler import PlaneUpscaler, Prepared
from kukkiri.video.planes import Plane, new_frame, view_planes

if TYPE_CHECKING:
    import av

__all__ = ["FrameUpscaler", "Upscaled", "find_layout", "upscale_frames"]

_SITINGS = {
    # across and down, in halves of the pixels that share a chroma sample
    "left": (-1, 0),
    "center": (0, 0),
    "topleft": (-1, -1),
    "top": (0, -1),
    "bottomleft": (-1, 1),
    "bottom": (0, 1),
}
_LIMITED = 1


@dataclass(frozen=True)
class Upscaled:
    """A result and the frame that it was made of."""

    frame: "av.VideoFrame"
    """Its planes must not be written to: parts of the next result are copied from them."""
    reused: float
    """Share of the frame whose result was copied from the result before, [0, 1]."""
    source: "av.VideoFrame"


@dataclass(frozen=True)
class _Started:
    """A frame on its way, the frame that it is compared with, and the frame that is written."""

    source: "av.VideoFrame"
    before: "av.VideoFrame | None"
    target: "av.VideoFrame"
    upscaler: PlaneUpscaler


class FrameUpscaler:
    """Upscales the frames of a clip.

    Frames of another size in the middle of a clip, as transport streams have them, become as large as the others.
    """

    def __init__(self, upscaler: Upscaler, info: VideoInfo, *, reuse: bool = True) -> None:
        """Plan the work.

        Args:
            upscaler: any, best with one thread, for there are several frames in work.
            info: of the clip.
            reuse: copy what did not change since the frame before.

        Raises:
            ConfigError: an option that makes no sense for clips, or the aspect does not fit the size asked for.
            ModelError: the networks for this size cannot be loaded.
        """
        self.layout, notes = find_layout(info, needs_matrix=_is_rgb(upscaler))
        self.reuse = reuse
        self._upscaler = upscaler
        self._first = PlaneUpscaler(upscaler, self.layout, (info.height, info.width))
        self._others: dict[tuple[int, int], PlaneUpscaler] = {}
        self._skipped = SkipStatistics()
        self._notes = [*self._first.notes, *notes]
        self.output_format = info.pixel_format.name
        """Pixel format of the results: that of the frames."""
        height, width = self._first.output_size
        self.output_size = (width, height)
        """(width, height) of the results."""

    @property
    def notes(self) -> list[str]:
        """Lines for the user; complete after the run."""
        return [*self._notes, *([self._skipped.note()] if self._skipped.total else [])]

    def upscale(
        self, frame: "av.VideoFrame", previous: "tuple[av.VideoFrame, av.VideoFrame] | None" = None
    ) -> Upscaled:
        """Upscale one frame in the calling thread.

        Args:
            frame: in the pixel format of the clip.
            previous: the frame before it and its result, to reuse what did not change.
        """
        started = self.start(frame, previous[0] if previous else None)
        prepared = self.prepare(started)
        return self.finish(started, prepared, previous[1] if previous else None)

    def start(self, frame: "av.VideoFrame", before: "av.VideoFrame | None") -> _Started:
        """Choose what a frame is compared with, and make the frame that is written."""
        upscaler = self._suited((frame.height, frame.width))
        comparable = before is not None and self.reuse and (before.height, before.width) == upscaler.size
        width, height = self.output_size
        return _Started(frame, before if comparable else None, new_frame(width, height, self.output_format), upscaler)

    def prepare(self, started: _Started, check: Check = lambda: None) -> Prepared:
        """Compute what differs from the frame before; safe in several threads."""
        before = None if started.before is None else self._view(started.before)
        return started.upscaler.prepare(self._view(started.source), before, view_planes(started.target), check=check)

    def finish(self, started: _Started, prepared: Prepared, before: "av.VideoFrame | None") -> Upscaled:
        """Complete the result with the one before, in the order of the frames."""
        source, target = started.source, started.target
        started.upscaler.compose(prepared, view_planes(target), None if before is None else view_planes(before))
        self._skipped.add(prepared.skipped)
        target.pts, target.time_base = source.pts, source.time_base
        if source.duration:
            target.duration = source.duration
        for tag in ("color_range", "colorspace", "color_primaries", "color_trc"):
            setattr(target, tag, getattr(source, tag))
        return Upscaled(target, prepared.reused, source)

    def _suited(self, size: tuple[int, int]) -> PlaneUpscaler:
        if size == self._first.size:
            return self._first
        if size not in self._others:
            output_size = (self.output_size[1], self.output_size[0])
            self._others[size] = PlaneUpscaler(self._upscaler, self.layout, size, output_size=output_size)
            self._notes.append(f"some frames are {size[1]}x{size[0]}; they were made as large as the others")
        return self._others[size]

    def _view(self, frame: "av.VideoFrame") -> "list[Plane]":
        if frame.format.name.replace("yuvj", "yuv") != self.output_format:
            raise VideoError(
                f"a frame of the pixel format {frame.format.name} in a clip of {self.output_format}. "
                "Convert the clip to one pixel format first."
            )
        return view_planes(frame)


def upscale_frames(
    frames: "Iterable[av.VideoFrame]",
    upscaler: FrameUpscaler,
    *,
    workers: int | None = None,
    begins: "Callable[[av.VideoFrame], bool] | None" = None,
) -> Generator[Upscaled, None, None]:
    """Upscale frames in several threads; results come in order.

    Args:
        frames: read in the calling thread, at most ``workers + AHEAD`` before the result that is handed out.
        upscaler: of the clip.
        workers: frames in work at one time; by default one for each usable core.
        begins: called once for each frame in order; true when it must not depend on the frame before, such as the
            first of a segment that can be made again.

    Yields:
        For each frame its result. Exceptions of frames and of workers are raised here; closing ends the threads.
    """
    result: list[av.VideoFrame] = []

    def begin() -> Iterator[_Started]:
        before: av.VideoFrame | None = None
        try:
            for frame in frames:
                alone = begins is not None and begins(frame)
                yield upscaler.start(frame, None if alone else before)
                before = frame
        finally:
            close = getattr(frames, "close", None)
            if close is not None:
                close()

    def finish(started: _Started, prepared: Prepared) -> Upscaled:
        upscaled = upscaler.finish(started, prepared, result[0] if result else None)
        result[:] = [upscaled.frame]
        return upscaled

    return run_in_order(
        begin(),
        lambda item, check: lambda: upscaler.prepare(item, check),
        finish,
        workers=workers or count_usable_threads(),
    )


def find_layout(info: VideoInfo, *, needs_matrix: bool) -> tuple[PlaneLayout, list[str]]:
    """Describe the planes of a clip.

    Args:
        info: of the clip.
        needs_matrix: the colours will be converted, so that a guess of the matrix is worth a note.

    Returns:
        The layout, and notes for the user.
    """
    pixels = info.pixel_format
    kind: Kind = "rgb" if pixels.is_rgb else "grey" if pixels.is_grey else "yuv"
    across, down = pixels.subsampling
    right, below = _SITINGS.get(info.chroma_location, _SITINGS["left"])
    matrix, note = guess_matrix(info.colourspace, (info.height, info.width))
    layout = PlaneLayout(
        kind=kind,
        depth=pixels.depth,
        subsampling=(across, down),
        has_alpha=pixels.has_alpha,
        full_range=info.full_range or (pixels.is_grey and info.colour_range != _LIMITED),
        matrix=matrix,
        siting=(right * (across - 1) / 2, below * (down - 1) / 2),
    )
    return layout, [note] if note and needs_matrix and kind == "yuv" else []


def _is_rgb(upscaler: Upscaler) -> bool:
    return bool(upscaler.engines) and upscaler.engines[0].info.colour == "rgb"
