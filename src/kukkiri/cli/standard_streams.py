"""An image from standard input, and its result to standard output: ``-`` in place of a file name."""

import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kukkiri.cli.parameters import STREAM, UsageError
from kukkiri.images import find_own_suffix
from kukkiri.images.archives import COMIC_SUFFIX
from kukkiri.inference import FileJob, FileResult
from kukkiri.inference.clip_files import is_clip

__all__ = ["Streams", "open_streams"]

_IN, _OUT = "standard input", "standard output"


@dataclass(frozen=True)
class Streams:
    """The inputs and the output of a run, with files in place of the streams."""

    inputs: Sequence[str]
    output: Path | None
    folder: Path | None = None
    """Of the files that stand for the streams."""
    writes: bool = False
    """The result goes to standard output, so that nothing else may."""

    def name(self, job: FileJob) -> FileJob:
        """Name the streams instead of the files that stand for them."""
        if self.folder is None:
            return job
        source = Path(_IN) if job.source.is_relative_to(self.folder) else job.source
        target = Path(_OUT) if job.target.is_relative_to(self.folder) else job.target
        return replace(job, source=source, target=target)

    def finish(self, result: FileResult) -> FileResult:
        """Write the result to standard output where it belongs there, and name the streams in its messages."""
        if self.folder is None:
            return result
        if self.writes and not result.error:
            with result.job.target.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        error = result.error.replace(str(result.job.source), _IN).replace(str(result.job.target), _OUT)
        return replace(result, job=self.name(result.job), error=error)


@contextmanager
def open_streams(inputs: Sequence[str], output: Path | None) -> Iterator[Streams]:
    """Put files in place of ``-``; without an output, what comes from standard input goes to standard output.

    Args:
        inputs: of a command.
        output: of the command.

    Raises:
        UsageError: several inputs, or a stream that is a terminal.
    """
    reads = STREAM in inputs
    writes = output == Path(STREAM) or (reads and output is None)
    if not reads and not writes:
        yield Streams(inputs, output)
        return
    if len(inputs) != 1 or Path(inputs[0]).is_dir():
        raise UsageError("- stands for one image, in or out, so that no other input can stand beside it.")
    if reads and sys.stdin.isatty():
        raise UsageError("nothing is piped in. Use kukkiri upscale - < photo.jpg > large.png, or name a file.")
    if writes and sys.stdout.isatty():
        raise UsageError("a terminal cannot show an image. Redirect standard output, > large.png, or name a file.")
    if writes and not reads and is_clip(Path(inputs[0])):
        raise UsageError("a clip is not written to standard output, which cannot be gone back in. Name a file with -o.")
    with tempfile.TemporaryDirectory(prefix="kukkiri-") as name:
        folder = Path(name)
        source = Path(inputs[0])
        if reads:
            source = folder / "image"
            with source.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            if is_clip(source):
                raise UsageError("a clip is not read from standard input, which cannot be gone back in. Name the file.")
            archive = COMIC_SUFFIX if zipfile.is_zipfile(source) else ""
            source = source.replace(source.with_suffix(find_own_suffix(source) or archive))
        yield Streams([str(source)], folder / "out" if writes else output, folder, writes)
