"""One store: list, read, write and stat, over fsspec; each request is repeated when it failed for a passing reason."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kukkiri.errors import BackendError, ConfigError, make_printable
from kukkiri.storage.retrying import IncompleteObjectError, retry
from kukkiri.storage.urls import StoreURL

__all__ = ["ObjectState", "Store", "open_store"]

_BLOCK = 16 << 20
"""Bytes that are read by one request; of a larger object, a request for each range of this length."""
_ONE_PUT = 64 << 20
"""Bytes that are written by one request; a larger object comes in parts, and is there when the last one is."""
_CONNECT_TIMEOUT, _READ_TIMEOUT = 10.0, 60.0  # seconds
_MODULES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "memory": "fsspec"}
_IN_EXTRA = ("fsspec", "s3fs")
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": _CONNECT_TIMEOUT,
            "read_timeout": _READ_TIMEOUT,
            "retries": {"total_max_attempts": 1, "mode": "standard"},
            "max_pool_connections": 32,
        }
    },
}


@dataclass(frozen=True, slots=True)
class ObjectState:
    """An object as a store lists it."""

    url: StoreURL
    size: int
    """Bytes."""
    etag: str
    """Changes with the content."""


class Store:
    """A store of one scheme; safe to use from several threads."""

    def __init__(self, scheme: str) -> None:
        """Load the library of a scheme; nothing is asked of the store yet.

        Raises:
            BackendError: it is not installed.
            ConfigError: no credentials, where the library looks for them at once.
        """
        for module in ("fsspec", _MODULES[scheme]):
            _require(scheme, module)
        import fsspec

        options = {"use_listings_cache": False, "skip_instance_cache": True, **_OPTIONS.get(scheme, {})}
        try:
            self._files: Any = fsspec.filesystem(scheme, **options)
        except Exception as error:
            raise ConfigError(
                f"{scheme}://: cannot be opened ({make_printable(error)}). Set the credentials of the store in the "
                "environment, see docs/how-to/scale.md."
            ) from error
        self._files.retries = 1  # of s3fs: all repetition is here

    def stat(self, url: StoreURL) -> ObjectState | None:
        """Return the state of an object; ``None`` when there is none.

        Raises:
            ConfigError, BackendError: see :func:`kukkiri.storage.retrying.retry`.
        """
        try:
            info = retry(lambda: self._stat(url), what=str(url))
        except FileNotFoundError:
            return None
        return None if info is None or info.get("type") == "directory" else _state(url, info)

    def _stat(self, url: StoreURL) -> dict[str, Any] | None:
        info: dict[str, Any] = self._files.info(_path(url))
        return info

    def list(self, folder: StoreURL, *, recursive: bool = True) -> Iterator[ObjectState]:
        """List the objects below a folder, as the store sends them; the memory does not grow with their number.

        Args:
            folder: beginning of the keys, up to a ``/``.
            recursive: folders below it, too.

        Raises:
            ConfigError, BackendError: see :func:`kukkiri.storage.retrying.retry`.
        """
        try:
            found = retry(lambda: self._files.ls(_path(folder), detail=True), what=str(folder))
        except FileNotFoundError:
            return
        for info in sorted(found, key=lambda info: str(info["name"])):
            key = _key(info["name"], folder)
            if not key or key == folder.key:
                continue
            url = StoreURL(folder.scheme, folder.bucket, key)
            if info["type"] != "directory":
                yield _state(url, info)
            elif recursive:
                yield from self.list(url)

    def read(self, url: StoreURL, *, begin: int = 0, end: int | None = None) -> bytes:
        """Read an object, or a range of its bytes.

        Raises:
            FileNotFoundError: there is none.
            ConfigError, BackendError: see :func:`kukkiri.storage.retrying.retry`.
        """
        ranged = {} if end is None and begin == 0 else {"start": begin, "end": end}
        data: bytes = retry(lambda: self._files.cat_file(_path(url), **ranged), what=str(url))
        return data

    def fetch(self, state: ObjectState, path: Path) -> None:
        """Copy an object to a file of this disk, range by range.

        Args:
            state: as it was listed.
            path: is written; in an existing folder.

        Raises:
            FileNotFoundError: it is gone.
            ConfigError: the disk is full; or see :func:`kukkiri.storage.retrying.retry`.
            BackendError: it was replaced meanwhile; or see there.
        """
        try:
            with path.open("wb") as file:
                for begin in range(0, max(state.size, 1), _BLOCK):
                    file.write(self._read_block(state, begin))
        except FileNotFoundError:
            if path.parent.is_dir():
                raise
            raise ConfigError(f"{make_printable(path.parent)}: no such folder.") from None
        except OSError as error:
            raise ConfigError(f"{make_printable(path)}: cannot be written ({error.strerror or error}).") from error
        if state.size > _BLOCK and self.stat(state.url) != state:
            raise BackendError(f"{make_printable(state.url)}: was replaced while it was read. Try again.")

    def _read_block(self, state: ObjectState, begin: int) -> bytes:
        length = min(_BLOCK, state.size - begin)
        ranged = {} if length == state.size else {"start": begin, "end": begin + length}

        def read() -> bytes:
            data: bytes = self._files.cat_file(_path(state.url), **ranged)
            if len(data) < length:
                raise IncompleteObjectError(f"{len(data)} bytes of {length}")
            return data

        data = retry(read, what=str(state.url))
        if len(data) > length:
            raise BackendError(f"{make_printable(state.url)}: was replaced while it was read. Try again.")
        return data

    def write(self, url: StoreURL, content: bytes | Path, *, create: bool = False) -> None:
        """Write an object, whole or not at all, by one request for up to 64 MiB.

        Args:
            url: an object that is there is replaced.
            content: bytes, or a file of this disk.
            create: refuse to replace.

        Raises:
            FileExistsError: with ``create``, it is there, and this call has not written it.
            ConfigError: no such bucket; or see :func:`kukkiri.storage.retrying.retry`.
            BackendError: see there.
        """
        try:
            self._write(url, content, create=create)
        except FileNotFoundError as error:
            raise _no_bucket(url) from error

    def _write(self, url: StoreURL, content: bytes | Path, *, create: bool) -> None:
        if isinstance(content, Path):
            if content.stat().st_size > _ONE_PUT:
                retry(lambda: self._files.put_file(str(content), _path(url)), what=str(url))
                return
            content = content.read_bytes()
        if not create:
            retry(lambda: self._files.pipe_file(_path(url), content), what=str(url))
            return
        try:
            retry(lambda: self._create(url, content), what=str(url))
        except FileExistsError:
            if self.read(url) != content:  # an attempt whose answer was lost has written it
                raise

    def _create(self, url: StoreURL, content: bytes) -> None:
        try:
            self._files.pipe_file(_path(url), content, mode="create")
        except OSError as error:
            if "PreconditionFailed" in repr(error.__cause__) or "reconditions" in str(error):
                raise FileExistsError(str(url)) from error
            raise


class _S3(Store):
    """The requests of S3 itself: a page of a listing at a time, and one HEAD where ``info`` would list, too."""

    def _stat(self, url: StoreURL) -> dict[str, Any] | None:
        answer = self._files.call_s3("head_object", Bucket=url.bucket, Key=url.key)
        return {"type": "file", "size": answer["ContentLength"], "ETag": answer.get("ETag", "")}

    def list(self, folder: StoreURL, *, recursive: bool = True) -> Iterator[ObjectState]:
        prefix = f"{folder.key.removesuffix('/')}/" if folder.key else ""
        asked = {"Bucket": folder.bucket, "Prefix": prefix, **({} if recursive else {"Delimiter": "/"})}
        while True:
            try:
                page = retry(lambda: self._files.call_s3("list_objects_v2", **asked), what=str(folder))
            except FileNotFoundError:
                raise _no_bucket(folder) from None
            for item in page.get("Contents", ()):
                if item["Key"] != prefix:
                    url = StoreURL(folder.scheme, folder.bucket, item["Key"])
                    yield ObjectState(url, item["Size"], item["ETag"].strip('"'))
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]


@cache
def open_store(scheme: str) -> Store:
    """Return the store of a scheme of :data:`SCHEMES`.

    Raises:
        BackendError: its library is not installed.
    """
    return _S3(scheme) if scheme == "s3" else Store(scheme)


def _require(scheme: str, module: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        beside = "" if module in _IN_EXTRA else f" {module}"
        raise BackendError(f'{scheme}:// needs {module}. Install it: pip install "kukkiri[cloud]"{beside}') from error


def _no_bucket(url: StoreURL) -> ConfigError:
    return ConfigError(f"{url.scheme}://{make_printable(url.bucket)}: no such bucket. Check its name.")


def _path(url: StoreURL) -> str:
    """The spelling of fsspec; ``memory`` has no buckets, and takes one for a folder."""
    return f"{'/' if url.scheme == 'memory' else ''}{url.bucket}/{url.key}"


def _key(name: str, folder: StoreURL) -> str:
    return name.lstrip("/").removeprefix(folder.bucket).lstrip("/")


def _state(url: StoreURL, info: dict[str, Any]) -> ObjectState:
    etag = info.get("ETag") or info.get("etag") or info.get("created") or ""
    return ObjectState(url, int(info["size"]), str(etag).strip('"'))
