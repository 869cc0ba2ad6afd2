"""Image files and clips to read and to write: every source gets the name of its result."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kukkiri.errors import ConfigError, ImageError, KukkiriError, did_you_mean
from kukkiri.files import CLIP_OUTPUT_SUFFIXES, CLIP_SUFFIXES, sweep_temporary_files
from kukkiri.images import OUTPUT_SUFFIXES, find_own_suffix
from kukkiri.images.archives import COMIC_SUFFIX, is_comic
from kukkiri.images.sequences import find_default_suffix
from kukkiri.inference.clip_files import choose_clip_suffix, is_clip
from kukkiri.inference.earlier_results import SizeReader, is_result_of, read_size
from kukkiri.inference.name_templates import NameParts, NameTemplate
from kukkiri.inference.source_files import SourceFiles

__all__ = ["SAME", "FileJob", "JobPlan", "Naming", "depends_on_content", "plan_jobs", "rename_job", "sweep_targets"]

SAME = "same"
"""Instead of a suffix: the format of each source."""

_TELLING = (".bmp", ".jfif", ".jpe", ".jpeg", ".jpg", ".tif", ".tiff", COMIC_SUFFIX, *CLIP_SUFFIXES)
"""Suffixes of sources that tell the one of the result."""
_LIKELY = (".exr", ".gif", ".hdr", ".pfm")
"""Suffixes of sources whose results keep them, as far as a name tells."""


@dataclass(frozen=True)
class FileJob:
    """One image or clip to read and the file to write."""

    source: Path
    target: Path
    problem: KukkiriError | None = None
    """The reason why nothing is read."""
    below: Path | None = None
    """Place of the source in the tree that was given, such as ``2024/beach.jpg``; ``None``: it was named alone."""
    replaces: bool = False
    """The target may exist, and is replaced: an earlier run of the same kind made it, see :class:`JobRecorder`."""


def _no_size(path: Path) -> tuple[float, tuple[int, int]]:
    raise ImageError(f"{path}: the size of its result is not known beforehand. Name results without width and height.")


@dataclass(frozen=True, kw_only=True)
class Naming:
    """The names of the results of a run."""

    template: NameTemplate
    scale: float | None = 1.0
    """Of every result; ``None``: ``measure`` tells it."""
    model: str = ""
    measure: Callable[[Path], tuple[float, tuple[int, int]]] = _no_size
    """Scale and (height, width) of a source's result; called when a name needs them."""
    read_size: SizeReader = read_size
    """(height, width) of a file that may be a result."""

    def name(self, source: Path, *, suffix: str) -> str:
        """Name the result of a source.

        Raises:
            ConfigError: see :meth:`NameTemplate.fill`.
            ImageError: a size is needed, and the source cannot be read.
        """
        scale, size = self.scale, None
        if self.template.fields & {"width", "height"} or (scale is None and "scale" in self.template.fields):
            scale, size = self.measure(source)
        return self.template.fill(stem=source.stem, scale=scale or 1, model=self.model, size=size, suffix=suffix)


@dataclass(frozen=True)
class JobPlan:
    """The files of a run."""

    jobs: list[FileJob]
    sources: SourceFiles
    """That were left out, too."""


def plan_jobs(
    sources: SourceFiles,
    *,
    output: Path | None,
    naming: Naming,
    suffix: str | None = None,
    others: Iterable[Path] | None = None,
) -> JobPlan:
    """Give every image the file that its result goes to.

    One file may name a file as output; everything else goes into a folder, which keeps the tree below a
    folder that was given. Without an output, results lie beside their sources. Sources whose results would have
    one name are jobs with a problem, and so is one whose result would have the name of another source, unless that
    is the result of an earlier run.

    Args:
        sources: see :func:`find_source_files`.
        output: file or folder.
        naming: of the results.
        suffix: of the results, such as ``.png``; ``same``: that of each source's format, where it can be written;
            ``None``: .tif for .tif, the container of a clip, .png for everything else. A container is for the clips
            of the run alone, an image format for the images.
        others: inputs that other processes do, and that no result may replace; read once, and not kept. When they are
            given, ``output`` is a folder.

    Raises:
        ConfigError: an unknown suffix.
    """
    known = (*OUTPUT_SUFFIXES, *CLIP_OUTPUT_SUFFIXES)
    if suffix not in (None, SAME) and suffix.lower() not in known:
        raise ConfigError(f"cannot write {suffix!r}{did_you_mean(suffix.lower(), known)}")
    found = sources.images
    alone = len(found) == 1 and found[0][1] is None and others is None
    single = alone and output is not None and output.suffix and not output.is_dir()
    jobs = []
    for source, below in found:
        if single and output is not None:
            jobs.append(FileJob(source, output, _find_misfit(source, output), below))
            continue
        folder = source.parent if output is None else output / (below or Path(source.name)).parent
        try:
            target = folder / naming.name(source, suffix=_choose_suffix(source, suffix))
            jobs.append(FileJob(source, target, below=below))
        except KukkiriError as error:
            jobs.append(FileJob(source, source, error, below))
    results = _find_own_results(jobs, naming)
    jobs = _mark_clashes([job for job in jobs if job.source not in results], others or ())
    jobs += [FileJob(each.path, each.path, each.problem) for each in sources.problems]
    return JobPlan(jobs, replace(sources, results=(*sources.results, *(Path(path.name) for path in results))))


def _find_misfit(source: Path, target: Path) -> KukkiriError | None:
    """The reason why a source cannot be written as the one file that was named, where the names tell it."""
    suffix = target.suffix.lower()
    if suffix in CLIP_SUFFIXES and suffix not in CLIP_OUTPUT_SUFFIXES:
        listed = ", ".join(CLIP_OUTPUT_SUFFIXES)
        return ConfigError(
            f"{target}: clips are not written as {suffix}. Name one of {listed}; .mkv holds every stream."
        )
    if is_clip(source) and suffix not in CLIP_OUTPUT_SUFFIXES:
        listed = ", ".join(CLIP_OUTPUT_SUFFIXES)
        return ConfigError(f"{source}: a clip cannot be written as {suffix} ({target}). Name one of {listed}.")
    return None


def depends_on_content(source: Path, suffix: str | None) -> bool:
    """True when the name of a source does not tell the suffix of its result, because it may be an animation.

    Args:
        source: need not be there.
        suffix: of the results, see :func:`plan_jobs`.
    """
    chosen = suffix not in (None, SAME) and suffix.lower() not in CLIP_OUTPUT_SUFFIXES
    return not chosen and source.suffix.lower() not in _TELLING


def rename_job(job: FileJob, *, naming: Naming, suffix: str | None) -> FileJob:
    """Name the result of a job by the content of its source, which was not there when the job was planned.

    Raises:
        KukkiriError: see :meth:`Naming.name`.
    """
    name = naming.name(job.source, suffix=_choose_suffix(job.source, suffix))
    return replace(job, target=job.target.with_name(name))


def sweep_targets(jobs: Iterable[FileJob]) -> None:
    """Delete what killed processes left in the folders that the results go to."""
    for folder in dict.fromkeys(job.target.parent for job in jobs if job.problem is None):
        sweep_temporary_files(folder)


def _choose_suffix(source: Path, suffix: str | None) -> str:
    if is_comic(source):  # the suffix is that of its pages
        return COMIC_SUFFIX
    if is_clip(source):
        return choose_clip_suffix(source, None if suffix == SAME else suffix)
    if suffix is not None and suffix.lower() in CLIP_OUTPUT_SUFFIXES:
        suffix = None  # for the clips of this run
    if suffix == SAME:
        return find_own_suffix(source) or _guess_suffix(source, OUTPUT_SUFFIXES)
    if suffix is not None:
        return suffix
    own = source.suffix.lower()
    if own in (".tif", ".tiff"):
        return own
    return find_default_suffix(source) or _guess_suffix(source, _LIKELY)


def _guess_suffix(source: Path, kept: Sequence[str]) -> str:
    """The suffix that the name of a source suggests, while the source is not there; else that of images."""
    own = source.suffix.lower()
    return own if own in kept and not source.exists() else ".png"


def _find_own_results(jobs: Sequence[FileJob], naming: Naming) -> dict[Path, None]:
    """Find the sources that this very run would make of another source, and so has made before."""
    makers: dict[str, list[Path]] = defaultdict(list)
    for job in jobs:
        if job.problem is None:
            makers[_key(job.target)].append(job.source)
    found: dict[Path, None] = {}
    for job in jobs:
        for maker in makers.get(_key(job.source), ()):
            if _key(maker) != _key(job.source) and _is_own_result(job.source, maker, naming):
                found[job.source] = None
    return found


def _is_own_result(path: Path, source: Path, naming: Naming) -> bool:
    if naming.scale is not None:
        exact = NameParts(source.stem, scale=naming.scale)
    else:
        try:
            exact = NameParts(source.stem, size=naming.measure(source)[1])
        except KukkiriError:
            return False
    return any(
        is_result_of(path, source, parts, read_size=naming.read_size) for parts in (exact, NameParts(source.stem))
    )


def _mark_clashes(jobs: Sequence[FileJob], others: Iterable[Path]) -> list[FileJob]:
    inputs = {_key(job.source): job.source for job in jobs}
    makers: dict[str, list[Path]] = defaultdict(list)
    for job in jobs:
        if job.problem is None:
            makers[_key(job.target)].append(job.source)
    inputs |= {key: path for path in others if (key := _key(path)) in makers}

    def mark(job: FileJob) -> FileJob:
        if job.problem is not None:
            return job
        others = makers[_key(job.target)]
        if len(others) > 1:
            listed = f"{', '.join(map(str, others[:-1]))} and {others[-1]}"
            return replace(
                job,
                problem=ConfigError(
                    f"{listed} would {'both' if len(others) == 2 else 'all'} be written to {job.target}. "
                    "Rename one, or run them apart."
                ),
            )
        if inputs.get(_key(job.target), job.source) != job.source:
            return replace(
                job,
                problem=ConfigError(
                    f"{job.source}: its result would be {job.target}, which is an input of this run and is never "
                    "overwritten. Choose another folder with -o, or another name with --name."
                ),
            )
        return job

    return [mark(job) for job in jobs]


def _key(path: Path) -> str:
    return os.path.normcase(os.path.abspath(path))  # noqa: PTH100
