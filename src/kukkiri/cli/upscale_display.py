"""Displays of an upscaling run: bars on a terminal, plain lines elsewhere, or one JSON object a line."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from kukkiri.cli.json_lines import JsonLinesDisplay
from kukkiri.cli.pace import Pace, clock
from kukkiri.cli.printing import TerminalBar, make_line_printable, print_progress, print_result
from kukkiri.images.formats import make_printable
from kukkiri.inference import FileJob, FileProgress, FileResult

__all__ = ["BarDisplay", "Display", "LineDisplay", "make_display", "summarize"]

_NAME = 24  # letters of a file name in front of its bar
_EVERY = 10.0  # seconds between two plain lines about one image


class Display(Protocol):
    """A display of a run; ``progress`` is called from several threads, the rest from one."""

    def __enter__(self) -> "Display": ...

    def __exit__(self, *_: object) -> None: ...

    def start(self, *, images: int, model: str, scale: float | None) -> None:
        """Begin a run over some images; ``scale`` is ``None`` when a size was asked for."""

    def note(self, text: str) -> None:
        """Tell something about the whole run."""

    def progress(self, progress: FileProgress) -> None:
        """Show a step of an image."""

    def finish(self, result: FileResult) -> None:
        """Show the outcome of an image."""

    def end(self, results: Sequence[FileResult]) -> None:
        """Show the end of the run."""


def make_display(*, quiet: bool, names: bool, json_lines: bool) -> Display:
    """Make the display that suits the options and the streams.

    Args:
        quiet: errors only.
        names: print the names of the results to stdout.
        json_lines: events on stdout instead.
    """
    if json_lines:
        return JsonLinesDisplay()
    if quiet or not sys.stderr.isatty():
        return LineDisplay(quiet=quiet, names=names and not quiet)
    return BarDisplay(names=names and not sys.stdout.isatty())  # the line about a result names it


def summarize(result: FileResult) -> str:
    """Describe in one line what was done."""
    if result.input_size is None or result.output_size is None:
        return "exists already"
    (height, width), (new_height, new_width) = result.input_size, result.output_size
    weights = f"  weights {result.domain}" if result.domain_chosen else ""
    parts = [f"{width}x{height} -> {new_width}x{new_height}"]
    if result.clip is not None:
        frames, resumed = result.clip.frames, result.clip.resumed
        earlier = f" ({resumed} of an earlier run)" if resumed else ""
        parts.append(f"{frames} frames{earlier}, {(frames - resumed) / max(result.seconds, 1e-3):.1f} fps")
        parts += [f"reused {100 * result.clip.reused:.0f} %"] if result.clip.reused else []
        parts.append(f"{result.clip.size / 1e6:.1f} MB {result.clip.encoder}")
    return f"{'  '.join(parts)}  {result.seconds:.2f} s{weights}"


class LineDisplay:
    """Plain lines on stderr: one for each result, and one every ten seconds for an image that takes longer."""

    def __init__(self, *, quiet: bool = False, names: bool = True) -> None:
        self._quiet, self._names = quiet, names
        self._images, self._done = 0, 0
        self._paces: dict[FileJob, Pace] = {}
        self._shown: dict[FileJob, float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "LineDisplay":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self, *, images: int, model: str, scale: float | None) -> None:
        """Keep the number of images."""
        self._images = images

    def note(self, text: str) -> None:
        """Print a note."""
        if not self._quiet:
            self._print(f"kukkiri: {text}")

    def progress(self, progress: FileProgress) -> None:
        """Print a line when ten seconds have gone by since the last one about the image."""
        with self._lock:
            pace = self._paces.setdefault(progress.job, Pace())
            pace.take(progress)
            shown = self._shown.setdefault(progress.job, pace.seen)
            if pace.seen - shown < _EVERY or self._quiet:
                return
            self._shown[progress.job] = pace.seen
        self._print(f"{make_printable(progress.job.source)}: {pace.describe()}")

    def finish(self, result: FileResult) -> None:
        """Print what was done to stderr, and the name of the result to stdout."""
        self._done += 1
        with self._lock:
            self._paces.pop(result.job, None)
        if result.error:
            self._print(f"kukkiri: {result.error}")
            return
        if not self._quiet:
            source, target = make_printable(result.job.source), make_printable(result.job.target)
            self._print(f"[{self._done}/{self._images}] {source} -> {target}  {summarize(result)}")
            for note in result.notes:
                self._print(f"kukkiri: {note}")
        if self._names:
            print_result(str(result.job.target))

    def end(self, results: Sequence[FileResult]) -> None:
        """Do nothing: every line was printed."""

    def _print(self, text: str) -> None:
        print_progress(text)


class _Live:
    """A text that is made anew whenever it is formatted, so that the time runs on between two reports."""

    def __init__(self, describe: Callable[[], str]) -> None:
        self._describe = describe

    def __str__(self) -> str:
        return self._describe()


class BarDisplay(LineDisplay, TerminalBar):
    """Bars on a terminal: one for the images when there are several, and one for each image in work."""

    def __init__(self, *, names: bool = True) -> None:
        super().__init__(names=names)
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        name = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, max_width=_NAME))
        self._bar = Progress(
            name,
            BarColumn(bar_width=None),
            TextColumn("{task.fields[state]}", markup=False, table_column=Column(no_wrap=True)),
            console=console,
            expand=True,
            redirect_stdout=sys.stdout.isatty(),
            refresh_per_second=8,
            transient=True,
        )
        self._tasks: dict[FileJob, Any] = {}
        self._total: Any = None
        self._begun = time.monotonic()

    def __enter__(self) -> "BarDisplay":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def start(self, *, images: int, model: str, scale: float | None) -> None:
        """Show a bar for the images when there are several."""
        super().start(images=images, model=model, scale=scale)
        if images > 1:
            self._total = self._bar.add_task("images", total=images, state=_Live(self._describe_total))

    def progress(self, progress: FileProgress) -> None:
        """Move the bar of an image."""
        with self._lock:
            pace = self._paces.setdefault(progress.job, Pace())
            pace.take(progress)
            if progress.job not in self._tasks:
                name = make_printable(Path(progress.job.source.name))
                name = name if len(name) <= _NAME else f"\N{HORIZONTAL ELLIPSIS}{name[1 - _NAME :]}"
                self._tasks[progress.job] = self._bar.add_task(name, total=1.0, state=_Live(pace.describe))
            self._bar.update(self._tasks[progress.job], completed=pace.share)
            if self._total is not None:
                self._bar.update(self._total, completed=self._progressed())

    def finish(self, result: FileResult) -> None:
        """Replace the bar of an image by its line."""
        with self._lock:
            task = self._tasks.pop(result.job, None)
        if task is not None:
            self._bar.remove_task(task)
        super().finish(result)
        if self._total is not None:
            self._bar.update(self._total, completed=self._progressed())

    def _progressed(self) -> float:
        return self._done + sum(pace.share for pace in self._paces.values())

    def _describe_total(self) -> str:
        done, elapsed = self._progressed(), time.monotonic() - self._begun
        left = f"  {clock(elapsed * (self._images - done) / done)} left" if done > 0 else ""
        return f"{self._done}/{self._images}{left}"

    def _print(self, text: str) -> None:
        self._bar.console.print(make_line_printable(text), soft_wrap=True)
