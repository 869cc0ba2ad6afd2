"""Previews of a run: the sizes, time and memory of each result, before any work is done."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kukkiri.errors import KukkiriError
from kukkiri.images import PIXEL_LIMIT, Image
from kukkiri.images.archives import is_comic
from kukkiri.images.decoders.decoder import check_size
from kukkiri.inference.engine import Engine
from kukkiri.inference.file_jobs import FileJob
from kukkiri.inference.part_counts import count_images, read_first_header
from kukkiri.inference.streamed_files import estimate_stream
from kukkiri.inference.upscaler import Upscaler

__all__ = ["Preview", "Previewer"]

_SIDE = 128  # of the probe, LR pixels
_FILES = 0.15  # seconds for a megapixel of result: reading, colour and encoding as PNG (an estimate)
_FRAMES = 0.05  # the same of a video frame: decoding, chroma, encoding by x264 veryfast on two cores (an estimate)


@dataclass(frozen=True)
class Preview:
    """Size, time and memory of a job that was not run."""

    job: FileJob
    input_size: tuple[int, int] | None = None
    """(height, width); ``None`` when the source cannot be read."""
    output_size: tuple[int, int] | None = None
    """(height, width)."""
    seconds: float = 0.0
    """Estimated, from a probe of the networks on this machine."""
    memory: int = 0
    """Estimated bytes at the peak, weights not counted."""
    error: str = ""
    """The reason why there would be no result."""
    frames: int | None = None
    """Of a clip, about; ``None`` for an image."""


class Previewer:
    """Estimates jobs with one upscaler; each network is probed once."""

    def __init__(self, upscaler: Upscaler, *, pixel_limit: int = PIXEL_LIMIT) -> None:
        """Keep what the estimates depend on.

        Args:
            upscaler: of the run.
            pixel_limit: of the run; images that exceed it are errors.
        """
        self._upscaler, self._pixel_limit = upscaler, pixel_limit
        self._speeds: dict[int, float] = {}

    def preview(self, job: FileJob) -> Preview:
        """Estimate a job from the header of its source."""
        if job.problem is not None:
            return Preview(job, error=str(job.problem))
        try:
            header = read_first_header(job.source, pixel_limit=self._pixel_limit)
            check_size(header.size, str(job.source), self._pixel_limit)
            count = count_images(job.source, pixel_limit=self._pixel_limit)
            streams = count == 1 and not is_comic(job.target)  # several images are done one by one, each as a whole
            memory = estimate_stream(self._upscaler, header.size, job.target) if streams else None
            if memory is None:
                memory = self._upscaler.plan(header.size, channels=header.channels).memory
            output_size = self._upscaler.plan_size(header.size)
        except KukkiriError as error:
            return Preview(job, error=str(error))
        return Preview(
            job,
            input_size=header.size,
            output_size=output_size,
            seconds=count * self._estimate_seconds(header.size, output_size),
            memory=memory,
        )

    def preview_frames(
        self, job: FileJob, *, size: tuple[int, int], frames: int, channels: int, at_once: int
    ) -> Preview:
        """Estimate the frames of a clip.

        Args:
            job: the clip.
            size: (height, width) of a frame.
            frames: number of frames, about.
            channels: of a frame.
            at_once: frames in memory at one time.

        Raises:
            KukkiriError: memory does not suffice, or the size does not fit what was asked for.
        """
        output_size = self._upscaler.plan_size(size)
        memory = at_once * self._upscaler.plan(size, channels=channels).memory
        seconds = frames * self._estimate_seconds(size, output_size, per_megapixel=_FRAMES)
        return Preview(job, size, output_size, seconds, memory, frames=frames)

    def _estimate_seconds(
        self, size: tuple[int, int], output_size: tuple[int, int], *, per_megapixel: float = _FILES
    ) -> float:
        upscaler = self._upscaler.suited_to(size)
        pixels, seconds = math.prod(size), per_megapixel * math.prod(output_size) / 1e6
        for engine in upscaler.engines:
            entered = pixels * engine.info.scale**2 if engine.info.pre_upsampled else pixels
            seconds += upscaler.runs * entered * self._seconds_per_pixel(engine)
            pixels *= engine.info.scale**2
        if upscaler.kernel is not None:
            seconds += math.prod(output_size) * self._interpolation_seconds_per_pixel(upscaler)
        return seconds

    def _seconds_per_pixel(self, engine: Engine) -> float:
        key = id(engine)
        if key not in self._speeds:
            side = -(-_SIDE // engine.info.multiple) * engine.info.multiple
            batch = np.full((1, engine.info.channels, side, side), 0.5, dtype=np.float32)
            engine.run(batch)  # the first run also allocates
            self._speeds[key] = _time(lambda: engine.run(batch)) / side**2
        return self._speeds[key]

    def _interpolation_seconds_per_pixel(self, upscaler: Upscaler) -> float:
        key = id(upscaler)
        if key not in self._speeds:
            image = Image.from_array(np.full((_SIDE, _SIDE, 3), 128, dtype=np.uint8))
            size = upscaler.plan_size(image.size)
            self._speeds[key] = _time(lambda: upscaler(image)) / math.prod(size)
        return self._speeds[key]


def _time(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
