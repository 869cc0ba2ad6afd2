"""URLs of objects and of folders of a store: ``s3://bucket/photos/a.jpg``."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import unquote

from kukkiri.errors import ConfigError, did_you_mean, make_printable

__all__ = ["SCHEMES", "StoreURL", "find_url", "locate"]

SCHEMES = ("s3", "gs", "az", "memory")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//?)(.*)", re.DOTALL)
_WEB = ("http", "https", "ftp", "ftps", "sftp")
_KNOWN = (*SCHEMES, "file", *_WEB)


@dataclass(frozen=True, order=True, slots=True)
class StoreURL:
    """An object, or a folder, which is no more than the beginning of the keys of some objects."""

    scheme: str
    bucket: str
    key: str = ""
    """Without a ``/`` at its beginning."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}" if self.key else f"{self.scheme}://{self.bucket}"

    def __truediv__(self, below: str | PurePath) -> "StoreURL":
        """The object below a folder."""
        text = below if isinstance(below, str) else below.as_posix()
        folder = self.key.removesuffix("/")
        return StoreURL(self.scheme, self.bucket, f"{folder}/{text}" if folder else text)

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def is_plain(self) -> bool:
        """True when the key can be the path of a file: neither ``//`` nor ``..`` nor a ``/`` at the end."""
        parts = self.key.split("/")
        return not any(part in ("", ".", "..") or "\0" in part for part in parts) and not (
            os.name == "nt" and any(sign in self.key for sign in '\\:*?"<>|')
        )


def locate(text: str | PurePath) -> "Path | StoreURL":
    """Read a path or a URL; ``file://`` is a path of this machine.

    Args:
        text: also a path that was made of a URL and so has one ``/`` less.

    Raises:
        ConfigError: a URL that is not read: of another kind, or with a name or a password in it.
    """
    plain = text if isinstance(text, str) else text.as_posix()
    match = _URL.fullmatch(plain)
    if match is None or (match[2] == "/" and match[1].lower() not in _KNOWN):
        return Path(text)
    scheme, rest = match[1].lower(), match[3]
    if scheme == "file":
        return Path(unquote(f"/{rest.removeprefix('localhost').lstrip('/')}"))
    bucket, _, key = rest.lstrip("/").partition("/")
    if "@" in bucket:
        raise ConfigError(
            f"{scheme}://...@{make_printable(bucket.rpartition('@')[2])}: a URL with a name or a password. Credentials "
            "come from the environment, see docs/how-to/scale.md."
        )
    if scheme in _WEB:
        raise ConfigError(
            f"{scheme}://{make_printable(bucket)}: web addresses are not read. Fetch the file first, with curl -O."
        )
    if scheme not in SCHEMES:
        raise ConfigError(f"{make_printable(scheme)}://: no known kind of storage{did_you_mean(scheme, SCHEMES)}")
    if not bucket:
        raise ConfigError(f"{make_printable(plain)}: names no bucket. Write {scheme}://BUCKET/FOLDER.")
    return StoreURL(scheme, bucket, key)


def find_url(text: str | PurePath) -> StoreURL | None:
    """Return the URL of an object or a folder of a store; ``None`` for what lies on this machine.

    Raises:
        ConfigError: see :func:`locate`.
    """
    place = locate(text)
    return place if isinstance(place, StoreURL) else None


def place_of(url: StoreURL) -> PurePosixPath:
    """Place of an object in the tree of the results, when a list names it by its URL: its bucket and its key."""
    return PurePosixPath(url.bucket, url.key)
