"""What is to be upscaled, and where it goes: files, folders and globs turned into pairs of paths."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kukkiri.cli.printing import print_progress, print_result
from kukkiri.errors import ConfigError, ImageError, KukkiriError
from kukkiri.files import list_images
from kukkiri.images import OUTPUT_SUFFIXES

__all__ = ["Job", "Sources", "find_sources", "plan_jobs", "report_job"]


@dataclass(frozen=True)
class Job:
    """One image to read and the file to write; or why it cannot be."""

    source: Path
    target: Path
    problem: KukkiriError | None = None


@dataclass(frozen=True)
class Sources:
    """The images that were named, and what names none."""

    images: tuple[tuple[Path, Path | None], ...]
    """Each file, and its path below the folder that was given, if one was."""
    problems: tuple[Job, ...]


def find_sources(inputs: Sequence[str], *, recursive: bool) -> Sources:
    """Every image named by ``inputs``, once.

    Args:
        inputs: files, folders, and globs that the shell did not expand.
        recursive: look into folders below.
    """
    found: list[tuple[Path, Path | None]] = []
    problems = []
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            images = list_images(path, recursive=recursive)
            if not images:
                hint = "" if recursive else " Use --recursive to look into the folders below."
                problems.append(Job(path, path, ImageError(f"{path}: no images in this folder.{hint}")))
            found += [(one, one.relative_to(path)) for one in images]
        elif not path.exists() and glob.has_magic(text):
            names = sorted(glob.glob(text, recursive=True))  # noqa: PTH207  (Path.glob refuses absolute patterns)
            matches = [Path(one) for one in names if Path(one).is_file()]
            if not matches:
                problems.append(Job(path, path, ImageError(f"{text}: nothing matches.")))
            found += [(one, Path(one.name)) for one in matches]
        else:
            found.append((path, None))
    return Sources(tuple(dict.fromkeys(found)), tuple(problems))


def plan_jobs(sources: Sources, *, output: Path | None, label: str, suffix: str | None) -> list[Job]:
    """Where the result of every image goes.

    One file may name a file as output; everything else goes into a folder, which keeps the tree below a
    folder that was given. Without an output, results lie beside their sources, with ``label`` in the name.

    Args:
        sources: see :func:`find_sources`.
        output: file or folder.
        label: such as ``x2``, added to names beside the sources.
        suffix: of the results, such as ``.png``; ``None``: .tif for .tif, .png for everything else.

    Raises:
        ConfigError: nothing to do, an unknown suffix, or two inputs with one output.
    """
    if suffix is not None and suffix.lower() not in OUTPUT_SUFFIXES:
        raise ConfigError(f"cannot write {suffix!r}. Known: {' '.join(OUTPUT_SUFFIXES)}.")
    found = sources.images
    single = len(found) == 1 and found[0][1] is None and output is not None and output.suffix and not output.is_dir()
    jobs = []
    for source, below in found:
        kind = suffix or (source.suffix.lower() if source.suffix.lower() in (".tif", ".tiff") else ".png")
        if single and output is not None:
            target = output
        elif output is None:
            target = source.with_name(f"{source.stem}-{label}{kind}")
        else:
            target = output / (below or Path(source.name)).with_suffix(kind)
        jobs.append(Job(source, target))
    _refuse_collisions(jobs)
    return [*jobs, *sources.problems]


def report_job(job: Job, *, place: str, error: str, summary: str, notes: Sequence[str], quiet: bool) -> None:
    """Say what became of a job: progress, notes and errors to stderr, the file's name to stdout.

    Args:
        job: that is done.
        place: such as ``3/10``.
        error: why there is no result, or empty.
        summary: what was done.
        notes: what the user should know about the result.
        quiet: leave stdout to ``--json``.
    """
    if error:
        print_progress(f"kukkiri: {error}")
        return
    print_progress(f"[{place}] {job.source} -> {job.target}  {summary}")
    for note in notes:
        print_progress(f"kukkiri: {note}")
    if not quiet:
        print_result(str(job.target))


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    taken: dict[Path, Path] = {}
    for job in jobs:
        other = taken.setdefault(job.target, job.source)
        if other != job.source:
            raise ConfigError(
                f"{other} and {job.source} would both be written to {job.target}. Rename one, or run them apart."
            )
