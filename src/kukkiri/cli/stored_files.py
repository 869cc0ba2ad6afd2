"""The objects of a store among the inputs, outputs, lists and manifests of a command."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from kukkiri.cli.parameters import UsageError
from kukkiri.errors import KukkiriError
from kukkiri.inference import FileJob, FileResult
from kukkiri.inference.name_templates import NameTemplate
from kukkiri.storage import StoreURL, find_url, locate

if TYPE_CHECKING:
    from kukkiri.cluster.staging import Staging
    from kukkiri.cluster.stored_manifests import StoredManifests

__all__ = ["StoredFiles", "as_local", "open_stored_files"]


@dataclass(frozen=True)
class StoredFiles:
    """The inputs and the output of a run, with files of this disk in place of objects; see :class:`Staging`."""

    inputs: Sequence[str]
    """Of this disk."""
    output: Path | None
    listed: Iterable[tuple[Path, Path | None]] = ()
    """The objects that inputs name, each with its place below a folder."""
    staging: "Staging | None" = None
    """``None``: all lies on this disk."""

    def open_manifests(self, folder: Path) -> "StoredManifests | None":
        """Return the manifests of a run when they are in a store."""
        url = find_url(folder)
        if url is None or self.staging is None:
            return None
        from kukkiri.cluster.stored_manifests import StoredManifests

        return StoredManifests(url, self.staging.stand_in(url))

    def take_list(self, listed: Iterable[tuple[Path, Path]]) -> Iterable[tuple[Path, Path | None]]:
        """The sources of a list, which may be read several times, after those of the inputs."""
        return _Chained(self, listed)

    def name(self, text: str) -> str:
        """Name objects instead of files that stand for them."""
        return text if self.staging is None else self.staging.name(text)

    def name_job(self, job: FileJob) -> FileJob:
        """The same in a job."""
        return job if self.staging is None else self.staging.name_job(job)

    def finish(self, result: FileResult) -> FileResult:
        """The same in a result."""
        if self.staging is None:
            return result
        notes = tuple(map(self.name, result.notes))
        return replace(result, job=self.name_job(result.job), error=self.name(result.error), notes=notes)


@dataclass(frozen=True)
class _Chained:
    files: StoredFiles
    listed: Iterable[tuple[Path, Path]]

    def __iter__(self) -> Iterator[tuple[Path, Path | None]]:
        staging, output = self.files.staging, self.files.output
        yield from self.files.listed
        for path, below in self.listed:
            if output is None and staging is not None and staging.holds(path):
                raise _no_output(staging.name(str(path)))
            yield path, below


@contextmanager
def open_stored_files(
    inputs: Sequence[str],
    output: Path | None,
    *,
    recursive: bool,
    beside: Path | None = None,
    lists: bool = False,
    dry_run: bool = False,
    name: str | None = None,
) -> Iterator[StoredFiles]:
    """Put files in place of the objects that a command names.

    Args:
        inputs: of the command.
        output: of the command.
        recursive: look into folders below, too.
        beside: a further place, the folder of the manifests.
        lists: there is a list of sources, which may name objects.
        dry_run: the files are to be looked into, which objects are not.
        name: template of the results' names.

    Raises:
        UsageError: an option does not go together with objects.
        ConfigError, BackendError: a URL that is not read, or its store does not answer.
    """
    output = None if output is None else as_local(output)
    stored = [url for url in map(find_url, inputs) if url is not None]
    places = [url for place in (output, beside) if place is not None and (url := find_url(place)) is not None]
    if not stored and not places and not lists:
        yield StoredFiles([_as_local_input(text) for text in inputs], output)
        return
    if stored or places:
        _check_options(stored, output, dry_run=dry_run, name=name)
    with tempfile.TemporaryDirectory(prefix="kukkiri-", ignore_cleanup_errors=True) as folder:
        from kukkiri.cluster.staging import Staging

        staging = Staging(Path(folder))
        url = None if output is None else find_url(output)
        output = output if url is None else staging.stand_in(_without_end(url))
        try:
            local, found = staging.list_inputs(inputs, recursive=recursive, output=output)
            listed = _Several(tuple(found))
            yield StoredFiles([_as_local_input(text) for text in local], output, listed, staging)
        except KukkiriError as error:
            named = staging.name(str(error))
            if named == str(error):
                raise
            raise type(error)(named) from error


@dataclass(frozen=True)
class _Several:
    parts: tuple[Iterable[tuple[Path, Path | None]], ...]

    def __iter__(self) -> Iterator[tuple[Path, Path | None]]:
        return chain.from_iterable(self.parts)


def as_local(path: Path) -> Path:
    """Read ``file://`` as the path that it is; all else stays."""
    place = locate(path)
    return place if isinstance(place, Path) else path


def _as_local_input(text: str) -> str:
    return str(locate(text)) if text.lower().startswith("file:") else text


def _without_end(url: StoreURL) -> StoreURL:
    return replace(url, key=url.key.rstrip("/"))


def _check_options(stored: Sequence[StoreURL], output: Path | None, *, dry_run: bool, name: str | None) -> None:
    if dry_run:
        raise UsageError("--dry-run looks into files, and objects of a store are not fetched for it. Drop it.")
    if stored and output is None:
        raise _no_output(str(stored[0]))
    if stored and name is not None and NameTemplate(name).fields & {"width", "height"}:
        raise UsageError(
            f"--name {name}: the size of an object is not known before it is fetched. Name results without "
            "width and height."
        )


def _no_output(url: str) -> UsageError:
    return UsageError(f"{url}: results do not go beside objects. Name a folder with -o, also s3://BUCKET/FOLDER.")
