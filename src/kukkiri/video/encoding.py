"""Frames to packets, in segments: the encoder begins anew at each, so that a run can go on at any of them.

Encoders count frames here, not time: each is given frames 0, 1, 2, ... and its packets get the source's timestamps
afterwards. So a variable frame rate cannot confuse one, and the decoding timestamps rise across segments: that of
packet k is the time of frame k - d, where d is the number of frames that the encoder reorders.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from kukkiri.errors import BackendError
from kukkiri.video.encoders import EncoderChoice
from kukkiri.video.journal import EncodedPacket
from kukkiri.video.sample_formats import convert

if TYPE_CHECKING:
    import av

__all__ = ["ALPHA_SIDE_DATA", "SEGMENT_KEYFRAMES", "SegmentClock", "SegmentedEncoder", "find_time"]

ALPHA_SIDE_DATA: Final = "matroska_block_additional"
"""libav's name of the second packet that holds the transparency of VP9."""
SEGMENT_KEYFRAMES = 2
"""Keyframe distances in a segment; with the usual 2 s a killed run loses at most 4 s of film."""


def find_time(frame: "av.VideoFrame") -> int:
    """The timestamp of a frame, which must have one: a source gives it.

    Raises:
        ValueError: it has none.
    """
    if frame.pts is None:
        raise ValueError("a frame without a timestamp; the source gives every frame one")
    return frame.pts


class SegmentClock:
    """Finds the frames that begin a segment, by their timestamps alone: every run finds the same."""

    def __init__(self, *, keyframe_seconds: float, time_base: Fraction) -> None:
        """Take the length of a segment from the distance of keyframes in seconds and the unit of timestamps."""
        self._length = Fraction(keyframe_seconds) * SEGMENT_KEYFRAMES / time_base
        self._start: int | None = None

    def begins(self, pts: int) -> bool:
        """True when the frame at ``pts``, the next in order of presentation, begins a segment."""
        if self._start is not None and pts - self._start < self._length:
            return False
        self._start = pts
        return True


class SegmentedEncoder:
    """An encoder that begins anew at each segment."""

    def __init__(
        self,
        choice: EncoderChoice,
        *,
        time_base: Fraction,
        configure: "Callable[[av.VideoCodecContext], None]",
        first: "av.VideoCodecContext | None" = None,
        frames: int = 0,
        packets: int = 0,
        last_pts: Sequence[int] = (),
    ) -> None:
        """Begin at a frame that begins a segment.

        Args:
            choice: the encoder.
            time_base: unit of the timestamps of frames and packets, in seconds.
            configure: sets the colours of every encoder that is opened.
            first: an open encoder for the first segment.
            frames: frames of earlier segments.
            packets: packets of earlier segments.
            last_pts: timestamps of the last of them, ascending; as many as the encoder reorders suffice.
        """
        self._choice = choice
        self._configure = configure
        self._context = first
        self._tick = 1 / choice.rate
        self._step = max(1, round(self._tick / time_base))
        self._frames = frames
        self._packets = packets
        self._last_duration = self._step
        self._pts = deque(last_pts)
        self._durations = deque([0] * len(self._pts))
        self._first = frames - len(self._pts)

    @property
    def frames(self) -> int:
        """Frames since the beginning of the clip."""
        return self._frames

    def encode(self, frame: "av.VideoFrame") -> Iterator[EncodedPacket]:
        """Encode the next frame in order of presentation; its timestamps rise.

        Raises:
            BackendError: the encoder failed.
        """
        import av
        from av.video.frame import PictureType

        if self._context is None:
            self._context = self._choice.open(configure=self._configure)
        pts = find_time(frame)
        if self._frames == 0:
            self._pts.extend(pts - self._step * number for number in range(self._choice.delay, 0, -1))
            self._durations.extend([0] * self._choice.delay)
            self._first = -self._choice.delay
        self._pts.append(pts)
        self._durations.append(frame.duration or 0)
        given = convert(frame, self._choice.pix_fmt, matrix=self._choice.matrix)
        kept = given.pts, given.time_base
        given.pts, given.time_base, given.pict_type = self._frames, self._tick, PictureType.NONE
        self._frames += 1
        try:
            packets = self._context.encode(given)
        except av.FFmpegError as error:
            raise BackendError(f"{self._choice.name} failed at frame {self._frames} ({error.strerror}).") from error
        finally:
            given.pts, given.time_base = kept
        return self._stamp(packets)

    def end_segment(self) -> Iterator[EncodedPacket]:
        """Give the packets that the encoder still holds; the next frame goes to a new one.

        Raises:
            BackendError: the encoder failed.
        """
        import av

        context, self._context = self._context, None
        if context is None:
            return iter(())
        try:
            packets = context.encode(None)
        except av.FFmpegError as error:
            raise BackendError(f"{self._choice.name} failed at frame {self._frames} ({error.strerror}).") from error
        return self._stamp(packets)

    def _stamp(self, packets: "Sequence[av.Packet[Any]]") -> Iterator[EncodedPacket]:
        """Give packets the source's timestamps."""
        for packet in packets:
            if packet.pts is None:
                raise BackendError(f"{self._choice.name} gives packets without a time. Choose another encoder.")
            place = packet.pts - self._first
            pts, dts = self._pts[place], self._pts[self._packets - self._choice.delay - self._first]
            if dts > pts:
                raise BackendError(
                    f"{self._choice.name} reorders more than {self._choice.delay} frames. Set bf=0 among its options."
                )
            self._last_duration = self._find_duration(place)
            alpha = bytes(packet.get_sidedata(ALPHA_SIDE_DATA))
            yield EncodedPacket(pts, dts, self._last_duration, packet.is_keyframe, bytes(packet), alpha)
            self._packets += 1
            while self._first < self._packets - self._choice.delay - _KEPT:
                self._pts.popleft()
                self._durations.popleft()
                self._first += 1

    def _find_duration(self, place: int) -> int:
        """The time to the next frame, else what the frame says; both in units of the time base."""
        if place + 1 < len(self._pts):
            return self._pts[place + 1] - self._pts[place]
        return self._durations[place] or self._last_duration


_KEPT = 32
"""Frames whose times are kept behind the newest packet; more than any encoder reorders."""
