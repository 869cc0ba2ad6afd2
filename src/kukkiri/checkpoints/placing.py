"""Put a model file in place only when it is whole."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kukkiri.errors import ModelError

__all__ = ["placed"]


@contextmanager
def placed(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside ``path``; move the file there when the block ends without an error.

    A reader sees the old file or the new one, never a part; after an error nothing is left behind.

    Raises:
        ModelError: ``path`` exists and ``overwrite`` is false, or its folder cannot be written.
    """
    if path.exists() and not overwrite:
        raise ModelError(f"{path}: exists already. Choose another name, or allow overwriting.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror}). Choose another folder.") from error
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner can read
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
