"""The sources that a URL names: an object, a folder or a pattern; listed once, and kept in a file."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from kukkiri.errors import ConfigError, make_printable
from kukkiri.files import CLIP_SUFFIXES, IMAGE_SUFFIXES
from kukkiri.images.archives import COMIC_SUFFIX
from kukkiri.storage import ObjectState, StoreURL, open_store

__all__ = ["StoredSources"]

_MAGIC = re.compile(r"[*?[]")
_AMBIGUOUS = ".ts"  # TypeScript, too, and only its first bytes tell
_SUFFIXES = {*IMAGE_SUFFIXES, *CLIP_SUFFIXES, COMIC_SUFFIX} - {_AMBIGUOUS}


class StoredSources:
    """The images and clips of a URL, in the order of the store; iterate over it as often as needed.

    The store is listed the first time, and the keys go to a temporary file, so that the memory does not grow with their
    number.
    """

    def __init__(
        self,
        url: StoreURL,
        *,
        stand_in: Callable[[StoreURL], Path],
        listing: Path,
        recursive: bool = False,
        leave_out: StoreURL | None = None,
    ) -> None:
        """Look whether the URL is that of an object.

        Args:
            url: of an object, a folder, or a pattern with ``*``, ``?``, ``[...]`` and ``**``.
            stand_in: gives the file that stands for an object.
            listing: file that the keys are kept in.
            recursive: look into folders below, too.
            leave_out: folder of the results, below which nothing is a source.

        Raises:
            ConfigError, BackendError: see :class:`kukkiri.storage.Store`.
        """
        self._url, self._stand_in, self._listing = url, stand_in, listing
        self._recursive = recursive
        self._store = open_store(url.scheme)
        is_object = bool(url.key) and not url.key.endswith("/") and self._store.stat(url) is not None
        self._pattern = None if is_object or not _MAGIC.search(url.key) else _translate(url.key)
        self._object = url if is_object else None
        self._leave_out = None if leave_out is None else f"{leave_out}/"

    def __iter__(self) -> Iterator[tuple[Path, Path | None]]:
        """Each file that stands for an object, and its place below the folder; ``None``: it was named alone."""
        if self._object is not None:
            yield self._stand_in(self._object), None
            return
        base = "" if self._pattern is not None else _as_prefix(self._url.key)
        for key in self._read_keys():
            below = PurePosixPath(key).name if self._pattern is not None else key.removeprefix(base)
            yield self._stand_in(StoreURL(self._url.scheme, self._url.bucket, key)), Path(below)

    def _read_keys(self) -> Iterator[str]:
        if not self._listing.exists():
            self._list()
        with self._listing.open(encoding="utf-8", newline="\n") as file:
            rest = ""
            while block := file.read(1 << 16):
                *keys, rest = (rest + block).split("\0")
                yield from keys

    def _list(self) -> None:
        count = 0
        with self._listing.open("w", encoding="utf-8", newline="\n") as file:
            for state in self._find():
                if self._is_source(state.url):
                    file.write(f"{state.url.key}\0")
                    count += 1
        if not count:
            self._listing.unlink()
            hint = "" if self._recursive or self._pattern else " Use --recursive to look into the folders below."
            raise ConfigError(f"{make_printable(self._url)}: no images or clips here.{hint}")

    def _find(self) -> Iterator[ObjectState]:
        if self._pattern is None:
            yield from self._store.list(self._url, recursive=self._recursive)
            return
        fixed = self._url.key[: _MAGIC.search(self._url.key).start()]  # type: ignore[union-attr]
        folder = StoreURL(self._url.scheme, self._url.bucket, fixed.rpartition("/")[0])
        deep = "/" in self._url.key[len(fixed) :]
        found = self._store.list(folder, recursive=deep)
        yield from (state for state in found if self._pattern.fullmatch(state.url.key))

    def _is_source(self, url: StoreURL) -> bool:
        if os.path.splitext(url.key)[1].lower() not in _SUFFIXES:  # noqa: PTH122  (a million keys)
            return False
        if self._leave_out is not None and str(url).startswith(self._leave_out):
            return False
        below = url.name if self._pattern is not None else url.key.removeprefix(_as_prefix(self._url.key))
        if "/." not in f"/{below}":
            return True
        return not any(part.startswith(".") and part not in (".", "..") for part in below.split("/"))


def _as_prefix(key: str) -> str:
    return f"{key.removesuffix('/')}/" if key else ""


def _translate(pattern: str) -> re.Pattern[str]:
    """Compile a pattern, in which ``**/`` stands for any folders and the other signs for no ``/``."""
    signs = {"**/": "(?:[^/]+/)*", "**": "[^/]*", "*": "[^/]*", "?": "[^/]"}
    text = ""
    for part in re.findall(r"\*\*/|\*\*|\[!?\]?[^]]*\]|.", pattern, flags=re.DOTALL):
        if len(part) > 2 and part[0] == "[":
            text += f"[^{part[2:]}" if part[1] == "!" else part
        else:
            text += signs.get(part) or re.escape(part)
    return re.compile(text, re.DOTALL)
