"""Groups of options that the scoring commands share, and their display of progress."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from kukkiri.cli.parameters import UsageError
from kukkiri.cli.printing import TerminalBar, make_line_printable, print_progress
from kukkiri.errors import ConfigError
from kukkiri.evaluation import (
    CLIP_FORMATS,
    ClipEvaluation,
    Evaluation,
    FrameScored,
    ImageScored,
    TestSet,
    data_folders,
    default_cache_folder,
    download_benchmark,
    find_benchmark,
    find_sets,
    look_for_benchmark,
)
from kukkiri.evaluation.tables import FORMATS
from kukkiri.files import check_folder, write_atomically
from kukkiri.inference.clip_files import is_clip

__all__ = [
    "DEFAULT_CACHE",
    "DEFAULT_PROTOCOL",
    "DEFAULT_SETS",
    "DEFAULT_TABLE",
    "OUTPUT",
    "SCORES",
    "TEST_IMAGES",
    "CacheOptions",
    "ProtocolOptions",
    "ScoreDisplay",
    "TableOptions",
    "TestSetOptions",
]

TEST_IMAGES = Group("Test images", sort_key=1)
SCORES = Group("Scores", sort_key=2)
OUTPUT = Group("Output", sort_key=3)
_CACHE = Group("Cache", sort_key=4)
_EVERY = 10.0  # seconds between two plain lines about a clip


@Parameter(name="*", group=TEST_IMAGES)
@dataclass(frozen=True, kw_only=True)
class TestSetOptions:
    """HR images to score on."""

    data: tuple[Path, ...] = ()
    """folders of HR images, or of folders of them; with --benchmark, where to look for those. Or HR clips, whose
    frames are scored one by one."""
    benchmark: tuple[str, ...] = ()
    """set5, set14, b100, urban100, manga109 or div2k, found in --data or in the folders that the environment variable
    KUKKIRI_DATA names, and checked."""
    download: bool = False
    """fetch a --benchmark that is missing into the first --data, where it has a public address."""

    def clips(self) -> tuple[Path, ...]:
        """The clips, when clips are to be scored.

        Raises:
            UsageError: clips beside folders of images.
        """
        found = tuple(path for path in self.data if path.is_file() and is_clip(path))
        if found and (self.benchmark or len(found) != len(self.data)):
            raise UsageError("clips and images are scored apart, in different units. Use one run for each.")
        return found

    def find(self) -> list[TestSet]:
        """Find the sets, or download them.

        Raises:
            BackendError: a download failed.
            ConfigError: nothing was asked for, or it is not there.
        """
        if not self.benchmark:
            if self.download:
                raise ConfigError("--download needs the name of a benchmark. Add --benchmark NAME.")
            if not self.data:
                raise ConfigError("there are no images to score on. Give --data DIR, or --benchmark NAME.")
            return [test_set for folder in self.data for test_set in find_sets(folder)]
        folders = data_folders(self.data)
        if not self.download:
            return [find_benchmark(name, folders) for name in self.benchmark]
        present = [folder for folder in folders if folder.is_dir()]
        return [
            look_for_benchmark(name, present) or download_benchmark(name, folders[0], report=_DownloadLines(name))
            for name in self.benchmark
        ]


DEFAULT_SETS = TestSetOptions()


@Parameter(name="*", group=SCORES)
@dataclass(frozen=True, kw_only=True)
class ProtocolOptions:
    """The protocol of a score."""

    protocol: str = "y-matlab"
    """y-matlab (8-bit RGB in and out, the papers since 2017), y-legacy (the published bicubic rows), y-mzsr, or rgb."""
    degradation: Annotated[str | None, Parameter(alias="-d")] = None
    """degradation of HR that makes LR, such as gaussian:2.0+direct, see kukkiri degrade; bicubic when not given."""

    @property
    def is_chosen(self) -> bool:
        """True when a protocol of images was asked for."""
        return self.protocol != ProtocolOptions.protocol


DEFAULT_PROTOCOL = ProtocolOptions()


@Parameter(name="*", group=_CACHE)
@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """Scores of earlier runs."""

    cache: Path | None = None
    """folder of known scores; in the user's caches when not given."""
    no_cache: bool = False
    """neither read nor write known scores."""

    def folder(self) -> Path | None:
        """The folder, or ``None``.

        Raises:
            ConfigError: both options were given.
        """
        if self.no_cache and self.cache is not None:
            raise ConfigError("--cache and --no-cache contradict each other. Use one of them.")
        return None if self.no_cache else self.cache or default_cache_folder()


DEFAULT_CACHE = CacheOptions()


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """The form of the results, and where they go."""

    format: Literal["text", "json", "csv", "markdown"] | None = None
    """text, json, csv (one line for each image or frame) or markdown; text when not given."""
    json: bool = False
    """the same as --format json."""
    output: Annotated[Path | None, Parameter(alias="-o")] = None
    """file to write instead of stdout."""
    overwrite: bool = False
    """replace an existing file."""

    def check(self) -> None:
        """Refuse before the work what could not be written after it.

        Raises:
            ConfigError: two formats, a file that exists, or a folder that cannot be made.
        """
        if self.json and self.format not in (None, "json"):
            raise ConfigError(f"--json and --format {self.format} contradict each other. Use one of them.")
        if self.output is not None and self.output.exists() and not self.overwrite:
            raise ConfigError(f"{self.output}: exists already. Choose another name, or allow it with --overwrite.")
        if self.output is not None:
            check_folder(self.output.parent)

    def write(self, evaluations: Sequence[Evaluation]) -> None:
        """Print the results, or write them to the file.

        Raises:
            ConfigError: the file cannot be written.
        """
        self._write(FORMATS[self._form](evaluations))

    def write_clips(self, evaluations: Sequence[ClipEvaluation]) -> None:
        """Print the results on clips, or write them to the file.

        Raises:
            ConfigError: the file cannot be written.
        """
        self._write(CLIP_FORMATS[self._form](evaluations))

    @property
    def _form(self) -> str:
        return "json" if self.json else self.format or "text"

    def _write(self, text: str) -> None:
        if self.output is None:
            sys.stdout.write(text)
            return
        try:
            self.output.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.output, text.encode(), overwrite=self.overwrite)
        except OSError as error:
            raise ConfigError(f"{self.output}: cannot be written ({error}). Choose another place.") from error


DEFAULT_TABLE = TableOptions()


class ScoreDisplay(TerminalBar):
    """Progress of an evaluation on stderr: a bar on a terminal, one line for each image elsewhere."""

    def __init__(self) -> None:
        self._reported = time.monotonic()
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}", markup=False),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("")

    def show_frame(self, scored: FrameScored) -> None:
        """Show one more frame of a clip."""
        of = "" if scored.total is None else f"/{scored.total}"
        text = f"{scored.model} frame {scored.done}{of}: {scored.score.psnr:.4f} dB {scored.score.ssim:.6f}"
        if self._bar is not None:
            shown = make_line_printable(text)
            self._bar.update(self._task, completed=scored.done, total=scored.total, description=shown)
        elif time.monotonic() - self._reported >= _EVERY:
            self._reported = time.monotonic()
            print_progress(text)

    def __call__(self, scored: ImageScored) -> None:
        """Show one more image."""
        score = f"{scored.score.psnr:.4f} dB {scored.score.ssim:.6f}"
        text = f"{scored.model} x{scored.scale} {scored.set}/{scored.image}: {score}"
        if self._bar is not None:
            shown = make_line_printable(text)
            self._bar.update(self._task, completed=scored.done, total=scored.total, description=shown)
        else:
            known = " (from the cache)" if scored.remembered else ""
            print_progress(f"[{scored.done}/{scored.total}] {text}{known}")


class _DownloadLines:
    """Prints a line for every 16 MB of a download."""

    def __init__(self, name: str) -> None:
        self._name, self._printed = name, 0

    def __call__(self, received: int, total: int | None) -> None:
        if received - self._printed >= 16e6 or received == total:
            self._printed = received
            size = f" of {total / 1e6:.0f}" if total else ""
            print_progress(f"{self._name}: {received / 1e6:.0f} MB{size}")
