"""A shard of many sources: which of them one of several processes does, by a hash of their relative paths."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import PurePath
from typing import Self

from kukkiri.cluster.schedulers import find_place
from kukkiri.errors import ConfigError

__all__ = ["Shard"]

_SPELLING = re.compile(r"(\d+|auto)/(\d+)")


@dataclass(frozen=True)
class Shard:
    """One of ``count`` shards; every source is in exactly one of them, on every machine and for ever."""

    index: int
    """From 1, as people write it: ``3/16`` is the third of sixteen."""
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise ConfigError(f"shard {self} does not exist: they are counted from 1/{self.count} on.")

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @classmethod
    def parse(cls, text: str, *, environment: Mapping[str, str]) -> Self:
        """Read ``3/16``, ``auto`` or ``auto/16``.

        Args:
            text: of an option; ``auto`` takes index and count from the environment, ``auto/16`` the index.
            environment: variables of the scheduler, see :mod:`kukkiri.cluster.schedulers`.

        Raises:
            ConfigError: no such shard, or variables that are missing or contradict one another.
        """
        if text == "auto":
            return cls(*find_place(environment))
        match = _SPELLING.fullmatch(text)
        if match is None:
            raise ConfigError(
                f"--shard takes 3/16 (the third of sixteen), auto or auto/16, got {text!r}. Is a variable in it "
                "not set?"
            )
        count = int(match[2])
        if match[1] == "auto":
            return cls(*find_place(environment, count=count))
        return cls(int(match[1]), count)

    @classmethod
    def of(cls, relative: str | PurePath, *, count: int) -> Self:
        """Return the one of ``count`` shards that a source is in, see :meth:`holds`."""
        return cls(1 + _hash(relative) % count, count)

    def holds(self, relative: str | PurePath) -> bool:
        """True when a source is in this shard.

        The suffix and the case of letters do not matter, so that two sources whose results would have one name are in
        one shard, where that is seen.

        Args:
            relative: path below the folder that is upscaled, with ``/`` between its parts.
        """
        return _hash(relative) % self.count == self.index - 1


def _hash(relative: str | PurePath) -> int:
    text = relative if isinstance(relative, str) else relative.as_posix()
    folder, slash, name = text.rpartition("/")
    dot = name.rfind(".")
    text = f"{folder}{slash}{name[:dot] if dot > 0 else name}"
    if not text.isascii():  # macOS may write an accent as a letter of its own
        text = unicodedata.normalize("NFC", text)
    digest = blake2b(text.casefold().encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
