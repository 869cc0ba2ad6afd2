"""A clip in, an upscaled clip out: the front door of video in Python."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from kukkiri.errors import ConfigError, VideoError, make_printable, require
from kukkiri.inference import Upscaler
from kukkiri.inference.engine import Engine, count_usable_threads
from kukkiri.inference.loaded_model import LoadedModel
from kukkiri.inference.options import FrameKeywords
from kukkiri.video.clip_info import Damage, VideoInfo
from kukkiri.video.deinterlacing import Deinterlace
from kukkiri.video.encoders import EncoderOptions, choose_encoder, find_container
from kukkiri.video.encoding import SegmentClock
from kukkiri.video.frame_upscaler import FrameUpscaler, upscale_frames
from kukkiri.video.iterating import make_frame_upscaler
from kukkiri.video.sink import PartialFiles, VideoSink
from kukkiri.video.source import VideoSource
from kukkiri.video.stream_copies import StreamCopies
from kukkiri.video.tags import copy_tags, find_lost_tags, tag_encoder

if TYPE_CHECKING:
    import av

__all__ = ["VideoProgress", "VideoResult", "upscale_video"]

_IDENTITY_BLOCKS = 64
_IDENTITY_BLOCK = 1 << 16


@dataclass(frozen=True)
class VideoProgress:
    """A moment of a run."""

    frames: int
    """Frames that are written, those of an earlier run included."""
    total: int | None
    """Frames of the clip, estimated from its duration; ``None`` when nobody knows."""
    reused: float
    """Share of the frames' area that was copied from the frame before, in [0, 1]."""
    seconds: float
    """Since the run began."""
    output_size: tuple[int, int]
    """(height, width)."""
    resumed: int = 0
    """Frames of the earlier run."""

    @property
    def fps(self) -> float:
        """Frames a second of this run."""
        return (self.frames - self.resumed) / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds that the rest will take, when the total is known."""
        if self.total is None or self.fps == 0:
            return None
        return max(0, self.total - self.frames) / self.fps


@dataclass(frozen=True)
class VideoResult:
    """The outcome of a run."""

    target: Path
    """The clip."""
    frames: int
    """Frames in it."""
    resumed: int
    """Frames of it that an earlier run computed."""
    seconds: float
    """Of this run."""
    reused: float
    """Share of this run's frames that was copied from the frame before, in [0, 1]."""
    bytes: int
    """Size of the file."""
    notes: tuple[str, ...]
    """A sentence for each thing that was lost or repaired."""
    damage: Damage
    """Damage of the source."""
    input_size: tuple[int, int]
    """(height, width)."""
    output_size: tuple[int, int]
    """(height, width)."""
    encoder: str
    """The encoder and its options in a few words."""
    upscaler: Upscaler
    """The upscaler that was used: of a lossy clip, the twin for photographs where one is shipped."""


def upscale_video(
    path: str | PathLike[str],
    output: str | PathLike[str],
    *,
    model: str | PathLike[str] | Engine | LoadedModel | Upscaler = "balanced",
    scale: float | None = None,
    encoder: EncoderOptions | None = None,
    workers: int | None = None,
    reuse: bool = True,
    deinterlace: Deinterlace = "auto",
    resume: bool = False,
    overwrite: bool = False,
    progress: Callable[[VideoProgress], None] | None = None,
    **upscaler_options: Unpack[FrameKeywords],
) -> VideoResult:
    """Upscale a clip; timestamps, sound, subtitles, chapters, tags and colours stay.

    While it works, what is done is in ``larger.part.mkv`` beside ``larger.mkv`` and plays, also after a crash; its
    journal, of about the same size, lies beside it. The clip takes its name when it is complete.

    Args:
        path: the clip, in any container and codec that FFmpeg reads.
        output: the result: .mkv, .mp4, .m4v, .mov or .webm.
        model: as of :class:`kukkiri.Upscaler`, or one that is ready, made with ``threads=1``.
        scale: as of :class:`kukkiri.Upscaler`.
        encoder: the encoder, its preset and quality; by default chosen by container, depth and transparency.
        workers: frames in work at one time, each in a thread of its own; by default one for each core.
        reuse: copy what equals the frame before from its result.
        deinterlace: ``auto`` deinterlaces frames that are flagged interlaced, ``on`` all, ``off`` none.
        resume: go on with an interrupted run of the same clip, model and options, if there is one; frames, timestamps
            and pixels are those of a run that was not interrupted.
        overwrite: replace an existing result, or begin anew where an interrupted run left something.
        progress: called after each frame; what it raises ends the run as Ctrl-C does.
        upscaler_options: further keywords of :class:`kukkiri.Upscaler`.

    Raises:
        VideoError: the clip cannot be read, or the result cannot be written.
        ConfigError: options that make no sense, an existing result, or an output that is the input.
        ModelError: an unknown or damaged model.
        BackendError: PyAV or an encoder is missing.
        KeyboardInterrupt: Ctrl-C; a note of the exception says where the part lies that is done.
    """
    require("av", for_what="video")
    source, target = Path(path), Path(output)
    _check_paths(source, target, overwrite=overwrite)
    workers = count_usable_threads() if workers is None else workers
    upscaler = make_frame_upscaler(model, scale=scale, workers=workers, options=upscaler_options)
    with VideoSource(source, deinterlace=deinterlace) as opened:
        if opened.info.lossy:
            upscaler = upscaler.suited_to_lossy()
        run = _Run(opened, target, upscaler, workers=workers, reuse=reuse, progress=progress)
        return run(encoder or EncoderOptions(), deinterlace=deinterlace, resume=resume, overwrite=overwrite)


class _Run:
    """One clip on its way through source, network, encoder and file."""

    def __init__(
        self,
        source: VideoSource,
        target: Path,
        upscaler: Upscaler,
        *,
        workers: int,
        reuse: bool,
        progress: Callable[[VideoProgress], None] | None,
    ) -> None:
        self._source, self._target, self._workers, self._progress = source, target, workers, progress
        self._upscaler, self._reuse = upscaler, reuse
        self._begun = time.perf_counter()
        self._frame_upscaler = FrameUpscaler(upscaler, source.info, reuse=reuse)
        width, height = self._frame_upscaler.output_size
        self._size = height, width
        self._segment_starts: set[int] = set()
        self._repaired = self._written = 0
        self._reused = 0.0

    def __call__(
        self, options: EncoderOptions, *, deinterlace: Deinterlace, resume: bool, overwrite: bool
    ) -> VideoResult:
        info = self._source.info
        choice = choose_encoder(
            options, path=self._target, size=self._size, pix_fmt=self._frame_upscaler.output_format, info=info
        )
        identity = {
            "source": identify_source(info.path),
            "model": _identify_model(self._upscaler),
            "size": [*self._size],
            "options": {
                "deinterlace": deinterlace, "reuse": self._reuse, "stream": info.stream,
                **self._upscaler.describe_options(),
            },
            "encoder": {
                "name": choice.name, "pix_fmt": choice.pix_fmt, "keyframes": choice.keyframe_seconds,
                **choice.options,
            },
            "version": {name: _find_version(name) for name in ("kukkiri", "av", "onnxruntime")},
        }  # fmt: skip
        identity = json.loads(json.dumps(identity))  # as it is read back, tuples as lists
        state = PartialFiles.of(self._target).find_state(identity=identity, resume=resume, overwrite=overwrite)
        copies = StreamCopies(self._source, choice.container)
        lost_tags = find_lost_tags(self._source, choice.container)
        with VideoSink(
            self._target,
            choice=choice,
            time_base=info.time_base,
            identity=identity,
            state=state,
            overwrite=overwrite,
        ) as sink:
            copies.attach(sink.container)
            copy_tags(self._source, sink.stream, sink.container)
            sink.start(lambda context: _set_colours(context, info, matrix=choice.matrix))
            try:
                self._write(sink, copies)
            except KeyboardInterrupt as error:
                if sink.frames:
                    where = make_printable(sink.partial)
                    error.add_note(f"{sink.frames} frames are in {where}, which plays; resuming goes on from there.")
                raise
            size = sink.finish()
        notes = [*self._source.notes, *copies.notes, *lost_tags, *choice.notes, *self._frame_upscaler.notes]
        if self._repaired:
            counted = "1 timestamp was" if self._repaired == 1 else f"{self._repaired} timestamps were"
            notes.append(f"{counted} missing or did not rise, and repaired.")
        if self._source.damage:
            notes.append(f"the source is damaged: {self._source.damage}.")
        return VideoResult(
            target=self._target,
            frames=sink.frames,
            resumed=sink.skipped,
            seconds=time.perf_counter() - self._begun,
            reused=self._reused / max(1, self._written),
            bytes=size,
            notes=tuple(dict.fromkeys(notes)),
            damage=self._source.damage,
            input_size=(info.height, info.width),
            output_size=self._size,
            encoder=choice.describe(),
            upscaler=self._upscaler,
        )

    def _write(self, sink: VideoSink, copies: StreamCopies) -> None:
        clock = SegmentClock(keyframe_seconds=sink.keyframe_seconds, time_base=self._source.info.time_base)
        frames = self._feed(sink, copies, clock)
        results = upscale_frames(
            frames,
            self._frame_upscaler,
            workers=self._workers,
            begins=lambda frame: frame.pts in self._segment_starts,
        )
        total = _estimate_frames(self._source.info)
        with closing(results):
            for result in results:
                sink.write(result.frame)
                self._written += 1
                self._reused += result.reused
                self._tell(sink, total)
        if not sink.frames:
            raise VideoError(f"{make_printable(self._source.info.path)}: not one frame could be decoded.")

    def _feed(self, sink: VideoSink, copies: StreamCopies, clock: SegmentClock) -> "Iterator[av.VideoFrame]":
        """Give the frames that are to be computed; all other packets go into the file as they come."""
        last: int | None = None
        for number, item in enumerate(self._demux(sink, copies)):
            last = self._repair_time(item, last)
            if clock.begins(last):
                self._segment_starts.add(last)
            if number < sink.skipped:
                sink.pass_over(last)
                continue
            if number == sink.skipped:
                sink.catch_up()
            yield item
        sink.catch_up()

    def _demux(self, sink: VideoSink, copies: StreamCopies) -> "Iterator[av.VideoFrame]":
        import av

        for item in self._source.demux():
            if isinstance(item, av.VideoFrame):
                yield item
                continue
            with sink.explained():
                copies.mux(item)
        with sink.explained():
            copies.finish()

    def _repair_time(self, frame: "av.VideoFrame", last: int | None) -> int:
        """Give a frame a timestamp in the clip's time base that is above the last one."""
        time_base = self._source.info.time_base
        if frame.pts is not None and frame.time_base and frame.time_base != time_base:
            factor = frame.time_base / time_base
            frame.pts, frame.duration = round(frame.pts * factor), round((frame.duration or 0) * factor)
            frame.time_base = time_base
        if frame.pts is None or (last is not None and frame.pts <= last):
            missing = frame.pts is None
            step = self._find_step(frame) if missing else 1
            frame.pts, frame.time_base = 0 if last is None else last + step, time_base
            self._repaired += 1
        return frame.pts

    def _find_step(self, frame: "av.VideoFrame") -> int:
        """The time to the next frame where no timestamp tells: what the frame says, else by the rate of the clip."""
        if frame.duration:
            return frame.duration
        return max(1, round(1 / (self._source.info.rate or Fraction(25)) / self._source.info.time_base))

    def _tell(self, sink: VideoSink, total: int | None) -> None:
        if self._progress is not None:
            self._progress(
                VideoProgress(
                    frames=sink.frames,
                    total=total,
                    reused=self._reused / max(1, self._written),
                    seconds=time.perf_counter() - self._begun,
                    output_size=self._size,
                    resumed=sink.skipped,
                )
            )


def identify_source(path: Path) -> dict[str, Any]:
    """Identify a clip by its size and a hash of blocks spread over it; a copy of it has the same identity."""
    size = path.stat().st_size
    total = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        last = max(0, size - _IDENTITY_BLOCK)
        for number in range(_IDENTITY_BLOCKS):
            file.seek(last * number // (_IDENTITY_BLOCKS - 1))
            total.update(file.read(_IDENTITY_BLOCK))
            if last == 0:
                break
    return {"bytes": size, "sha256": total.hexdigest()}


def _identify_model(upscaler: Upscaler) -> str:
    """Identify networks by their names and the bytes of their files."""
    total = hashlib.sha256(f"{upscaler.name} {upscaler.kernel} {upscaler.ensemble}".encode())
    for engine in upscaler.engines:
        total.update(f"{engine.info.name} {engine.info.sha256}".encode())
        file = getattr(engine, "path", None)
        if file is not None and Path(file).is_file():
            total.update(Path(file).read_bytes())
    return f"{upscaler.name} {total.hexdigest()}"


def _find_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _check_paths(source: Path, target: Path, *, overwrite: bool) -> None:
    find_container(target)
    if not target.parent.is_dir():
        raise ConfigError(f"{make_printable(target)}: no such folder. Make it first.")
    if target.exists() and source.exists() and target.samefile(source):
        raise ConfigError(f"{make_printable(target)}: is the input, too. Choose another output.")
    if target.is_dir():
        raise ConfigError(f"{make_printable(target)}: is a folder. Give the name of a clip, such as larger.mkv.")
    if target.exists() and not overwrite:
        raise ConfigError(f"{make_printable(target)}: exists. Choose another output, or overwrite it.")


def _set_colours(context: "av.VideoCodecContext", info: VideoInfo, *, matrix: int | None) -> None:
    """Give an encoder the colours of the source, but for the matrix where RGB is converted."""
    tag_encoder(info, context)
    if matrix is not None:
        context.colorspace, context.color_range = matrix, 2 if matrix == 0 else 1


def _estimate_frames(info: VideoInfo) -> int | None:
    if info.frames:
        return info.frames
    if info.duration and info.rate:
        return round(info.duration * info.rate)
    return None
