"""A clip that is being written: a file that plays at any moment, its journal beside it, and the end of both.

``larger.mkv`` is written as ``larger.part.mkv`` and takes its name when it is complete. A run that goes on writes the
finished part again, from the journal, into a second file; the first one stays until that has caught up.
"""

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kukkiri.errors import ConfigError, VideoError, make_printable
from kukkiri.video.encoders import EncoderChoice
from kukkiri.video.encoding import ALPHA_SIDE_DATA, SegmentClock, SegmentedEncoder, find_time
from kukkiri.video.journal import EncodedPacket, Journal, JournalState, read_journal
from kukkiri.video.mp4_boxes import free_empty_video_tracks

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

__all__ = ["PartialFiles", "VideoSink", "is_partial"]

_PART = ".part"
_MOVFLAGS = "+hybrid_fragmented+delay_moov"
"""Fragments while it is written, an ordinary file afterwards; with B-frames video does not begin late."""
_MOVIE_TIMESCALE = "90000"
"""Edit lists of MP4 are written in this unit; by default it is a millisecond, which shifts video against audio."""
_WAITING = 2_000_000
"""Microseconds that packets of one stream wait for those of another, so that what is done reaches the file."""


def is_partial(path: Path) -> bool:
    """True for the name of an unfinished clip of a run, or of the journal of one."""
    name = path.name.removesuffix(".journal")
    return Path(name).stem.endswith((_PART, f"{_PART}-2"))


@dataclass(frozen=True)
class PartialFiles:
    """The files that stand for an unfinished clip, beside it."""

    target: Path
    """The clip, links followed."""

    @classmethod
    def of(cls, path: Path) -> "PartialFiles":
        """Name the files beside a clip."""
        return cls(Path(os.path.realpath(path)))

    @property
    def clip(self) -> Path:
        """The part that is done, which plays."""
        return self.target.with_name(f"{self.target.stem}{_PART}{self.target.suffix}")

    @property
    def second(self) -> Path:
        """The file that a resumed run writes until it has caught up."""
        return self.target.with_name(f"{self.target.stem}{_PART}-2{self.target.suffix}")

    @property
    def journal(self) -> Path:
        """All encoded packets, for resuming."""
        return self.clip.with_name(f"{self.clip.name}.journal")

    def find_state(self, *, identity: Mapping[str, Any], resume: bool, overwrite: bool) -> JournalState | None:
        """Find the state that a run goes on from; ``None``: it begins anew.

        Args:
            identity: what the frames and packets are made of; a run goes on only with the same.
            resume: go on when there is something.
            overwrite: begin anew when there is something.

        Raises:
            ConfigError: there is an unfinished clip and neither was asked for, or it was made of something else.
        """
        state = read_journal(self.journal)
        name = make_printable(self.clip)
        if resume and state is not None:
            changed = sorted(key for key in {*identity, *state.header} if identity.get(key) != state.header.get(key))
            if not changed:
                return state
            if not overwrite:
                raise ConfigError(
                    f"{name}: was made with another {' and '.join(changed)}. Give what it was made with, or begin anew "
                    f"by overwriting."
                )
        elif not overwrite and self.clip.exists():
            if state is None:
                raise ConfigError(
                    f"{name}: is of an interrupted run, whose journal is missing. Overwrite to begin anew."
                )
            raise ConfigError(
                f"{name}: holds {state.frames} frames of an interrupted run. Resume it, or overwrite to begin anew."
            )
        return None

    def remove_clips(self) -> None:
        """Delete what plays."""
        for path in (self.clip, self.second):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete all of them."""
        with suppress(OSError):
            self.remove_clips()
        with suppress(OSError):
            self.journal.unlink(missing_ok=True)


class VideoSink:
    """Writes a clip; use it in a ``with`` statement, and call :meth:`finish` when all frames are written.

    When the block ends without, the unfinished clip and its journal stay, unless they hold no frame.
    """

    def __init__(
        self,
        path: Path,
        *,
        choice: EncoderChoice,
        time_base: Fraction,
        identity: Mapping[str, Any],
        state: JournalState | None = None,
        overwrite: bool = False,
    ) -> None:
        """Open the files.

        Args:
            path: the clip.
            choice: the encoder.
            time_base: unit of the frames' timestamps in seconds.
            identity: what frames and packets are made of, JSON; a later run goes on only with the same.
            state: the finished part that this run goes on from.
            overwrite: an existing clip may be replaced.

        Raises:
            VideoError: a file cannot be written.
        """
        import av

        self._path, self._choice, self._overwrite = path, choice, overwrite
        self._files = PartialFiles.of(path)
        self._state = state
        self._frames = self._recorded = state.frames if state is not None else 0
        self._waiting: Iterator[EncodedPacket] | None = None if state is None else state.read()
        self._clock = SegmentClock(keyframe_seconds=choice.keyframe_seconds, time_base=time_base)
        self._done = False
        with self.explained():
            if state is None:
                self._files.remove_clips()  # a journal without its clip is nothing, a clip without its journal puzzling
            self._journal = Journal(self._files.journal, identity, state=state)
            try:
                both = state is not None and self._files.clip.exists()
                self._writing = self._files.second if both else self._files.clip
                options = {"flush_packets": "1", "max_interleave_delta": str(_WAITING)}
                if choice.container in ("mp4", "mov"):
                    options |= {"movflags": _MOVFLAGS, "movie_timescale": _MOVIE_TIMESCALE}
                self.container: OutputContainer = av.open(
                    str(self._writing), "w", format=choice.container, options=options
                )
            except BaseException:
                self._journal.close()
                raise
        self._time_base = time_base
        self.stream = self._add_stream()
        """The video stream; set its tags and those of the container before :meth:`start`."""
        self._configure: Callable[[av.VideoCodecContext], None] = lambda context: None
        self._encoder: SegmentedEncoder | None = None

    @property
    def frames(self) -> int:
        """Frames since the beginning of the clip that were written, in this run or before."""
        return self._frames

    @property
    def keyframe_seconds(self) -> float:
        """Longest distance between two keyframes; segments are a multiple of it."""
        return self._choice.keyframe_seconds

    @property
    def skipped(self) -> int:
        """Frames at the beginning of the clip that an earlier run wrote: the first frame to write is the next."""
        return 0 if self._state is None else self._state.frames

    @property
    def partial(self) -> Path:
        """The unfinished clip."""
        return self._writing

    def start(self, configure: "Callable[[av.VideoCodecContext], None]") -> None:
        """Write the header; all streams were added before.

        Args:
            configure: sets the colours and the aspect of a sample of every encoder that is opened.

        Raises:
            VideoError: the container refuses a stream, or the disk is full.
            ConfigError: the unfinished clip is of another version of the encoder.
        """
        configure(self.stream.codec_context)
        self._configure = configure
        with self.explained():
            self.container.start_encoding()
        self._encoder = SegmentedEncoder(
            self._choice,
            time_base=self._time_base,
            configure=configure,
            first=self.stream.codec_context,
            frames=self._frames,
            packets=0 if self._state is None else self._state.packets,
            last_pts=() if self._state is None else self._state.last_pts,
        )

    def pass_over(self, pts: int) -> None:
        """Take note of the next frame of an earlier run, and copy its packets from the journal into the file.

        Raises:
            VideoError: the disk is full, or the journal is damaged.
        """
        self._clock.begins(pts)
        with self.explained():
            while self._waiting is not None:
                packet = next(self._waiting, None)
                if packet is None:
                    self._waiting = None
                    break
                self._mux(packet)
                if packet.pts >= pts:
                    break

    def catch_up(self) -> None:
        """Copy what is left of an earlier run from the journal.

        Raises:
            VideoError: the disk is full, or the journal is damaged.
        """
        with self.explained():
            for packet in self._waiting or ():
                self._mux(packet)
        self._waiting = None

    def _overtake(self) -> None:
        """Replace the earlier run's file once this run's holds as much: packets reach the disk in their time."""
        if self._writing != self._files.second:
            return
        with suppress(OSError):  # where an open file cannot be renamed, both stay
            if self._writing.stat().st_size >= self._files.clip.stat().st_size:
                self._writing.replace(self._files.clip)
                self._writing = self._files.clip

    def write(self, frame: "av.VideoFrame") -> None:
        """Encode and write the next frame; its timestamp is above those before.

        Raises:
            VideoError: the disk is full.
            BackendError: the encoder failed.
        """
        if self._encoder is None:
            raise ValueError("start() comes before write()")
        with self.explained():
            if self._clock.begins(find_time(frame)) and self._frames > self.skipped:
                self._end_segment()
            for packet in self._encoder.encode(frame):
                self._put(packet)
        self._frames += 1
        self._overtake()

    def finish(self) -> int:
        """End the clip and put it in place.

        Returns:
            Bytes of the file.

        Raises:
            VideoError: the disk is full, or the target appeared in the meantime; the unfinished clip stays.
        """
        with self.explained():
            self._end_segment()
            self.container.close()
            self._journal.close()
            if self._choice.container in ("mp4", "mov"):
                free_empty_video_tracks(self._writing)
            with self._writing.open("rb+") as file:
                os.fsync(file.fileno())
                size = os.fstat(file.fileno()).st_size
            target = self._files.target
            if target.exists():
                if not self._overwrite:
                    raise VideoError(f"{make_printable(self._path)}: exists. The finished clip is {self._writing}.")
                with suppress(OSError):
                    self._writing.chmod(target.stat().st_mode)
            self._writing.replace(target)
        self._done = True
        self._files.remove()
        return size

    def __enter__(self) -> "VideoSink":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._done:
            return
        if self._encoder is not None:
            with suppress(Exception):  # the frames that the encoder holds; the journal ends at its last segment
                for packet in self._encoder.end_segment():
                    self._mux(packet)
        with suppress(Exception):
            self.container.close()
        self._journal.close()
        if self._frames == 0:
            self._files.remove()
            return
        self._overtake()
        if self._writing == self._files.second:  # the earlier run's holds more
            with suppress(OSError):
                self._writing.unlink()

    def _add_stream(self) -> "av.VideoStream":
        stream: av.VideoStream = self.container.add_stream(self._choice.name, rate=self._choice.rate)  # type: ignore[assignment]
        self._choice.prepare(stream.codec_context)
        stream.time_base = self._time_base
        if self._choice.name == "libx265" and self._choice.container in ("mp4", "mov"):
            stream.codec_context.codec_tag = "hvc1"  # the only one that Apple's programs play
        return stream

    def _end_segment(self) -> None:
        if self._encoder is None or self._frames == self._recorded:
            return
        for packet in self._encoder.end_segment():
            self._put(packet)
        self._journal.end_segment(frames=self._frames)
        self._recorded = self._frames

    def _put(self, packet: EncodedPacket) -> None:
        self._journal.append(packet)
        self._mux(packet)

    def _mux(self, encoded: EncodedPacket) -> None:
        import av
        from av.packet import PacketSideData, packet_sidedata_type_from_literal

        packet = av.Packet(encoded.data)
        packet.pts, packet.dts, packet.duration = encoded.pts, encoded.dts, encoded.duration
        packet.time_base, packet.stream, packet.is_keyframe = self._time_base, self.stream, encoded.is_keyframe
        if encoded.alpha:
            side: Any = PacketSideData(  # type: ignore[call-arg]
                packet_sidedata_type_from_literal(ALPHA_SIDE_DATA), len(encoded.alpha)
            )
            side.update(encoded.alpha)
            packet.set_sidedata(side)
        self.container.mux(packet)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn errors of the system into one line that says what is kept."""
        import av

        try:
            yield
        except (OSError, av.FFmpegError) as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            reason = "the disk is full" if full else error.strerror or str(error)
            kept = f" {self._recorded} frames are kept and can be resumed." if self._recorded else ""
            raise VideoError(
                f"{make_printable(self._path)}: cannot be written ({make_printable(reason)}).{kept}"
            ) from error
