"""A finished image of a server, and how it is saved."""

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from kukkiri.errors import ImageError
from kukkiri.files import replacing

__all__ = ["RemoteResult"]


@dataclass(frozen=True, kw_only=True)
class RemoteResult:
    """An image that a server made."""

    data: bytes = field(repr=False)
    """The file."""
    file_name: str
    media_type: str
    """Such as ``image/png``."""
    notes: tuple[str, ...] = ()
    """One line for everything that the user should know."""

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the file, which appears whole or not at all.

        Args:
            path: the file, whose suffix is of the result's format, or a folder, in which it has its own name.
            overwrite: an existing file may be replaced.

        Returns:
            The path of the file.

        Raises:
            ImageError: the suffix is of another format, the file exists, or it cannot be written.
        """
        target = Path(path)
        if target.is_dir():
            target /= Path(self.file_name).name
        own = Path(self.file_name).suffix.lower()
        if _unify(target.suffix) != _unify(own):
            raise ImageError(
                f"{target}: the result is {self.media_type}. Name it {target.stem}{own}, or ask the server for "
                f"format={target.suffix.removeprefix('.') or 'png'!r}."
            )
        try:
            with replacing(target, overwrite=overwrite) as temporary:
                temporary.write_bytes(self.data)
        except FileExistsError as error:
            raise ImageError(f"{target}: exists. Give overwrite=True to replace it.") from error
        except OSError as error:
            raise ImageError(f"{target}: cannot be written ({error.strerror}). Check the folder.") from error
        return target


def _unify(suffix: str) -> str:
    same = {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif", ".apng": ".png"}
    return same.get(suffix.lower(), suffix.lower())
