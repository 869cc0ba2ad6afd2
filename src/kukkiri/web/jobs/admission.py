"""Admission of an input: its header is read, and pixels and memory are compared with the limits before any work."""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from kukkiri.errors import ImageError, KukkiriError, make_printable
from kukkiri.files import CLIP_OUTPUT_SUFFIXES
from kukkiri.images import ImageHeader, find_own_suffix
from kukkiri.images.pixel_limit import PixelLimitError
from kukkiri.inference import Upscaler
from kukkiri.inference.engine import count_usable_threads
from kukkiri.inference.part_counts import count_images, read_first_header
from kukkiri.inference.streamed_files import estimate_stream
from kukkiri.web.jobs.clips import check_clip_options, is_clip, read_clip
from kukkiri.web.jobs.job import JobOptions
from kukkiri.web.limits import MB, name_option
from kukkiri.web.settings import ServerSettings

__all__ = ["Admission", "Admissions", "TooLargeError", "UpscalerCache", "choose_threads", "find_pixel_limit"]

_CACHED = 8
_ANY = 2**62  # pixels


class TooLargeError(ImageError):
    """An input or its result is larger than the server allows."""

    status = 413


@dataclass(frozen=True, kw_only=True)
class Admission:
    """The facts about an input that fits the limits."""

    size: tuple[int, int]
    """(height, width)."""
    output_size: tuple[int, int]
    """(height, width) of the result."""
    count: int = 1
    """Frames or pages."""
    bytes: int
    """Of the file."""
    memory: int
    """Bytes that the work takes, by the planner's estimate."""
    budget: int | None
    """Bytes that the planner was given; ``None``: it takes what is free."""
    suffix: str = ""
    """Of the stored file, where the name decides about the reading."""


class UpscalerCache:
    """Upscalers by their options; the networks of the latest ones stay loaded."""

    def __init__(self, *, threads: int | None, workers: int, most: int = _CACHED) -> None:
        """Begin empty.

        Args:
            threads: CPU threads of an upscaler.
            workers: processes that share the memory.
            most: upscalers that are kept.
        """
        self._threads, self._workers, self._most = threads, workers, most
        self._kept: OrderedDict[tuple[object, ...], Upscaler] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, options: JobOptions, *, budget: int | None, frames: int = 0) -> Upscaler:
        """Return the upscaler for some options.

        Args:
            options: of a job.
            budget: bytes that the work may take; ``None``: a share of what is free.
            frames: of a clip that are in work at one time, each in a thread of its own; 0 for an image.

        Raises:
            ModelError: an impossible scale, or a model without such weights.
        """
        size = options.size_keywords()
        key = (
            *(options.chosen_model, options.scale, options.weights, options.ensemble, options.chop, options.bounded),
            *(options.vivid, options.denoise, options.skip_flat, options.wrap, options.alpha, *size.values()),
            *(budget, frames),
        )
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                found = Upscaler(
                    options.chosen_model,
                    scale=options.scale,
                    ensemble=options.ensemble,
                    chop=options.chop,
                    threads=1 if frames else self._threads,
                    memory=budget and budget // max(1, frames),
                    workers=self._workers * max(1, frames),
                    skip_flat=options.skip_flat,
                    bounded=options.bounded,
                    weights=options.weights,
                    vivid=options.vivid,
                    denoise=options.denoise,
                    wrap=options.wrap,
                    alpha=options.alpha,
                    **size,
                )
                self._kept[key] = found
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
        return found


class Admissions:
    """Checks inputs against the limits of a server; safe to use from several threads."""

    def __init__(self, settings: ServerSettings) -> None:
        self._limits, self._workers = settings.limits, max(1, settings.workers)
        self._threads = choose_threads(settings)
        self._upscalers = UpscalerCache(threads=1, workers=self._workers)

    def inspect(self, path: Path, options: JobOptions, *, name: str = "the image") -> Admission:
        """Read the header of an input, and estimate the work on it.

        Args:
            path: the file.
            options: of the job.
            name: of the input for messages.

        Raises:
            TooLargeError: more pixels, here or in the result, or more memory than the limits allow.
            ImageError: it is no image, or damaged.
            ModelError: an impossible scale.
            ConfigError: the aspect of the image does not fit the size that was asked for.
        """
        try:
            return self._inspect(path, options, name)
        except KukkiriError as error:
            shown = str(error)
            for text in (str(path), make_printable(path)):
                shown = shown.replace(text, name)
            raise error if shown == str(error) else type(error)(shown) from error

    def _inspect(self, path: Path, options: JobOptions, name: str) -> Admission:
        clip = is_clip(path)
        check_clip_options(options, clip=clip)
        if clip:
            return self._inspect_clip(path, options, name)
        limit = find_pixel_limit(self._limits.input_pixels)
        try:
            header = read_first_header(path, pixel_limit=limit)
            count = 1 if options.page is not None else count_images(path, pixel_limit=limit)
        except PixelLimitError as error:
            raise _refuse_pixels(name, error, self._limits.input_pixels) from error
        _check_pixels(name, "it has", header.size, count, self._limits.input_pixels, "max_input_megapixels")
        shares = self._list_budgets()
        upscaler = self._upscalers.get(options, budget=shares[0])
        output_size = upscaler.plan_size(header.size)
        _check_pixels(name, "its result has", output_size, count, self._limits.output_pixels, "max_output_megapixels")
        suffix = options.suffix or find_own_suffix(path) or ".png"
        memory, budget = self._estimate(name, header, options, Path(f"result{suffix}"), streams=count == 1)
        return Admission(
            size=header.size,
            output_size=output_size,
            count=count,
            bytes=path.stat().st_size,
            memory=memory,
            budget=budget,
        )

    def _inspect_clip(self, path: Path, options: JobOptions, name: str) -> Admission:
        """Compare the frames of a clip with the limits, each for itself; its length is bounded by the time of a job."""
        clip, frames = read_clip(path), self._threads
        _check_pixels(name, "a frame of it has", clip.size, 1, self._limits.input_pixels, "max_input_megapixels")
        budget = self._list_budgets()[0]
        upscaler = self._upscalers.get(options, budget=budget, frames=frames)
        output_size = upscaler.plan_size(clip.size)
        what = "a frame of its result has"
        _check_pixels(name, what, output_size, 1, self._limits.output_pixels, "max_output_megapixels")
        try:
            memory = frames * upscaler.plan(clip.size, channels=clip.channels).memory
        except ImageError as error:
            raise self._refuse(name) from error
        suffix = Path(name).suffix.lower()
        return Admission(
            size=clip.size,
            output_size=output_size,
            bytes=path.stat().st_size,
            memory=memory,
            budget=budget,
            suffix=suffix if suffix in CLIP_OUTPUT_SUFFIXES else "",
        )

    def _list_budgets(self) -> list[int | None]:
        """The budgets to try: one worker's share of the memory, then all of it."""
        whole = self._limits.memory_bytes
        return list(dict.fromkeys([whole // self._workers, whole])) if whole else [None]

    def _estimate(
        self, name: str, header: ImageHeader, options: JobOptions, target: Path, *, streams: bool
    ) -> tuple[int, int | None]:
        """Bytes of the work, and the budget that suffices for it."""
        refusal: ImageError | None = None
        for budget in self._list_budgets():
            upscaler = self._upscalers.get(options, budget=budget)
            try:
                memory = estimate_stream(upscaler, header.size, target) if streams else None
                if memory is None:
                    memory = upscaler.plan(header.size, channels=header.channels).memory
            except ImageError as error:
                refusal = error
                continue
            if budget is None or memory <= budget:
                return memory, budget
        if not self._limits.memory_bytes:
            raise TooLargeError(f"{name}: {refusal}") from refusal
        raise self._refuse(name) from refusal

    def _refuse(self, name: str) -> TooLargeError:
        return TooLargeError(
            f"{name}: the work on it takes more memory than this server gives to all jobs together, "
            f"{self._limits.memory_bytes / MB:g} MB. Ask for a smaller scale, send a part of the image, or raise "
            f"{name_option('max_memory_mb')}."
        )


def choose_threads(settings: ServerSettings) -> int:
    """CPU threads of one worker: those that were asked for, else the usable ones divided by the workers."""
    return settings.threads or max(1, count_usable_threads() // max(1, settings.workers))


def find_pixel_limit(limit: int) -> int:
    """Return the pixels that may be decoded under a limit of the server, where 0 means none."""
    return limit or _ANY


def _refuse_pixels(name: str, error: PixelLimitError, limit: int) -> TooLargeError:
    """Say which option bounds the pixels of an image; a format's own bound has words of its own."""
    if not limit or error.pixels <= limit:
        return TooLargeError(str(error))
    return TooLargeError(
        f"{name}: it has {error.shown} pixels, {error.pixels / MB:.1f} megapixels, and the limit is {limit / MB:g} "
        f"({name_option('max_input_megapixels')}). Send a smaller image, or one page of it."
    )


def _check_pixels(name: str, what: str, size: tuple[int, int], count: int, limit: int, option: str) -> None:
    height, width = size
    pixels = math.prod(size) * count
    if not limit or pixels <= limit:
        return
    frames = f"{count} x {width}x{height}" if count > 1 else f"{width}x{height}"
    raise TooLargeError(
        f"{name}: {what} {frames} pixels, {pixels / MB:.1f} megapixels, and the limit is {limit / MB:g} "
        f"({name_option(option)}). Send a smaller image, or ask for a smaller scale."
    )
