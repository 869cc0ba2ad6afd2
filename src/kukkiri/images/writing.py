"""Writing an image file: the target is checked before any work is done, and written whole or not at all."""

from os import PathLike
from pathlib import Path

from kukkiri.errors import ImageError
from kukkiri.files import write_atomically
from kukkiri.images.encoders import check_encoder
from kukkiri.images.encoding import Samples, encode
from kukkiri.images.formats import find_output_format, make_printable
from kukkiri.images.libvips import clear_errors, failure_types, find_reason

__all__ = ["check_output", "write_samples"]


def check_output(
    path: str | PathLike[str],
    *,
    source: str | PathLike[str] | None = None,
    overwrite: bool = False,
    size: tuple[int, int] | None = None,
) -> None:
    """Check a target before any work is done for it.

    Args:
        path: the file to write.
        source: the file that was read; the target may not be the same file, by any name or link.
        overwrite: an existing file may be replaced.
        size: (height, width) that will be written, if known already.

    Raises:
        ImageError: unknown suffix, missing folder, existing file, ``source`` itself, or too large for the format.
    """
    file, name = Path(path), make_printable(Path(path))
    form = find_output_format(file)
    check_encoder(form.name, name)
    try:
        problem = _find_problem(file, source, overwrite=overwrite)
    except (OSError, ValueError) as error:
        problem = f"cannot be written ({getattr(error, 'strerror', None) or error})."
    if problem is not None:
        raise ImageError(f"{name}: {problem}")
    if size is not None and max(size) > form.longest_side:
        raise ImageError(
            f"{name}: {size[1]}x{size[0]} is too large for {form.name}, whose sides are at most {form.longest_side} "
            "pixels. Use .png or .tif."
        )


def _find_problem(file: Path, source: str | PathLike[str] | None, *, overwrite: bool) -> str | None:
    """Return the reason why a file cannot be written, or ``None``."""
    if "\0" in str(file):
        return "cannot be written: its name holds a zero byte."
    if file.parent.is_file():
        return f"{make_printable(file.parent)} is a file, not a folder. Choose another."
    if not file.parent.is_dir():
        return f"there is no folder {make_printable(file.parent)}. Create it first."
    if file.is_dir():
        return "is a folder; expected a file name."
    if source is not None and _is_same(file, Path(source)):
        return "is the input itself, which is never overwritten. Choose another name."
    if file.exists() and not overwrite:
        return "exists already. Choose another name, or allow it with --overwrite."
    return None


def _is_same(file: Path, source: Path) -> bool:
    try:
        return file.samefile(source)
    except OSError:  # one of them does not exist
        return False


def write_samples(samples: Samples, file: Path, *, overwrite: bool, quality: int | None) -> list[str]:
    """Encode samples and write them; the file appears whole or not at all.

    Args:
        samples: fitted to the format of ``file``, see :func:`kukkiri.images.encoding.fit`.
        file: its suffix decides the format.
        overwrite: an existing file may be replaced.
        quality: see :func:`kukkiri.images.save_image`.

    Returns:
        One line for everything that the encoder dropped.

    Raises:
        ImageError: the file exists, the disk is full, or the encoder failed.
    """
    form, name = find_output_format(file), make_printable(file)
    clear_errors()
    try:
        data, dropped = encode(samples, form, quality)
        write_atomically(file, data, overwrite=overwrite)
    except failure_types() as error:
        raise ImageError(f"{name}: libvips could not write {form.name} ({find_reason(error)}). Use .png.") from error
    except OSError as error:
        raise ImageError(f"{name}: cannot be written ({error.strerror or error}).") from error
    except MemoryError as error:
        raise ImageError(f"{name}: there is not enough memory to write it.") from error
    return dropped
