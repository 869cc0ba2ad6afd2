"""``kukkiri upscale``: images in, larger images out."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from kukkiri.cli.jobs import Job, find_sources, plan_jobs, report_job
from kukkiri.cli.printing import print_json
from kukkiri.errors import ConfigError, ImageError, KukkiriError
from kukkiri.images import check_output, read_image
from kukkiri.inference import Domain, Upscaler, usable_threads

__all__ = ["upscale"]

Flag = Parameter(negative=())


def upscale(
    inputs: Annotated[list[str], Parameter(name="INPUT", negative=())],
    /,
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    scale: Annotated[float | None, Parameter(alias="-s")] = None,
    model: str | None = None,
    preset: Literal["fast", "balanced", "best"] = "balanced",
    ensemble: Annotated[bool, Flag] = False,
    chop: Annotated[bool, Flag] = False,
    tile: int | None = None,
    skip_flat: Annotated[bool, Flag] = False,
    threads: int | None = None,
    suffix: str | None = None,
    quality: int | None = None,
    recursive: Annotated[bool, Parameter(alias="-r", negative=())] = False,
    overwrite: Annotated[bool, Flag] = False,
    resume: Annotated[bool, Flag] = False,
    weights: Domain = "auto",
    report: Annotated[bool, Flag] = False,
    json: Annotated[bool, Flag] = False,
) -> int:
    """Upscale images. Colour profile, EXIF, transparency and 16 bit are kept; originals are never touched.

    Args:
        inputs: images, folders of them, or globs.
        output: a file for one image, else a folder; beside the sources when not given.
        scale: output pixels for one input pixel, any number from 1; the model's own, or 2, when not given.
        model: id such as espcn-x3, .onnx, .safetensors or .pth file, or bicubic, bilinear, nearest, lanczos.
        preset: fast, balanced or best; see kukkiri models.
        ensemble: mean over the eight flips and turns: better, eight times slower.
        chop: in four quadrants, as EDSR, RCAN and SAN published their numbers.
        tile: largest side, in input pixels, that is computed at once; chosen from the free memory when not given.
        skip_flat: interpolate flat parts of the image and run the network on the rest; says how much was spared.
        threads: of the engine; all when not given.
        suffix: type of the results, such as .jpg; .png (.tif for .tif) when not given.
        quality: 1 to 100 for JPEG, WebP and AVIF.
        recursive: look into folders below.
        overwrite: replace existing results.
        resume: skip images whose result is there already.
        weights: clean, photo (for JPEG and noise), or auto: photo for files compressed with loss, else clean.
        report: also write NAME-report.html beside each result: before and after, and whether it is faithful.
        json: print one JSON object to stdout.
    """
    if overwrite and resume:
        raise ConfigError("--overwrite makes everything again and --resume skips what is there. Use one of them.")
    make = partial(
        Upscaler,
        model or preset,
        scale=scale,
        ensemble=ensemble,
        chop=chop,
        tile=tile,
        skip_flat=skip_flat,
        weights=weights,
    )
    sources = find_sources(inputs, recursive=recursive)
    count = max(1, len(sources.images))
    # one thread for each of several images is quicker than all threads for one after the other
    workers = min(count, usable_threads()) if tile is None and threads is None else 1
    at_once = min(count, max(2, workers))  # beside a single worker the next image is read and the last one written
    upscaler = make(threads=1 if workers > 1 else threads, workers=at_once)
    jobs = plan_jobs(sources, output=output, label=f"x{upscaler.scale:g}", suffix=suffix)
    run = _Run(upscaler, workers=workers, overwrite=overwrite, resume=resume, report=report, quality=quality)
    results = []
    for number, one in enumerate(_all(run, jobs, at_once=at_once, alone=partial(make, threads=threads)), 1):
        results.append(one)
        place = f"{number}/{len(jobs)}"
        report_job(one.job, place=place, error=one.error, summary=one.summary, notes=one.notes, quiet=json)
    if json:
        print_json({"scale": upscaler.scale, "model": upscaler.name, **_summary(results)})
    return 1 if any(one.error for one in results) else 0


@dataclass(frozen=True)
class _Result:
    """What became of a job."""

    job: Job
    error: str = ""
    notes: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    larger: tuple[int, int] | None = None
    seconds: float = 0.0
    skipped: bool = False
    domain: str | None = None
    chosen: bool = False
    """The character was chosen for this image."""
    crowded: bool = False
    """Memory did not suffice, or not beside other images."""

    @property
    def summary(self) -> str:
        if self.skipped or self.size is None or self.larger is None:
            return "is there already"
        said = f"  weights {self.domain}" if self.chosen else ""
        return f"{self.size[1]}x{self.size[0]} -> {self.larger[1]}x{self.larger[0]}  {self.seconds:.2f} s{said}"


class _CrowdedError(ImageError):
    """Memory does not suffice, or not beside other images."""


@contextmanager
def _within_memory() -> Iterator[None]:
    """Tell apart why an upscaler refuses an image: for want of memory."""
    try:
        yield
    except ImageError as error:
        raise _CrowdedError(str(error)) from error


class _Run:
    """Does one job; safe to call from several threads."""

    def __init__(
        self, upscaler: Upscaler, *, workers: int, overwrite: bool, resume: bool, report: bool, quality: int | None
    ) -> None:
        self.upscaler = upscaler
        self.workers = threading.Semaphore(workers)
        self.report = report
        self.overwrite = overwrite
        self.resume = resume
        self.quality = quality

    def __call__(self, job: Job) -> _Result:
        try:
            return self._do(job)
        except KukkiriError as error:
            return _Result(job, error=str(error), crowded=isinstance(error, _CrowdedError))

    def _do(self, job: Job) -> _Result:
        if job.problem is not None:
            raise job.problem
        if self.resume and job.target.exists():
            return _Result(job, skipped=True)
        begun = time.perf_counter()
        job.target.parent.mkdir(parents=True, exist_ok=True)
        check_output(job.target, source=job.source, overwrite=self.overwrite)
        image = read_image(job.source)
        upscaler = self.upscaler.suited(image)
        with _within_memory():
            channels = image.colour.shape[2] + (image.alpha is not None)
            size = upscaler.plan(image.size, channels=channels).output_size
        check_output(job.target, overwrite=self.overwrite, size=size)  # too large for the format: said before the work
        asked = time.perf_counter()
        with self.workers, _within_memory():
            begun += time.perf_counter() - asked  # the time for other images is not this one's
            larger = upscaler.image(image)
        notes = larger.save(job.target, overwrite=self.overwrite, quality=self.quality)
        said = tuple(dict.fromkeys([*larger.notes, *notes]))
        if self.report:
            from kukkiri.reports.fidelity import write_fidelity_report  # only a report needs the charts

            page = job.target.with_name(f"{job.target.stem}-report.html")
            write_fidelity_report(
                job.source, job.target, page, model=self.upscaler.name, notes=said, overwrite=self.overwrite
            )
        return _Result(
            job,
            notes=said,
            size=image.size,
            larger=larger.size,
            seconds=time.perf_counter() - begun,
            domain=upscaler.domain,
            chosen=self.upscaler.has_photo,
        )


def _all(run: _Run, jobs: Sequence[Job], *, at_once: int, alone: Callable[[], Upscaler]) -> Iterator[_Result]:
    """Results as they come; last, one by one, the images for which a share of the memory does not suffice."""
    late = []
    for one in _each(run, jobs, at_once=at_once):
        if one.crowded and at_once > 1:
            late.append(one.job)
        else:
            yield one
    if late:
        run.upscaler = alone()
        yield from map(run, late)


def _each(run: Callable[[Job], _Result], jobs: Sequence[Job], *, at_once: int) -> Iterator[_Result]:
    """Results as they come; never more than so many images in memory."""
    if at_once <= 1:
        yield from map(run, jobs)
        return
    with ThreadPoolExecutor(at_once) as pool:
        waiting: set[Future[_Result]] = set()
        try:
            for job in jobs:
                waiting.add(pool.submit(run, job))
                if len(waiting) >= 2 * at_once:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        finally:
            for one in waiting:
                one.cancel()


def _summary(results: Sequence[_Result]) -> dict[str, Any]:
    return {
        "files": [
            {
                "input": str(one.job.source),
                "output": str(one.job.target),
                "size": None if one.larger is None else [one.larger[1], one.larger[0]],
                "seconds": round(one.seconds, 4),
                "skipped": one.skipped,
                "weights": one.domain,
                "notes": list(one.notes),
            }
            for one in results
            if not one.error
        ],
        "failed": [{"input": str(one.job.source), "error": one.error} for one in results if one.error],
    }
