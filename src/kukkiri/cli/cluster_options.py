"""The options of ``kukkiri upscale`` for runs of many processes: shards, manifests and lists of files."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import Group, Parameter

from kukkiri.cli.metadata_options import MetadataOptions
from kukkiri.cli.model_arguments import ArgumentOptions
from kukkiri.cli.parameters import STREAM, UsageError
from kukkiri.cli.size_options import SizeOptions
from kukkiri.cli.upscale_options import FileOptions, ModelOptions, SpeedOptions
from kukkiri.cli.video_options import VideoOptions
from kukkiri.errors import ConfigError, make_printable
from kukkiri.files import CLIP_OUTPUT_SUFFIXES
from kukkiri.images import OUTPUT_SUFFIXES

if TYPE_CHECKING:
    from kukkiri.cluster import Recorder, Shard
    from kukkiri.inference.source_files import Chooser

__all__ = ["DEFAULT_CLUSTER", "ClusterOptions", "Part", "list_options"]

_WHICH_FILES = ("output", "format", "suffix", "recursive", "overwrite", "resume", "dry_run")
"""File options that do not change a result; its suffix is listed by itself."""
_SPELLINGS = {"print_size": "--print", "white": "--range"}
_URL = re.compile(r"[a-z][a-z0-9+]+:/")


@dataclass(frozen=True)
class Part:
    """The part of a run that this process does."""

    listed: Iterable[tuple[Path, Path]] = ()
    """The sources of a list, all of them."""
    choose: "Chooser | None" = None
    recorder: "Recorder | None" = None


@Parameter(name="*", group=Group("Many machines", sort_key=6.5))
@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """One run of many processes."""

    shard: str | None = None
    """3/16: do the third of sixteen parts, chosen by a hash of the relative paths; auto: the part of this job of a
    SLURM or AWS Batch array; auto/16: also of a Kubernetes indexed job or GNU parallel, which do not tell the 16."""
    manifest: Path | None = None
    """folder in which each process writes what it has done, one file for each shard. --resume goes by it, and refuses
    other options or another model; kukkiri jobs summarize merges it."""
    only_failed: bool = False
    """with --manifest: do again what failed or was interrupted, of this shard or, without --shard, of all."""
    files_from: str | None = None
    """file that lists the inputs, one a line or, from find -print0, NUL-terminated; LIST.csv:COLUMN, also .tsv and
    .parquet; - for standard input. Relative names count from the working directory, and are kept below the output."""

    def check(self, inputs: Sequence[str], files: FileOptions) -> None:
        """Check the options against the others.

        Raises:
            UsageError: they do not go together, or nothing is to be done.
        """
        if not inputs and self.files_from is None:
            raise UsageError('Command "upscale" parameter INPUT requires an argument.')
        if self.only_failed and self.manifest is None:
            raise UsageError("--only-failed reads manifests. Name their folder with --manifest.")
        if self.only_failed and files.overwrite:
            raise UsageError("--overwrite begins anew and --only-failed goes on. Use one of them.")
        if self.manifest is not None and files.overwrite and files.resume:
            raise UsageError("--overwrite makes everything again and --resume skips what is there. Use one of them.")
        if self.manifest is not None and files.dry_run:
            raise UsageError("--dry-run writes nothing, a manifest neither. Drop --manifest.")
        if self.manifest is not None and _URL.match(str(self.manifest)):
            raise UsageError(f"--manifest {self.manifest}: a manifest grows line by line, in a folder of a disk.")
        if (self.shard, self.manifest, self.files_from) == (None, None, None):
            return
        if STREAM in inputs or files.output == Path(STREAM):
            raise UsageError("- stands for one image, which has no shard, manifest or list. Name files.")
        self._check_output(files)

    def _check_output(self, files: FileOptions) -> None:
        output = files.output
        if output is None or output.is_dir() or (self.shard is None and not self.only_failed and not self.files_from):
            return
        if output.suffix.lower() in (*OUTPUT_SUFFIXES, *CLIP_OUTPUT_SUFFIXES):
            raise UsageError(f"--output {output}: with a shard or a list the output is a folder. Name one.")

    @contextmanager
    def open(self, model: str, options: Mapping[str, Any], files: FileOptions) -> Iterator[Part]:
        """Open the list and the manifests.

        Args:
            model: that was asked for.
            options: see :func:`list_options`.
            files: of the run.

        Raises:
            UsageError: no such shard, or a scheduler's variables are missing.
            ConfigError: the list cannot be read, or the manifests are of another run.
        """
        shard = self._find_shard()
        with ExitStack() as stack:
            listed: Iterable[tuple[Path, Path]] = ()
            if self.files_from is not None:
                from kukkiri.cluster import SourceList

                listed = stack.enter_context(SourceList("-" if self.files_from == STREAM else self.files_from))
            recorder = None
            if self.manifest is not None:
                recorder = stack.enter_context(self._make_recorder(self.manifest, model, options, files, shard))
            yield Part(listed, _make_chooser(shard, recorder), recorder)

    def _find_shard(self) -> "Shard | None":
        if self.shard is None:
            return None
        from kukkiri.cluster import Shard

        try:
            return Shard.parse(self.shard, environment=os.environ)
        except ConfigError as error:
            raise UsageError(str(error)) from error

    def _make_recorder(
        self, folder: Path, model: str, options: Mapping[str, Any], files: FileOptions, shard: "Shard | None"
    ) -> "Recorder":
        from kukkiri.cluster import Making, Recorder

        try:
            making = Making.of(model, options)
        except OSError as error:
            raise ConfigError(f"{make_printable(model)}: cannot be read ({error.strerror or error}).") from error
        return Recorder(
            folder,
            making,
            shard=shard,
            output=files.output,
            resume=files.resume,
            overwrite=files.overwrite,
            only_failed=self.only_failed,
        )


DEFAULT_CLUSTER = ClusterOptions()


def _make_chooser(shard: "Shard | None", recorder: "Recorder | None") -> "Chooser | None":
    """Take the sources of a shard and, when only those are wanted, what failed."""
    failed = recorder if recorder is not None and recorder.only_failed else None
    if shard is None and failed is None:
        return None

    def choose(image: tuple[Path, Path | None]) -> bool:
        path, below = image
        mine = shard is None or shard.holds((below or Path(path.name)).as_posix())
        return mine and (failed is None or failed.wants(path, below))

    return choose


def list_options(
    *,
    size: SizeOptions,
    model: ModelOptions,
    arguments: ArgumentOptions,
    files: FileOptions,
    metadata: MetadataOptions,
    speed: SpeedOptions,
    video: VideoOptions,
) -> dict[str, Any]:
    """List all options that results depend on, the model left out, and the output: results are not mixed over it.

    An option that is added to one of the groups is listed without a change here.
    """
    groups = {
        **asdict(size),
        **asdict(model),
        **asdict(arguments),
        **asdict(files),
        **asdict(metadata),
        **asdict(speed),
        **asdict(video),
    }
    for name in ("model", "preset", "threads", *_WHICH_FILES):
        del groups[name]
    named = {_SPELLINGS.get(name, f"--{name.replace('_', '-')}"): value for name, value in groups.items()}
    output = None if files.output is None else Path(os.path.normpath(files.output)).as_posix()
    return {**named, "--format": files.chosen_suffix, "--output": output}
