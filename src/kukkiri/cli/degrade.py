"""``kukkiri degrade``: high-resolution images in, low-resolution ones out, and the kernel that made them."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from kukkiri.cli.jobs import Job, find_sources, plan_jobs, report_job
from kukkiri.cli.printing import print_json
from kukkiri.degradations import Degradation, crop_to_multiple, kernel_view, save_kernel, subsample
from kukkiri.degradations.steps import Blur
from kukkiri.errors import ConfigError, ImageError, KukkiriError
from kukkiri.images import Image, check_output, dequantize, quantize, read_image

__all__ = ["degrade"]

Flag = Parameter(negative=())


def degrade(
    inputs: Annotated[list[str], Parameter(name="INPUT", negative=())],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    scale: Annotated[int, Parameter(alias="-s")],
    degradation: Annotated[str, Parameter(alias="-d")] = "bicubic",
    seed: int = 0,
    suffix: str | None = None,
    recursive: Annotated[bool, Parameter(alias="-r", negative=())] = False,
    overwrite: Annotated[bool, Flag] = False,
    json: Annotated[bool, Flag] = False,
) -> int:
    """Make low-resolution images. A blur's kernel is written beside the output: -kernel.npy, and .png to look at.

    Args:
        inputs: images, folders of them, or globs; sides that do not divide are cropped at the bottom and right.
        output: a file for one image, else a folder.
        scale: HR pixels for one LR pixel along a side.
        degradation: steps joined by +, such as gaussian:4.0,1.0,-0.5+direct, or bicubic, bd, dn, photo, real.
        seed: of noise, photo and real; each image has its own noise, the same in every run.
        suffix: type of the results, such as .jpg; .png (.tif for .tif) when not given.
        recursive: look into folders below.
        overwrite: replace existing results.
        json: print one JSON object to stdout.
    """
    if scale < 1:
        raise ConfigError(f"--scale must be a whole number from 1, got {scale}.")
    if seed < 0:
        raise ConfigError(f"--seed must not be negative, got {seed}.")
    parsed = Degradation.parse(degradation)
    sources = find_sources(inputs, recursive=recursive)
    jobs = plan_jobs(sources, output=output, label=f"lr-x{scale}", suffix=suffix)
    kernels = _write_kernels(parsed, output, scale=scale, overwrite=overwrite)
    results = []
    for number, job in enumerate(jobs):
        done = _do(job, parsed, scale=scale, seed=(seed, number), overwrite=overwrite)
        results.append(done)
        place = f"{number + 1}/{len(jobs)}"
        report_job(job, place=place, error=done.error, summary=done.degradation, notes=done.notes, quiet=json)
    if json:
        files = [one.to_json() for one in results]
        print_json({"degradation": str(parsed), "scale": scale, "seed": seed, "kernels": kernels, "files": files})
    return 1 if any(one.error for one in results) else 0


@dataclass(frozen=True)
class _Result:
    """What became of a job."""

    job: Job
    error: str = ""
    notes: tuple[str, ...] = ()
    degradation: str = ""
    """The steps that were taken, with those of ``real`` as they were drawn."""
    size: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "input": str(self.job.source),
            "output": None if self.error else str(self.job.target),
            "size": None if self.size is None else [self.size[1], self.size[0]],
            "degradation": self.degradation,
            "notes": list(self.notes),
            "error": self.error or None,
        }


def _do(job: Job, degradation: Degradation, *, scale: int, seed: tuple[int, int], overwrite: bool) -> _Result:
    try:
        if job.problem is not None:
            raise job.problem
        job.target.parent.mkdir(parents=True, exist_ok=True)
        check_output(job.target, source=job.source, overwrite=overwrite)
        hr = read_image(job.source)
        rng = np.random.default_rng(seed)
        drawn = degradation.sample(scale=scale, seed=rng)
        lr = _degraded(hr, drawn, scale=scale, rng=rng)
        notes = [*hr.notes, *lr.notes, *dataclasses.replace(lr, notes=()).save(job.target, overwrite=overwrite)]
    except KukkiriError as error:
        return _Result(job, error=str(error))
    return _Result(job, notes=tuple(dict.fromkeys(notes)), degradation=str(drawn), size=lr.size)


def _degraded(hr: Image, degradation: Degradation, *, scale: int, rng: np.random.Generator) -> Image:
    """The small image; 8-bit ones are degraded as 8-bit levels, so that they are bit-exact."""
    height, width = hr.size
    if min(height, width) < scale:
        raise ImageError(
            f"{hr.source}: {width}x{height} is smaller than one pixel at scale {scale}. Use another image."
        )
    colour = crop_to_multiple(hr.colour, scale)
    notes: tuple[str, ...] = ()
    if colour.shape[:2] != hr.size:
        notes = (
            f"{hr.source}: {width}x{height} was cropped to {colour.shape[1]}x{colour.shape[0]}, a multiple of {scale}.",
        )
    alpha = None
    if hr.alpha is not None:
        alpha = np.clip(subsample(crop_to_multiple(hr.alpha, scale), scale=scale), np.float32(0), np.float32(1))
    small: NDArray[np.float32]
    if hr.depth == 8:
        small = dequantize(degradation.apply(quantize(colour, 8), scale=scale, seed=rng))
    else:
        small = np.clip(degradation.apply(colour, scale=scale, seed=rng), np.float32(0), np.float32(1))
    return dataclasses.replace(hr, colour=small, alpha=alpha, notes=notes)


def _write_kernels(degradation: Degradation, output: Path, *, scale: int, overwrite: bool) -> list[str]:
    """Each blur's kernel, as numbers and as an image, beside the output and not in it: there it would be an image."""
    if degradation.samples_steps:
        return []  # every image has its own
    places = [place for place, step in enumerate(degradation.steps) if isinstance(step, Blur)]
    base = output.with_suffix("") if output.suffix and not output.is_dir() else output
    written = []
    for number, place in enumerate(places, 1):
        name = f"{base.name}-kernel" + (str(number) if len(places) > 1 else "")
        array, image = base.with_name(f"{name}.npy"), base.with_name(f"{name}.png")
        for path in (array, image):
            if path.exists() and not overwrite:
                raise ConfigError(f"{path}: exists already. Choose another output, or allow it with --overwrite.")
        base.parent.mkdir(parents=True, exist_ok=True)
        kernel = degradation.blur_kernel(place, scale=scale)
        save_kernel(kernel, array)
        Image.from_array(quantize(kernel_view(kernel), 8)).save(image, overwrite=overwrite)
        written += [str(array), str(image)]
    return written
