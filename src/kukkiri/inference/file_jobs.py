"""Image files to read and to write: files, folders and globs turned into pairs of paths."""

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kukkiri.errors import ConfigError, ImageError, KukkiriError, did_you_mean
from kukkiri.files import list_images, sweep_temporary_files
from kukkiri.images import OUTPUT_SUFFIXES

__all__ = ["FileJob", "SourceFiles", "find_source_files", "plan_jobs", "sweep_targets"]


@dataclass(frozen=True)
class FileJob:
    """One image to read and the file to write."""

    source: Path
    target: Path
    problem: KukkiriError | None = None
    """The reason why there is nothing to read."""


@dataclass(frozen=True)
class SourceFiles:
    """The image files that some inputs name."""

    images: tuple[tuple[Path, Path | None], ...]
    """Each file, and its path below the folder that was given, if one was."""
    problems: tuple[FileJob, ...]
    """Inputs that name no image."""


def find_source_files(inputs: Sequence[str], *, recursive: bool = False) -> SourceFiles:
    """Find every image that ``inputs`` name, each once.

    Args:
        inputs: files, folders, and globs that the shell did not expand.
        recursive: look into folders below, too.
    """
    found: list[tuple[Path, Path | None]] = []
    problems = []
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            images = list_images(path, recursive=recursive)
            if not images:
                hint = "" if recursive else " Use --recursive to look into the folders below."
                problems.append(FileJob(path, path, ImageError(f"{path}: no images in this folder.{hint}")))
            found += [(image, image.relative_to(path)) for image in images]
        elif not path.exists() and glob.has_magic(text):
            names = sorted(glob.glob(text, recursive=True))  # noqa: PTH207  (Path.glob refuses absolute patterns)
            matches = [Path(name) for name in names if Path(name).is_file()]
            if not matches:
                problems.append(FileJob(path, path, ImageError(f"{text}: nothing matches.")))
            found += [(match, Path(match.name)) for match in matches]
        else:
            found.append((path, None))
    return SourceFiles(tuple(dict.fromkeys(found)), tuple(problems))


def plan_jobs(sources: SourceFiles, *, output: Path | None, label: str, suffix: str | None = None) -> list[FileJob]:
    """Give every image the file that its result goes to.

    One file may name a file as output; everything else goes into a folder, which keeps the tree below a
    folder that was given. Without an output, results lie beside their sources, with ``label`` in the name.

    Args:
        sources: see :func:`find_source_files`.
        output: file or folder.
        label: such as ``x2``, added to names beside the sources.
        suffix: of the results, such as ``.png``; ``None``: .tif for .tif, .png for everything else.

    Raises:
        ConfigError: an unknown suffix, or two inputs with one output.
    """
    if suffix is not None and suffix.lower() not in OUTPUT_SUFFIXES:
        raise ConfigError(f"cannot write {suffix!r}{did_you_mean(suffix.lower(), OUTPUT_SUFFIXES)}")
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
        jobs.append(FileJob(source, target))
    _refuse_collisions(jobs)
    return [*jobs, *sources.problems]


def sweep_targets(jobs: Iterable[FileJob]) -> None:
    """Delete what killed processes left in the folders that the results go to."""
    for folder in dict.fromkeys(job.target.parent for job in jobs if job.problem is None):
        sweep_temporary_files(folder)


def _refuse_collisions(jobs: Sequence[FileJob]) -> None:
    taken: dict[Path, Path] = {}
    for job in jobs:
        other = taken.setdefault(job.target, job.source)
        if other != job.source:
            raise ConfigError(
                f"{other} and {job.source} would both be written to {job.target}. Rename one, or run them apart."
            )
