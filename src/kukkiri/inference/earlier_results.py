"""Results of earlier runs among the images and clips of a folder, which are no sources of the next run."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from kukkiri.errors import ImageError
from kukkiri.files import CLIP_SUFFIXES, IMAGE_SUFFIXES, list_files
from kukkiri.images import read_image
from kukkiri.inference.name_templates import NameParts, NameTemplate
from kukkiri.inference.part_counts import read_first_header

__all__ = ["BESIDE", "BESIDE_SIZED", "find_earlier_results", "is_result_of", "read_size", "shows_the_same"]

BESIDE = NameTemplate("{stem}-x{scale}")
"""Names of results beside their sources."""
BESIDE_SIZED = NameTemplate("{stem}-{width}x{height}")
"""The same when a size was asked for, not a scale."""

_GRID = 8
_PART = 4  # pixels of a part at least: the means over fewer depend on the interpolation
_LIKE = 12 / 255  # RMS
_KNOWN = (*IMAGE_SUFFIXES, *CLIP_SUFFIXES)
_USUAL = tuple(
    NameTemplate(f"{{stem}}{end}")
    for joint in "-_@ "
    for scale in ("x{scale}", "{scale}x", "{width}x{height}")
    for end in (f"{joint}{scale}", f"{joint}{{model}}{joint}{scale}")
)
"""Other templates that earlier runs may have been given."""

Candidate = tuple[Path, Path | None]
"""A file, and its path below the folder that was given, if one was."""

SizeReader = Callable[[Path], tuple[int, int] | None]
"""(height, width) of an image or clip; ``None`` when it cannot be read."""


@lru_cache(maxsize=4096)
def _read_size_at(path: Path, changed: int) -> tuple[int, int] | None:
    try:
        return read_first_header(path).size
    except ImageError:
        return None


def read_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of an image; ``None`` when it cannot be read."""
    try:
        return _read_size_at(path, path.stat().st_mtime_ns)
    except OSError:
        return None


def find_earlier_results(
    images: Sequence[Candidate],
    *,
    output: Path | None = None,
    name: NameTemplate | None = None,
    read_size: SizeReader = read_size,
) -> set[Path]:
    """Find the images that earlier runs made of others among them.

    A result has the name that a run gives, by the template of this run or a usual one that tells the scale or the
    size, for any scale, size or suffix, and the sides that the name and its source say. It lies beside its source,
    whether that is to be upscaled or not, or in a folder below it that holds the tree of another again. All that lies
    in the output folder of this run is taken for a result, when that is below a folder that is searched. A name by the
    template of this run with other sides, as an earlier run with another scale or size gives, is one when both images
    show the same.

    Args:
        images: that may be sources.
        output: folder of this run's results; ``None`` beside the sources.
        name: template of this run.
        read_size: of an image or clip.
    """
    places: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for absolute in dict.fromkeys(_list_with_neighbours(images)):
        places[absolute.parent, absolute.stem].append(absolute)
    templates = [*_USUAL, *([name] if name is not None else [])]
    results = set()
    for path, below in images:
        absolute = _absolute(path)
        if below is not None and _is_in_output(absolute, below, output):
            results.add(path)
            continue
        for folder, parts in _possible_sources(absolute, below, templates):
            sources = [source for source in places.get((folder, parts.stem), ()) if source != absolute]
            by_size = any(is_result_of(absolute, source, parts, read_size=read_size) for source in sources)
            if by_size or (name is not None and _is_of_template(absolute, parts, sources, name)):
                results.add(path)
                break
    return results


def _is_of_template(path: Path, parts: NameParts, sources: Sequence[Path], name: NameTemplate) -> bool:
    """True when an image has a name that this run gives, and shows the same as a source of that name."""
    if parts.stem == path.stem or parts not in name.read(path.stem):
        return False
    return any(shows_the_same(path, source) for source in sources)


def shows_the_same(path: Path, other: Path) -> bool:
    """True when two images agree, whatever their sides; false also for what cannot be read as one image.

    The means over a grid of at most 8x8 parts are compared, alpha multiplied in. Those of a result differ by 3 levels
    of 255 and less, those of unlike photographs by 30 and more.
    """
    try:
        images = [read_image(each) for each in (path, other)]
    except ImageError:
        return False
    sizes = (image.size for image in images)
    down, across = (max(1, min(_GRID, min(sides) // _PART)) for sides in zip(*sizes, strict=True))
    grids = []
    for image in images:
        grey = image.colour.mean(axis=2)
        rows = np.array_split(grey if image.alpha is None else grey * image.alpha, down, axis=0)
        grids.append([[part.mean() for part in np.array_split(row, across, axis=1)] for row in rows])
    difference = np.array(grids[0]) - np.array(grids[1])
    return float(np.sqrt(np.square(difference).mean())) < _LIKE


def is_result_of(path: Path, source: Path, parts: NameParts, *, read_size: SizeReader = read_size) -> bool:
    """True when an image has the sides of a result of ``source``.

    Args:
        path: the image.
        source: another image.
        parts: of the name; with neither scale nor size any larger image of the same shape is one.
        read_size: of an image or clip.
    """
    sizes = read_size(path), read_size(source)
    if sizes[0] is None or sizes[1] is None:
        return False
    (height, width), (source_height, source_width) = sizes[0], sizes[1]
    if parts.size is not None:
        return parts.size == (height, width)
    factor = parts.scale or height / source_height
    if parts.scale is None and factor <= 1:
        return False
    slack = 1 if parts.scale else max(1.0, factor)
    return abs(factor * source_height - height) <= slack and abs(factor * source_width - width) <= slack


def _list_with_neighbours(images: Sequence[Candidate]) -> Iterator[Path]:
    """The images, and those beside them that were not named, such as the .jpg of ``*.png``; absolute."""
    absolute = [_absolute(path) for path, _ in images]
    yield from absolute
    if len(absolute) > 1:
        for folder in dict.fromkeys(path.parent for path in absolute):
            yield from (file for file in list_files(folder) if file.suffix.lower() in _KNOWN)


def _possible_sources(
    path: Path, below: Path | None, templates: Sequence[NameTemplate]
) -> Iterator[tuple[Path, NameParts]]:
    """Folders and stems that a result of this name may have come from."""
    made = [parts for template in templates for parts in template.read(path.stem)]
    yield from ((path.parent, parts) for parts in made)
    folders = () if below is None else below.parent.parts
    root = path.parents[len(folders)]
    for first in range(len(folders)):  # an output folder inserted somewhere into the tree
        for last in range(first + 1, len(folders) + 1):
            folder = root.joinpath(*folders[:first], *folders[last:])
            yield folder, NameParts(path.stem)
            yield from ((folder, parts) for parts in made)


def _is_in_output(path: Path, below: Path, output: Path | None) -> bool:
    if output is None:
        return False
    root = path.parents[len(below.parts) - 1]
    folder = _absolute(output)
    return folder != root and folder.is_relative_to(root) and path.is_relative_to(folder)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  (also removes "..", which Path.absolute keeps)
