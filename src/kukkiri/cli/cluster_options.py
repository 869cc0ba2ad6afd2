"""The options of ``kukkiri upscale`` for runs of many processes: shards, manifests and lists of files."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import Group, Parameter

from kukkiri.cli.metadata_options import MetadataOptions
from kukkiri.cli.model_arguments import ArgumentOptions
from kukkiri.cli.parameters import STREAM, UsageError
from kukkiri.cli.size_options import SizeOptions
from kukkiri.cli.stored_files import StoredFiles, as_local, open_stored_files
from kukkiri.cli.upscale_options import FileOptions, ModelOptions, SpeedOptions
from kukkiri.cli.video_options import VideoOptions
from kukkiri.errors import ConfigError, make_printable
from kukkiri.files import CLIP_OUTPUT_SUFFIXES
from kukkiri.images import OUTPUT_SUFFIXES
from kukkiri.storage import StoreURL, find_url

if TYPE_CHECKING:
    from kukkiri.cluster import Recorder, Shard
    from kukkiri.cluster.on_ray import RayExecutor
    from kukkiri.cluster.staging import StagedJobs
    from kukkiri.cluster.stored_manifests import StoredManifests
    from kukkiri.inference.job_records import JobRecorder
    from kukkiri.inference.job_worker import JobExecutor
    from kukkiri.inference.source_files import Chooser

__all__ = ["DEFAULT_CLUSTER", "ClusterOptions", "Part", "list_options"]

_WHICH_FILES = ("output", "format", "suffix", "recursive", "overwrite", "resume", "dry_run")
"""File options that do not change a result; its suffix is listed by itself."""
_SPELLINGS = {"print_size": "--print", "white": "--range"}


@dataclass(frozen=True)
class Part:
    """The part of a run that this process does."""

    files: StoredFiles
    listed: Iterable[tuple[Path, Path | None]] = ()
    """The sources of a list, and objects of a store; all of them."""
    choose: "Chooser | None" = None
    recorder: "JobRecorder | None" = None
    stage: "StagedJobs | None" = None

    def send_through(self, executor: "JobExecutor | None") -> "JobExecutor | None":
        """Return the executor of the images, which other processes read from a store where one is named."""
        if executor is None or self.stage is None:
            return executor
        from kukkiri.cluster.remote_staging import StagedExecutor

        return StagedExecutor(executor, self.stage)


@Parameter(name="*", group=Group("Many machines", sort_key=6.5))
@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """One run of many processes."""

    shard: str | None = None
    """3/16: do the third of sixteen parts, chosen by a hash of the relative paths; auto: the part of this job of a
    SLURM or AWS Batch array; auto/16: also of a Kubernetes indexed job or GNU parallel, which do not tell the 16."""
    manifest: Path | None = None
    """folder, also s3://, in which each process writes what it has done, a file for each shard. --resume goes by it,
    and refuses other options or another model; kukkiri jobs summarize merges it."""
    only_failed: bool = False
    """with --manifest: do again what failed or was interrupted, of this shard or, without --shard, of all."""
    files_from: str | None = None
    """file that lists the inputs, one a line or, from find -print0, NUL-terminated; LIST.csv:COLUMN, also .tsv and
    .parquet; - for standard input. Relative names count from the working directory, and are kept below the output; the
    list and its lines may be s3:// objects."""
    on: str | None = None
    """ray: do the images in Ray processes of this machine; ray://HOST:10001: on that cluster; ray:auto: on the cluster
    of this machine. All machines see the files under one path, or reach the store. Needs kukkiri[ray]."""

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
        if self.on is not None:
            self._check_on(inputs, files)
        if (self.shard, self.manifest, self.files_from) == (None, None, None):
            return
        if STREAM in inputs or files.output == Path(STREAM):
            raise UsageError("- stands for one image, which has no shard, manifest or list. Name files.")
        self._check_output(files)

    def _check_on(self, inputs: Sequence[str], files: FileOptions) -> None:
        if self.shard is not None:
            raise UsageError("--shard is for processes that know nothing of each other, --on for a cluster. Use one.")
        if files.dry_run:
            raise UsageError("--dry-run starts nothing, and --on is for the work. Drop one of them.")
        if STREAM in inputs or files.output == Path(STREAM):
            raise UsageError("- stands for one image, which is done here. Drop --on.")
        places: list[str | Path] = [*inputs, *(place for place in (files.output, self.manifest) if place is not None)]
        for url in filter(None, map(find_url, places)):
            _check_reach(url)

    def make_executor(self, speed: SpeedOptions) -> "RayExecutor | None":
        """Prepare the processes that do the images; ``None``: those of this run.

        Raises:
            UsageError: no such place.
            BackendError: Ray is not installed.
        """
        if self.on is None:
            return None
        from kukkiri.cluster.on_ray import RayExecutor

        gpus = None if speed.device == "auto" else speed.device != "cpu"
        try:
            return RayExecutor(self.on, threads=speed.threads or 1, gpus=gpus)
        except ConfigError as error:
            raise UsageError(str(error)) from error

    def _check_output(self, files: FileOptions) -> None:
        output = files.output
        if output is None or output.is_dir() or (self.shard is None and not self.only_failed and not self.files_from):
            return
        if output.suffix.lower() in (*OUTPUT_SUFFIXES, *CLIP_OUTPUT_SUFFIXES):
            raise UsageError(f"--output {output}: with a shard or a list the output is a folder. Name one.")

    @contextmanager
    def open(
        self,
        model: str,
        options: Mapping[str, Any],
        files: FileOptions,
        *,
        inputs: Sequence[str],
        output: Path | None,
    ) -> Iterator[Part]:
        """Open the list and the manifests, and look for the objects that are named.

        Args:
            model: that was asked for.
            options: see :func:`list_options`.
            files: of the run.
            inputs: of the run.
            output: of the run.

        Raises:
            UsageError: no such shard, or a scheduler's variables are missing.
            ConfigError: the list cannot be read, or the manifests are of another run.
            BackendError: a store does not answer.
        """
        shard = self._find_shard()
        with ExitStack() as stack:
            stored = stack.enter_context(
                open_stored_files(
                    inputs,
                    output,
                    recursive=files.recursive,
                    beside=self.manifest,
                    lists=self.files_from is not None,
                    dry_run=files.dry_run,
                    name=files.name,
                )
            )
            listed = stored.listed
            if self.files_from is not None:
                from kukkiri.cluster import SourceList

                text = "-" if self.files_from == STREAM else self.files_from
                stand_in = None if stored.staging is None else stored.staging.stand_in
                names = stack.enter_context(SourceList(text, stand_in=stand_in))
                listed = stored.take_list(names)
            if self.on is not None:
                listed = _Reachable(stored, listed)
            recorder, manifests = None, None
            if self.manifest is not None:
                manifests = stored.open_manifests(self.manifest)
                recorder = self._make_recorder(self.manifest, model, options, files, shard, stored, manifests)
                stack.enter_context(recorder)
            stage = _stage_jobs(stored, recorder, manifests, files, elsewhere=self.on is not None)
            yield Part(stored, listed, _make_chooser(shard, recorder), stage or recorder, stage)

    def _find_shard(self) -> "Shard | None":
        if self.shard is None:
            return None
        from kukkiri.cluster import Shard

        try:
            return Shard.parse(self.shard, environment=os.environ)
        except ConfigError as error:
            raise UsageError(str(error)) from error

    def _make_recorder(
        self,
        folder: Path,
        model: str,
        options: Mapping[str, Any],
        files: FileOptions,
        shard: "Shard | None",
        stored: StoredFiles,
        manifests: "StoredManifests | None",
    ) -> "Recorder":
        from kukkiri.cluster import Making, Recorder, Shard

        try:
            making = Making.of(model, options)
        except OSError as error:
            raise ConfigError(f"{make_printable(model)}: cannot be read ({error.strerror or error}).") from error
        keywords: dict[str, Any] = {}
        if stored.staging is not None:
            keywords = {"identify": stored.staging.identify, "measure": stored.staging.measure}
        if manifests is not None:
            manifests.pull(None if shard is None and self.only_failed else shard or Shard(1, 1))
            keywords["open_manifest"] = manifests.open
        return Recorder(
            as_local(folder) if manifests is None else manifests.folder,
            making,
            shard=shard,
            output=stored.output,
            resume=files.resume,
            overwrite=files.overwrite,
            only_failed=self.only_failed,
            **keywords,
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


@dataclass(frozen=True)
class _Reachable:
    """Sources none of which may be out of reach for other processes."""

    files: StoredFiles
    listed: Iterable[tuple[Path, Path | None]]

    def __iter__(self) -> Iterator[tuple[Path, Path | None]]:
        for path, below in self.listed:
            url = find_url(path) if self.files.staging is None else self.files.staging.find(path)
            if url is not None:
                _check_reach(url)
            yield path, below


def _check_reach(url: StoreURL) -> None:
    if url.scheme == "memory":
        raise UsageError(f"--on: {url} is in the memory of this process alone. Use a store that all machines reach.")


def _stage_jobs(
    stored: StoredFiles,
    recorder: "Recorder | None",
    manifests: "StoredManifests | None",
    files: FileOptions,
    *,
    elsewhere: bool,
) -> "StagedJobs | None":
    if stored.staging is None:
        return None
    from kukkiri.cluster.staging import StagedJobs

    jobs = StagedJobs(stored.staging, recorder, resume=files.resume, overwrite=files.overwrite, elsewhere=elsewhere)
    return jobs if manifests is None else replace(jobs, sync=manifests.sync)


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
    if files.output is not None and (url := find_url(files.output)) is not None:
        output = str(url).rstrip("/")
    return {**named, "--format": files.chosen_suffix, "--output": output}
