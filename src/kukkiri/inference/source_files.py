"""The image files and clips that the inputs of a run name: files, folders and globs."""

import glob
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kukkiri.errors import ImageError
from kukkiri.files import CLIP_SUFFIXES, IMAGE_SUFFIXES, list_files
from kukkiri.images.archives import COMIC_SUFFIX
from kukkiri.inference.clip_files import is_clip, is_partial_clip
from kukkiri.inference.earlier_results import Candidate, SizeReader, find_earlier_results, read_size
from kukkiri.inference.name_templates import NameTemplate

__all__ = ["Chooser", "SourceFiles", "SourceProblem", "find_source_files", "leave_out_results"]

Chooser = Callable[[Candidate], bool]
"""True for the sources that this process does."""

_NAMED = 3
_KNOWN = (*IMAGE_SUFFIXES, COMIC_SUFFIX)


@dataclass(frozen=True)
class SourceProblem:
    """An input that names no image."""

    path: Path
    problem: ImageError


@dataclass(frozen=True)
class SourceFiles:
    """The image files that some inputs name."""

    images: tuple[Candidate, ...]
    """Each file, and its path below the folder that was given, if one was."""
    problems: tuple[SourceProblem, ...] = ()
    """Inputs that name no image."""
    results: tuple[Path, ...] = ()
    """Results of earlier runs, which are left out: their names, or their paths below the folder that was given."""
    others: tuple[Path, ...] = ()
    """Files of other kinds in the folders, which are left out."""

    def choose(self, chooser: Chooser) -> "SourceFiles":
        """Keep the images that ``chooser`` takes."""
        return replace(self, images=tuple(image for image in self.images if chooser(image)))

    def notes(self) -> list[str]:
        """One line for each kind of files that are left out."""
        notes = []
        if self.results:
            names = ", ".join(map(str, self.results[:_NAMED])) + (", ..." if len(self.results) > _NAMED else "")
            what = (
                "1 result of an earlier run"
                if len(self.results) == 1
                else f"{len(self.results)} results of earlier runs"
            )
            notes.append(f"left out {what} ({names}); name one alone to upscale it")
        if self.others:
            kinds = Counter(path.suffix.lower() or "without a suffix" for path in self.others)
            counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            files = "1 file of another kind" if len(self.others) == 1 else f"{len(self.others)} files of other kinds"
            notes.append(f"left out {files}: {counted}")
        return notes


def find_source_files(inputs: Sequence[str], *, recursive: bool = False) -> SourceFiles:
    """Find every image that ``inputs`` name, each once.

    Args:
        inputs: files, folders, and globs that the shell did not expand.
        recursive: look into folders below, too.
    """
    found: dict[Path, Path | None] = {}
    problems: list[SourceProblem] = []
    others: list[Path] = []
    for text in inputs:
        path = Path(text)
        if not text:  # which Path takes for the working directory
            reason = "an input has an empty name. Check the variable that it comes from; a dot is this folder."
            problems.append(SourceProblem(path, ImageError(reason)))
        elif path.is_dir():
            files = list_files(path, recursive=recursive)
            images = [file for file in files if _is_source(file)]
            others += [file for file in files if not _is_source(file)]
            if not images:
                hint = "" if recursive else " Use --recursive to look into the folders below."
                problems.append(SourceProblem(path, ImageError(f"{path}: no images or clips in this folder.{hint}")))
            for image in images:
                found.setdefault(image, image.relative_to(path))
        elif not path.exists() and glob.has_magic(text):
            names = sorted(glob.glob(text, recursive=True))  # noqa: PTH207  (Path.glob refuses absolute patterns)
            matches = [Path(name) for name in names if Path(name).is_file()]
            if not matches:
                problems.append(SourceProblem(path, ImageError(f"{text}: nothing matches.")))
            for match in matches:
                found.setdefault(match, Path(match.name))
        else:
            found.setdefault(path, None)
    return SourceFiles(tuple(found.items()), tuple(problems), others=tuple(dict.fromkeys(others)))


def _is_source(file: Path) -> bool:
    suffix = file.suffix.lower()
    return suffix in _KNOWN or (suffix in CLIP_SUFFIXES and is_clip(file) and not is_partial_clip(file))


def leave_out_results(
    sources: SourceFiles,
    *,
    output: Path | None = None,
    name: NameTemplate | None = None,
    read_size: SizeReader = read_size,
) -> SourceFiles:
    """Leave out what earlier runs made, see :func:`kukkiri.inference.earlier_results.find_earlier_results`.

    Args:
        sources: of this run.
        output: file or folder of this run.
        name: template of this run's results.
        read_size: (height, width) of an image or clip.
    """
    results = find_earlier_results(sources.images, output=output, name=name, read_size=read_size)
    if len(results) == len(sources.images) and all(
        below is None or below.parent == Path() for _, below in sources.images
    ):
        return sources  # they alone were named
    return replace(
        sources,
        images=tuple((path, below) for path, below in sources.images if path not in results),
        results=tuple(below or Path(path.name) for path, below in sources.images if path in results),
    )
