"""The test sets of the literature by name: found in folders under their usual names, and checked.

A set is only accepted when its images have the number and the sizes of the published ones: scores on sets whose
images were cut to multiples of 12, halved, or are incomplete cannot be compared with published ones.
"""

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.evaluation.sets import TestSet
from kukkiri.files import list_images
from kukkiri.images import read_image

__all__ = [
    "BENCHMARKS",
    "DATA_VARIABLE",
    "Archive",
    "Benchmark",
    "data_folders",
    "find_benchmark",
    "look_for_benchmark",
    "named_benchmark",
]

DATA_VARIABLE = "KUKKIRI_DATA"
"""Environment variable with the folders of test sets, separated as in PATH."""
Size = tuple[int, int]
_INSIDE = ("", "HR", "original", "image_SRF_4", "images/test", "test")
_TOLERANCE = 0.02


@dataclass(frozen=True)
class Archive:
    """Public address of a set."""

    url: str
    size: int | None
    """Bytes, to show progress when the server does not say."""
    sha256: str
    inside: str
    """Folder in the archive that holds the images."""


@dataclass(frozen=True)
class Benchmark:
    """A test set of the literature. Sizes are (height, width)."""

    name: str
    """As in tables; a folder of this name is looked for first."""
    count: int
    aliases: tuple[str, ...] = ()
    """Other names of its folder; case, - and _ are ignored."""
    sizes: tuple[Size, ...] = ()
    """Of all images, whatever their names and order."""
    any_of: tuple[Size, ...] = ()
    """Every image has one of these sizes."""
    long_side: int | None = None
    """Of every image."""
    mean_pixels: int | None = None
    """Mean number of pixels, within 2 %."""
    archive: Archive | None = None
    """Its public address, where there is one with a known checksum."""
    terms: str = ""
    """Terms of use of its authors, for the reader."""

    def check(self, found: TestSet) -> None:
        """Compare a folder with the set.

        Raises:
            ConfigError: another number of images, or an image of another size.
            ImageError: an image cannot be read.
        """
        if len(found.paths) != self.count:
            raise self._refusal(found, f"{len(found.paths)} images, expected {self.count}")
        sizes = {path: _size(path) for path in found.paths}
        left = list(self.sizes)
        for path, size in sizes.items():
            if size in left:
                left.remove(size)
            elif self.sizes:
                raise self._refusal(found, f"{path.name} is {_text(size)}, expected {' or '.join(map(_text, left))}")
            if self.any_of and size not in self.any_of:
                raise self._refusal(found, f"{path.name} is {_text(size)}, expected {_text(self.any_of[0])} or rotated")
            if self.long_side and max(size) != self.long_side:
                raise self._refusal(found, f"{path.name} is {_text(size)}, expected a side of {self.long_side}")
        mean = sum(height * width for height, width in sizes.values()) / self.count
        if self.mean_pixels and abs(mean / self.mean_pixels - 1) > _TOLERANCE:
            raise self._refusal(found, f"{mean:,.0f} pixels on average, expected about {self.mean_pixels:,}")

    def _refusal(self, found: TestSet, reason: str) -> ConfigError:
        folder = found.paths[0].parent if found.paths else Path(found.name)
        return ConfigError(
            f"{folder} is not {self.name} as it was published: {reason}. "
            "Use the original images, not cropped or resized; or score the folder as it is with --data, unnamed."
        )


_RESEARCH = "no licence stated; used for research"
BENCHMARKS = {
    "set5": Benchmark(
        "Set5",
        5,
        sizes=((512, 512), (288, 288), (256, 256), (280, 280), (344, 228)),
        terms=_RESEARCH,
    ),
    "set14": Benchmark(
        "Set14",
        14,
        sizes=(
            *((480, 500), (576, 720), (361, 250), (276, 276), (362, 500), (512, 768), (656, 529), (391, 586)),
            *((288, 352),) * 2,
            *((512, 512),) * 4,
        ),
        terms=_RESEARCH,
    ),
    "b100": Benchmark(
        "B100",
        100,
        aliases=("BSD100", "BSDS100", "BSDS300"),
        any_of=((321, 481), (481, 321)),
        archive=Archive(
            "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/segbench/BSDS300-images.tgz",
            None,
            "a5f7d0e49fe135c75518a3543ced24470156fd69305ae77845dff2a5138652b4",
            "BSDS300/images/test",
        ),
        terms="non-commercial research and education",
    ),
    "urban100": Benchmark("Urban100", 100, mean_pixels=774_314, terms=_RESEARCH),
    "manga109": Benchmark("Manga109", 109, mean_pixels=966_011, terms="academic research, on request to its authors"),
    "div2k": Benchmark(
        "DIV2K",
        100,
        aliases=("DIV2K_valid_HR", "DIV2K_valid", "DIV2K100", "DIV2K_validation", "valid_HR"),
        long_side=2040,
        archive=Archive(
            "https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_valid_HR.zip",
            448_993_893,
            "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc",
            "DIV2K_valid_HR",
        ),
        terms="academic research",
    ),
}
"""Every benchmark by the name that a user types."""


def data_folders(data: Sequence[Path]) -> list[Path]:
    """Folders to search: those given, else those of ``KUKKIRI_DATA``.

    Raises:
        ConfigError: neither.
    """
    if data:
        return list(data)
    named = [Path(folder) for folder in os.environ.get(DATA_VARIABLE, "").split(os.pathsep) if folder]
    if not named:
        raise ConfigError(f"no folder of test sets was given. Give --data DIR, or set {DATA_VARIABLE}.")
    return named


def find_benchmark(name: str, folders: Sequence[Path]) -> TestSet:
    """Find a set and check it.

    Args:
        name: a key of ``BENCHMARKS``.
        folders: folders of sets, or the folder of the set itself.

    Raises:
        ConfigError: an unknown name; nothing there; or other images than those of the set.
    """
    found = look_for_benchmark(name, folders)
    if found is not None:
        return found
    benchmark = named_benchmark(name)
    looked = ", ".join(str(folder) for folder in folders)
    hint = "Add --download to fetch it." if benchmark.archive else "docs/how-to/evaluate.md says where to ask for it."
    raise ConfigError(
        f"{benchmark.name} is not in {looked}. Expected a folder {' or '.join((benchmark.name, *benchmark.aliases))} "
        f"with {benchmark.count} images. {hint}"
    )


def look_for_benchmark(name: str, folders: Sequence[Path]) -> TestSet | None:
    """As :func:`find_benchmark`, but ``None`` when no folder of the set's name is there."""
    benchmark = named_benchmark(name)
    wanted = [_plain(alias) for alias in (benchmark.name, *benchmark.aliases)]
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: no such folder of test sets.")
        below = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.name)
        named = [path for key in wanted for path in (folder.resolve(), *below) if _plain(path.name) == key]
        for place in (inner for path in named for inner in _image_folders(path, wanted)):
            if paths := list_images(place):
                found = TestSet(benchmark.name, paths)
                benchmark.check(found)
                return found
    return None


def named_benchmark(name: str) -> Benchmark:
    """Return the benchmark of a name.

    Raises:
        ConfigError: there is none.
    """
    benchmark = BENCHMARKS.get(name.lower())
    if benchmark is None:
        raise ConfigError(f"unknown benchmark {name!r}{did_you_mean(name.lower(), BENCHMARKS)}")
    return benchmark


def _image_folders(folder: Path, wanted: Sequence[str]) -> list[Path]:
    """The folder, the usual names of its part with the originals, and a folder of the same name inside."""
    same = [path for path in sorted(folder.iterdir()) if path.is_dir() and _plain(path.name) in wanted]
    return [*(folder / inner for inner in _INSIDE), *same]


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _size(path: Path) -> Size:
    """(height, width); of a PNG from its header, because decoding a large set would take seconds."""
    with path.open("rb") as file:
        start = file.read(24)
    if start[:8] == b"\x89PNG\r\n\x1a\n" and start[12:16] == b"IHDR":
        width, height = struct.unpack(">II", start[16:24])
        return height, width
    return read_image(path).size


def _text(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
