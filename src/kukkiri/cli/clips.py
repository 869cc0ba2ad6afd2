"""The clips of ``kukkiri upscale``: from the options of the command to :func:`kukkiri.upscale_video`."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kukkiri.cli.video_options import VideoOptions
from kukkiri.errors import VideoError, require
from kukkiri.files import CLIP_SUFFIXES
from kukkiri.inference import ClipOutcome, FileJob, FileProgress, FileResult, Upscaler, count_usable_threads
from kukkiri.inference.clip_files import is_clip
from kukkiri.inference.job_worker import UpscalerMaker
from kukkiri.inference.keeping import Keeping
from kukkiri.inference.previews import Preview, Previewer

if TYPE_CHECKING:
    from kukkiri.video import VideoProgress
    from kukkiri.video.encoders import EncoderOptions

__all__ = ["ClipRunner"]

_ANIMATED = (".apng", ".gif", ".png")
"""Images that may be animations, which can be written as clips."""


class ClipRunner:
    """Upscales the clips of a run, one at a time, several frames of it side by side; see :class:`ClipWorker`."""

    def __init__(
        self,
        make_upscaler: UpscalerMaker,
        options: VideoOptions,
        *,
        threads: int | None = None,
        overwrite: bool = False,
        resume: bool = False,
        keeping: Keeping | None = None,
    ) -> None:
        """Keep what is asked for; nothing is loaded before there is a clip.

        Args:
            make_upscaler: of the run.
            options: of the command.
            threads: frames in work at one time; all cores when ``None``.
            overwrite: replace existing results.
            resume: go on where an earlier run was stopped.
            keeping: times of files.
        """
        self._make, self._options = make_upscaler, options
        self._workers = threads or count_usable_threads()
        self._overwrite, self._resume = overwrite, resume
        self._keeping = keeping or Keeping()
        self._upscaler: Upscaler | None = None

    def measure(self, source: Path) -> tuple[int, int]:
        """(height, width) of a clip's frames as they are stored.

        Raises:
            KukkiriError: the clip cannot be opened, or the extra ``video`` is missing.
        """
        _require_av(source)
        from kukkiri.video.source import VideoSource  # av

        with VideoSource(source) as clip:
            return clip.info.height, clip.info.width

    def upscale(self, job: FileJob, *, progress: Callable[[FileProgress], None]) -> FileResult:
        """Upscale one clip.

        Raises:
            KukkiriError: there is no result.
        """
        _require_av(job.source)
        _check_still(job)
        from kukkiri.video import upscale_video  # av

        def tell(state: "VideoProgress") -> None:
            progress(
                FileProgress(job, "upscaling", state.frames, state.total or 0, state.output_size, "frame", state.reused)
            )

        overwrite = self._overwrite or job.replaces
        self._keeping.check(job.target, overwrite=overwrite)
        begun = time.perf_counter()
        if self._upscaler is None:
            self._upscaler = self._make(threads=1, workers=self._workers)
        options = self._options
        done = upscale_video(
            job.source,
            job.target,
            model=self._upscaler,
            encoder=_choose_encoder(job, options),
            workers=self._workers,
            reuse=options.reuse,
            deinterlace=options.deinterlace,
            resume=self._resume and not job.replaces,
            overwrite=overwrite,
            progress=tell,
        )
        self._keeping.finish(job.source, job.target, done.upscaler, sizes=(done.input_size, done.output_size))
        return FileResult(
            job,
            notes=tuple(done.notes),
            input_size=done.input_size,
            output_size=done.output_size,
            seconds=time.perf_counter() - begun,
            domain=done.upscaler.domain,
            domain_chosen=done.upscaler.has_photo,
            clip=ClipOutcome(
                frames=done.frames,
                reused=done.reused,
                size=done.bytes,
                resumed=done.resumed,
                encoder=done.encoder,
                damaged=done.damage.corrupt_packets + done.damage.corrupt_frames,
            ),
        )

    def preview(self, job: FileJob, previewer: Previewer) -> Preview:
        """Estimate a clip from its header.

        Raises:
            KukkiriError: it cannot be opened.
        """
        _require_av(job.source)
        _check_still(job)
        from kukkiri.video.source import VideoSource  # av

        with VideoSource(job.source) as clip:
            info = clip.info
        frames = info.frames or 0
        if not frames and info.duration is not None and info.rate:
            frames = round(info.duration * info.rate)
        return previewer.preview_frames(
            job, size=(info.height, info.width), frames=frames, channels=3 + info.has_alpha, at_once=self._workers
        )


def _choose_encoder(job: FileJob, options: VideoOptions) -> "EncoderOptions":
    """The encoder that was asked for; of an animation one that players show, for they show no RGB."""
    from kukkiri.video.encoders import EncoderOptions  # av

    encoder, pix_fmt = options.encoder, options.pix_fmt
    animated = job.source.suffix.lower() in _ANIMATED and job.target.suffix.lower() != ".webm"
    if animated and encoder == "auto" and pix_fmt is None:
        encoder, pix_fmt = "libx264", "yuv420p"
    return EncoderOptions(
        encoder=encoder,
        preset=options.encoder_preset,
        crf=options.crf,
        pix_fmt=pix_fmt,
        keyframe_seconds=options.keyframe_seconds,
        extra=options.extra,
    )


def _require_av(source: Path) -> None:
    require("av", for_what=f"{source}: a clip, which")


def _check_still(job: FileJob) -> None:
    """Refuse an image as a clip, unless it may be an animation."""
    suffix = job.source.suffix.lower()
    if not is_clip(job.source) and suffix not in _ANIMATED and job.target.suffix.lower() in CLIP_SUFFIXES:
        raise VideoError(
            f"{job.source}: of images only GIF and animated PNG become clips ({job.target}). Name an image file."
        )
