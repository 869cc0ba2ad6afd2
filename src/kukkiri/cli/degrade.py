"""``kukkiri degrade``: HR images in, LR images out, and the kernel that made them."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from kukkiri.cli.parameters import Inputs
from kukkiri.cli.printing import print_json, print_progress, report_file
from kukkiri.degradations import Degradation
from kukkiri.degradations.lr_images import make_lr, write_kernels
from kukkiri.errors import ConfigError, KukkiriError
from kukkiri.files import make_folder
from kukkiri.images import check_output, read_image
from kukkiri.inference.file_jobs import FileJob, Naming, plan_jobs, sweep_targets
from kukkiri.inference.name_templates import NameTemplate
from kukkiri.inference.source_files import find_source_files

__all__ = ["degrade"]


def degrade(
    inputs: Inputs,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    scale: Annotated[int, Parameter(alias="-s")],
    degradation: Annotated[str, Parameter(alias="-d")] = "bicubic",
    seed: int = 0,
    suffix: str | None = None,
    recursive: Annotated[bool, Parameter(alias="-r")] = False,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Make LR images. A blur's kernel is written beside the output: -kernel.npy, and -kernel.png to look at.

    Args:
        inputs: images, folders of images, or globs; sides that do not divide by the scale are cropped at the bottom
            and right.
        output: a file for one image, else a folder.
        scale: HR pixels for one LR pixel along a side, a whole number from 1.
        degradation: steps joined by +, such as gaussian:4.0,1.0,-0.5+direct, or a preset: bicubic, bd, dn, photo, real.
        seed: of noise and of the random steps of photo and real; every image has its own, the same in every run.
        suffix: file type of the results, such as .jpg; .png (.tif for .tif) when not given.
        recursive: look into folders below, too.
        overwrite: replace existing results.
        json: print one JSON object to stdout and nothing else.
    """
    if scale < 1:
        raise ConfigError(f"--scale must be a whole number from 1, got {scale}.")
    if seed < 0:
        raise ConfigError(f"--seed must not be negative, got {seed}.")
    parsed = Degradation.parse(degradation)
    sources = find_source_files(inputs, recursive=recursive)
    naming = Naming(template=NameTemplate("{stem}"), scale=1 / scale)
    plan = plan_jobs(sources, output=output, naming=naming, suffix=suffix)
    jobs = plan.jobs
    for note in plan.sources.notes():
        print_progress(f"kukkiri: {note}")
    sweep_targets(jobs)
    base = output.with_suffix("") if output.suffix and not output.is_dir() else output
    kernels = write_kernels(parsed, base, scale=scale, overwrite=overwrite)  # beside a folder: in it they were images
    results = []
    for number, job in enumerate(jobs):
        result = _degrade_file(job, parsed, scale=scale, seed=(seed, number), overwrite=overwrite)
        results.append(result)
        place = f"{number + 1}/{len(jobs)}"
        report_file(job, place=place, error=result.error, summary=result.degradation, notes=result.notes, quiet=json)
    if json:
        about = {"degradation": str(parsed), "scale": scale, "seed": seed, "kernels": [str(path) for path in kernels]}
        print_json({**about, "files": [result.to_json() for result in results]})
    return 1 if any(result.error for result in results) else 0


@dataclass(frozen=True)
class _DegradedFile:
    """The outcome of a job."""

    job: FileJob
    error: str = ""
    notes: tuple[str, ...] = ()
    degradation: str = ""
    """The steps that were taken, with random ones as they were sampled."""
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


def _degrade_file(
    job: FileJob, degradation: Degradation, *, scale: int, seed: tuple[int, int], overwrite: bool
) -> _DegradedFile:
    try:
        if job.problem is not None:
            raise job.problem
        make_folder(job.target.parent)
        check_output(job.target, source=job.source, overwrite=overwrite)
        hr = read_image(job.source)
        lr, sampled = make_lr(hr, degradation, scale=scale, seed=seed)
        saved = dataclasses.replace(lr, notes=()).save(job.target, overwrite=overwrite)
    except KukkiriError as error:
        return _DegradedFile(job, error=str(error))
    notes = tuple(dict.fromkeys([*hr.notes, *lr.notes, *saved]))
    return _DegradedFile(job, notes=notes, degradation=str(sampled), size=lr.size)
