"""A folder of a store, copied to this disk: data sets for training and evaluation, which read files."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from kukkiri.errors import ConfigError, KukkiriError, make_printable
from kukkiri.files import replacing, write_atomically
from kukkiri.storage.stores import ObjectState, Store, open_store
from kukkiri.storage.urls import StoreURL

__all__ = ["Fetched", "fetch_folder"]

_RECORD = ".kukkiri-objects.json"
_AT_ONCE = 8
_BATCH = 64
"""Objects between two looks at the listing."""


@dataclass(frozen=True)
class Fetched:
    """The outcome of :func:`fetch_folder`."""

    objects: int
    """That the store has."""
    copied: int
    """Objects that were not there, or had changed."""
    bytes: int
    """Of those that were copied."""
    problems: tuple[str, ...]
    """Objects that could not be copied, a line each."""


def fetch_folder(
    url: StoreURL, folder: Path, *, report: Callable[[int, int], None] = lambda objects, copied: None
) -> Fetched:
    """Copy the objects below a folder of a store that are not on this disk as they are there.

    A file is left alone when it has the size of its object, and the etag is that of the copy. Files of which the
    store has no object stay. Each file is written whole or not at all.

    Args:
        url: folder of a store; objects of which a name begins with a dot are left out.
        folder: of this disk; made when it is missing.
        report: called with the numbers of listed and of copied objects, now and then.

    Raises:
        ConfigError: nothing lies there, or the folder cannot be written.
        BackendError: the store does not answer.
    """
    store = open_store(url.scheme)
    base = f"{url.key.removesuffix('/')}/" if url.key else ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = _read_record(folder / _RECORD)
        etags: dict[str, str] = {}
        problems: list[str] = []
        copied = size = 0

        def copy(state: ObjectState) -> tuple[str, ObjectState, str, bool]:
            name = state.url.key.removeprefix(base)
            try:
                return name, state, "", _copy(store, state, folder / name, etag=known.get(name))
            except (KukkiriError, OSError) as error:
                return name, state, str(error), False

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for batch in _take(_list(store, url, base, problems)):
                for name, state, problem, new in pool.map(copy, batch):
                    if problem:
                        problems.append(problem)
                        continue
                    etags[name] = state.etag
                    copied, size = copied + new, size + (state.size if new else 0)
                report(len(etags), copied)
        if etags or known:
            write_atomically(folder / _RECORD, json.dumps(known | etags).encode(), overwrite=True)
    except OSError as error:
        raise ConfigError(f"{make_printable(folder)}: cannot be written ({error.strerror or error}).") from error
    if not etags and not problems:
        raise ConfigError(f"{make_printable(url)}: no objects here. Check the bucket and the folder.")
    return Fetched(len(etags) + len(problems), copied, size, tuple(problems))


def _list(store: Store, url: StoreURL, base: str, problems: list[str]) -> Iterator[ObjectState]:
    for state in store.list(url):
        name = state.url.key.removeprefix(base)
        if name.endswith("/"):  # consoles make such objects in place of folders
            continue
        if not StoreURL(url.scheme, url.bucket, name).is_plain:
            problems.append(f"{make_printable(state.url)}: its key can be no path (// or ..). Copy it under another.")
        elif not any(part.startswith(".") for part in name.split("/")):
            yield state


def _copy(store: Store, state: ObjectState, path: Path, *, etag: str | None) -> bool:
    """Copy one object; false when it is there already."""
    if etag == state.etag and path.is_file() and path.stat().st_size == state.size:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, overwrite=True) as temporary:
        store.fetch(state, temporary)
    return True


def _read_record(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):  # a damaged one: all is copied again
        return {}
    return {str(name): str(etag) for name, etag in found.items()} if isinstance(found, dict) else {}


def _take(states: Iterator[ObjectState]) -> Iterator[list[ObjectState]]:
    while batch := list(islice(states, _BATCH)):
        yield batch
