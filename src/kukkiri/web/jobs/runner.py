"""One piece of work: the input through the path of ``kukkiri upscale``, with progress, cancelling and a time limit."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from kukkiri.errors import KukkiriError, make_printable
from kukkiri.images import Image, find_own_suffix, open_sequence
from kukkiri.images.reading import read_rows
from kukkiri.inference import FileProgress, FileResult, FolderRun, Upscaler
from kukkiri.inference.file_jobs import SAME
from kukkiri.inference.keeping import Keeping
from kukkiri.web.jobs.admission import UpscalerCache, choose_threads, find_pixel_limit
from kukkiri.web.jobs.clips import CLIP_MEDIA_TYPES, choose_clip_target, is_clip, run_clip
from kukkiri.web.jobs.job import Kept, ResultInfo
from kukkiri.web.jobs.problems import ErrorInfo, describe_error, name_as_request
from kukkiri.web.jobs.rows import INPUT
from kukkiri.web.jobs.work_queue import Work, WorkQueue
from kukkiri.web.limits import Limits, name_option
from kukkiri.web.settings import ServerSettings

__all__ = ["MEDIA_TYPES", "Watch", "do_work"]

_LOG = logging.getLogger(__name__)
_TICK = 0.2  # seconds between two looks at the database
MEDIA_TYPES = {
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".exr": "image/x-exr",
    ".gif": "image/gif",
    ".hdr": "image/vnd.radiance",
    ".jp2": "image/jp2",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".jxl": "image/jxl",
    ".pfm": "image/x-portable-floatmap",
    ".pgm": "image/x-portable-graymap",
    ".png": "image/png",
    ".pnm": "image/x-portable-anymap",
    ".ppm": "image/x-portable-pixmap",
    ".tga": "image/x-tga",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    **CLIP_MEDIA_TYPES,
}
"""By the suffix of a result."""
_WITH_QUALITY = (".avif", ".jpeg", ".jpg", ".jxl", ".webp")
_TOO_LONG = (
    "the work took longer than {seconds:g} s, the limit for one job ({option}). Ask for a smaller scale, or send a "
)
_TOO_LONG += "part of the image."

Reason = Literal["cancelled", "time", "stop"]


class _Ended(BaseException):
    """The work is to end; raised at the next tile."""


class Watch:
    """Looks five times a second whether a piece of work is still wanted, and stores its progress."""

    def __init__(self, queue: WorkQueue, work: Work, *, seconds: float, stop: Callable[[], bool]) -> None:
        """Begin to look.

        Args:
            queue: of the work.
            work: that was claimed.
            seconds: limit of its time; 0: none.
            stop: true when the process is to end without finishing it.
        """
        self.reason: Reason | None = None
        """The reason why the work is to end."""
        self._queue, self._work, self._stop = queue, work, stop
        self._end = time.monotonic() + seconds if seconds else None
        self.progress = (0, 0)
        """(done, total) tiles."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kukkiri-watch", daemon=True)
        self._thread.start()

    def tell(self, progress: FileProgress) -> None:
        """Take a step of the work; raises what ends it."""
        if progress.total:
            self.progress = (progress.done, progress.total)
        if self._end is not None and time.monotonic() > self._end:
            self.reason = self.reason or "time"
        if self.reason is not None:
            raise _Ended

    def end(self) -> None:
        """Look no longer."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        reported = (0, 0)
        while not self._over.wait(_TICK) and self.reason is None:
            try:
                now = self.progress
                if now != reported:
                    wanted, reported = self._queue.report(self._work, done=now[0], total=now[1]), now
                else:
                    wanted = self._queue.is_wanted(self._work)
            except KukkiriError:  # the next look may see more
                continue
            if not wanted:
                self.reason = "cancelled"
            elif self._stop():
                self.reason = "stop"


def do_work(
    queue: WorkQueue,
    work: Work,
    upscalers: UpscalerCache,
    folder: Path,
    *,
    settings: ServerSettings,
    stop: Callable[[], bool],
) -> None:
    """Do a piece of work to its end, whatever that is, and store the outcome.

    Args:
        queue: of the work.
        work: that was claimed.
        upscalers: of this process.
        folder: for temporary files; what is left in it is not needed.
        settings: of the server.
        stop: true when the process is to end without finishing it; the work is given back.
    """
    seconds = settings.limits.job_seconds
    watch = Watch(queue, work, seconds=seconds, stop=stop)
    error: ErrorInfo | None = None
    try:
        if is_clip(work.source):
            parts = queue.folder.parts / str(work.number)
            found = _upscale_clip(work, upscalers, parts, frames=choose_threads(settings), watch=watch)
        else:
            found = _upscale(work, upscalers, folder, limits=settings.limits, watch=watch)
        watch.end()
        if isinstance(found, ErrorInfo):
            error = found
        else:
            queue.finish(work, *found, tiles=max(1, watch.progress[1]))
    except _Ended:
        if watch.reason == "stop":
            queue.give_back(work)
            return
        error = describe_error(_TOO_LONG.format(seconds=seconds, option=name_option("job_seconds")), status=504)
    except MemoryError:
        error = describe_error("there is not enough memory for this image. Ask for a smaller scale.", status=413)
    except KukkiriError as refused:
        error = describe_error(refused)
    except Exception:  # a job must not end the worker
        _LOG.exception("work %d failed", work.number)
        error = ErrorInfo(
            what="an error inside of kukkiri ended the work.", remedy="The server's log has more.", status=500
        )
    finally:
        watch.end()
    if error is not None:
        for text in (str(work.source), make_printable(work.source)):
            error = error.rename(text, INPUT)
        error = error.rename(f"{queue.folder.folder}{os.sep}", "")  # where the server's files lie is not said
        queue.fail(work, error)


def _upscale(
    work: Work, upscalers: UpscalerCache, folder: Path, *, limits: Limits, watch: Watch
) -> tuple[Path, ResultInfo] | ErrorInfo:
    """Write the result into the folder."""
    options = work.options
    suffix = options.suffix or find_own_suffix(work.source) or ".png"
    target = folder / f"{work.number}-{work.attempt}{suffix}"

    def make_upscaler(*, threads: int | None, workers: int) -> Upscaler:
        return upscalers.get(options, budget=work.budget)

    run = FolderRun(
        make_upscaler,
        [str(work.source)],
        output=target,
        suffix=SAME if options.suffix is None else None,
        page=options.page,
        overwrite=True,
        quality=options.quality,
        one_at_a_time=True,
        keeping=Keeping(pixel_limit=find_pixel_limit(limits.input_pixels), metadata=options.metadata),
        progress=watch.tell,
    )
    (result,) = list(run)
    if result.error:
        return describe_error(result.error, status=413 if result.out_of_memory else 422)
    done = _describe(work.source, target, result, kept=_find_kept(work.source, target))
    if options.quality is not None and suffix not in _WITH_QUALITY:
        done = replace(done, notes=(*done.notes, f"quality means nothing for {suffix}, and was not used"))
    return target, done


def _upscale_clip(
    work: Work, upscalers: UpscalerCache, folder: Path, *, frames: int, watch: Watch
) -> tuple[Path, ResultInfo] | ErrorInfo:
    """Write the result into a folder that a killed process leaves to the next one."""
    target = choose_clip_target(work.source, work.options, folder)
    upscaler = upscalers.get(work.options, budget=work.budget, frames=frames)
    result = run_clip(work.source, target, upscaler, workers=frames, progress=watch.tell)
    return target, _describe(work.source, target, result, kept=Kept())


def _describe(source: Path, target: Path, result: FileResult, *, kept: Kept) -> ResultInfo:
    """Describe a result; name, bytes and hash of the file are filled in by others."""
    height, width = result.output_size or (0, 0)
    texts = (str(source), make_printable(source))
    notes = tuple(name_as_request(note).replace(texts[0], INPUT).replace(texts[1], INPUT) for note in result.notes)
    notes = tuple(note.replace(str(target), "the result").replace(target.name, "the result") for note in notes)
    return ResultInfo(
        bytes=0,
        width=width,
        height=height,
        media_type=MEDIA_TYPES.get(target.suffix, "application/octet-stream"),
        file_name="",
        sha256="",
        seconds=round(result.seconds, 3),
        weights=result.domain,
        notes=notes,
        kept=kept,
    )


def _find_kept(source: Path, target: Path) -> Kept:
    """Compare what the two files hold beside their colours."""
    try:
        before, after = _read_template(source), _read_template(target)
    except KukkiriError:  # a format that is written but not read
        return Kept()
    return Kept(
        profile=_keeps_profile(before, after),
        exif=None if before.metadata.exif is None else after.metadata.exif is not None,
        alpha=None if before.alpha is None else after.alpha is not None,
        depth=after.depth,
        input_depth=before.depth,
    )


def _keeps_profile(before: Image, after: Image) -> bool | None:
    """Tell of the profile of the file, in whose place that of sRGB stands once CMYK was converted."""
    for note in before.notes:
        if note.startswith("CMYK"):
            return False if "by its own profile" in note else None
    return None if before.metadata.icc is None else after.metadata.icc is not None


def _read_template(path: Path) -> Image:
    """Read what a file says about all its pixels, and few of them."""
    sequence = open_sequence(path, pixel_limit=2**62)
    return read_rows(path, pixel_limit=2**62).template if sequence is None else next(iter(sequence.images()))
