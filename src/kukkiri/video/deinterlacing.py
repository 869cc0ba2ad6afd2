"""Deinterlacing by FFmpeg's bwdif: one frame out for one in, with the clock of the source."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from av.filter.graph import Graph
    from av.video.frame import VideoFrame

__all__ = ["Deinterlace", "Deinterlacer"]

Deinterlace = Literal["auto", "on", "off"]
"""``auto`` treats the frames that are flagged interlaced, ``on`` all frames, ``off`` none."""


class Deinterlacer:
    """Pass frames through bwdif from the first one that needs it; before that they pass untouched.

    bwdif needs the next frame, so that frames come one late; ``flush`` gives the last one.
    """

    def __init__(self, mode: Deinterlace) -> None:
        """Take the mode; the filter is built when the first frame needs it."""
        self._mode = mode
        self._graph: Graph | None = None
        self._time_base = Fraction(0)
        self.is_active = False
        """True when any frame was deinterlaced."""

    def push(self, frame: "VideoFrame") -> Iterator["VideoFrame"]:
        """Take a frame in presentation order and yield the frames that are ready."""
        if self._graph is None and (self._mode == "on" or (self._mode == "auto" and frame.interlaced_frame)):
            self._time_base = frame.time_base or Fraction(1)
            self._graph = _build(frame, self._time_base, every_frame=self._mode == "on")
            self.is_active = True
        if self._graph is None:
            yield frame
            return
        self._graph.push(frame)
        yield from self._pull()

    def flush(self) -> Iterator["VideoFrame"]:
        """Yield the frames that are still inside."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pull()
            self._graph = None

    def _pull(self) -> Iterator["VideoFrame"]:
        from av.video.frame import VideoFrame

        while self._graph is not None:
            try:
                frame = self._graph.pull()
            except (BlockingIOError, EOFError):  # no frame is ready, or no more come
                return
            if isinstance(frame, VideoFrame):
                yield self._retimed(frame)

    def _retimed(self, frame: "VideoFrame") -> "VideoFrame":
        """Undo the filter's clock, which ticks twice as fast as the source's."""
        ratio = (frame.time_base or self._time_base) / self._time_base
        if frame.pts is not None:
            frame.pts = round(frame.pts * ratio)
        frame.duration = round(frame.duration * ratio)
        frame.time_base = self._time_base
        return frame


def _build(frame: "VideoFrame", time_base: Fraction, *, every_frame: bool) -> "Graph":
    from av.filter.graph import Graph

    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, name="in", time_base=time_base
    )
    treated = "all" if every_frame else "interlaced"
    bwdif = graph.add("bwdif", f"mode=send_frame:parity=auto:deint={treated}")
    graph.link_nodes(source, bwdif, graph.add("buffersink")).configure()
    return graph
