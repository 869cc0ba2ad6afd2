"""Model files appear whole or not at all, and a user reads why one was not written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kukkiri.errors import ModelError
from kukkiri.files import replacing

__all__ = ["replacing_model"]


@contextmanager
def replacing_model(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, see :func:`kukkiri.files.replacing`; missing folders are made.

    Raises:
        ModelError: ``path`` exists and ``overwrite`` is false, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with replacing(path, overwrite=overwrite) as temporary:
            yield temporary
    except FileExistsError as error:
        if path.is_dir():
            raise ModelError(f"{path}: is a folder. Name a file in it.") from error
        raise ModelError(f"{path}: exists already. Choose another name, or allow overwriting.") from error
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ModelError:
    return ModelError(f"{path}: cannot be written ({error.strerror or error}). Choose another folder.")
