"""Atomic writing, removal of the temporary files of killed processes, and the listing of a folder's images."""

import hashlib
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

from kukkiri.errors import ConfigError, make_printable

__all__ = [
    "CLIP_OUTPUT_SUFFIXES",
    "CLIP_SUFFIXES",
    "IMAGE_SUFFIXES",
    "check_folder",
    "drop_temporary_files",
    "hash_file",
    "list_files",
    "list_images",
    "make_folder",
    "replacing",
    "require_folder",
    "require_images",
    "sweep_temporary_files",
    "try_lock",
    "write_atomically",
]

IMAGE_SUFFIXES = (
    *(".apng", ".avif", ".bmp", ".exr", ".gif", ".hdr", ".heic", ".heif", ".hif", ".j2k", ".jfif", ".jp2", ".jpe"),
    *(".jpeg", ".jpg", ".jpx", ".jxl", ".pam", ".pbm", ".pfm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif"),
    *(".tiff", ".webp"),
)
"""Suffixes worth opening when a folder is searched; a file given by name is read by its content, whatever its name."""

CLIP_SUFFIXES = (
    *(".3g2", ".3gp", ".asf", ".avi", ".f4v", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts"),
    *(".mxf", ".nut", ".ogm", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
)
"""Suffixes of video containers worth opening."""

CLIP_OUTPUT_SUFFIXES = (".m4v", ".mkv", ".mov", ".mp4", ".webm")
"""Suffixes of the containers that are written; the first that holds every kind of stream is .mkv."""

_TEMPORARY = re.compile(r"\.kukkiri-(?:(?P<machine>[0-9a-f]{8})-)?(?P<process>\d+)-[0-9a-f]{16}\.tmp")
_OPEN: set[Path] = set()
_DEAD_AFTER = 3600.0  # seconds without a write; on a shared disk the process may live on another machine


@contextmanager
def replacing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; the file written there takes its name when the block ends.

    The data is flushed to the disk first. When anything is raised in the block, Ctrl-C included, the target stays as
    it was and the temporary file is deleted. Symbolic links are followed. The permissions are those of the replaced
    file, or those that the umask gives.

    Args:
        path: the file to write, in an existing folder.
        overwrite: an existing file may be replaced.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
        OSError: the folder is missing, read-only or full.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not overwrite:
        raise FileExistsError(f"{path} exists")
    temporary = target.with_name(f".kukkiri-{_name_machine()}-{os.getpid()}-{secrets.token_hex(8)}.tmp")
    try:
        _OPEN.add(temporary)
        temporary.touch(exist_ok=False)
        permissions = temporary.stat().st_mode
        yield temporary
        temporary.chmod(permissions)  # safetensors puts a file of its own there, which only its owner can read
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if target.exists():
            if not overwrite:
                raise FileExistsError(f"{path} exists")
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    finally:
        _OPEN.discard(temporary)


def drop_temporary_files() -> None:
    """Delete the temporary files that this process is writing; for a process that ends without waiting for threads."""
    for temporary in tuple(_OPEN):
        with suppress(OSError):
            temporary.unlink()


def write_atomically(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write a file whole or not at all, see :func:`replacing`.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
        OSError: the folder is missing, read-only or full.
    """
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def sweep_temporary_files(folder: Path) -> int:
    """Delete the temporary files that killed processes left in a folder.

    A file is left alone while its process is alive on this machine. One of a process that may live on another machine
    or in another container, on a shared disk, is left alone for an hour after its last write.

    Returns:
        Number of deleted files.
    """
    swept = 0
    for file in folder.glob(".kukkiri-*.tmp"):
        match = _TEMPORARY.fullmatch(file.name)
        with suppress(OSError):
            if match and not _is_alive(int(match["process"])):
                here = match["machine"] == _name_machine() and os.name != "nt"
                if here or time.time() - file.stat().st_mtime > _DEAD_AFTER:
                    file.unlink()
                    swept += 1
    return swept


@cache
def _name_machine() -> str:
    """Eight digits for the machine since its start, and the container: process numbers are unique within."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8]


def try_lock(file: IO[bytes]) -> bool:
    """Lock an open file for this process, until it is closed; false when another process holds it.

    Where the system or a network disk knows no such locks, nobody is refused.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def hash_file(path: Path, *, sync: bool = False) -> str:
    """Return the sha256 of a file in hexadecimal digits; with ``sync`` its content is on the disk afterwards.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if sync:
            os.fsync(file.fileno())
    return digest


def list_images(folder: Path, *, recursive: bool = False) -> tuple[Path, ...]:
    """List the image files of a folder by their suffix, in either case.

    Files and folders whose name begins with a dot are ignored: thumbnails, trash, and what macOS writes beside files.

    Args:
        folder: the paths begin with it.
        recursive: search the folders below it, too.

    Returns:
        The paths, sorted; none when there is no such folder.
    """
    return tuple(path for path in list_files(folder, recursive=recursive) if path.suffix.lower() in IMAGE_SUFFIXES)


def list_files(folder: Path, *, recursive: bool = False) -> tuple[Path, ...]:
    """List all files of a folder but those that :func:`list_images` ignores because of a dot.

    Args:
        folder: the paths begin with it.
        recursive: search the folders below it, too.

    Returns:
        The paths, sorted; none when there is no such folder.
    """
    if not folder.is_dir():
        return ()
    found = folder.rglob("*") if recursive else folder.iterdir()
    seen = (path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    return tuple(sorted(path for path in seen if path.is_file()))


def require_folder(folder: Path) -> None:
    """Check that there is a folder.

    Raises:
        ConfigError: there is none, or a file of this name.
    """
    if folder.is_file():
        raise ConfigError(f"{folder}: is a file; expected a folder of images. Name the folder that it lies in.")
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of images.")


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made, before the work whose results it is for.

    Raises:
        ConfigError: a file is in its place, or in that of a folder above.
    """
    for place in (folder, *folder.parents):
        if place.exists():
            if place.is_dir():  # asked last: another thread may be making it
                return
            reason = "a file is in its place" if place == folder else f"{make_printable(place)} is a file"
            raise ConfigError(f"{make_printable(folder)}: this folder cannot be made ({reason}). Choose another.")


def make_folder(folder: Path) -> None:
    """Make a folder with those above, unless it exists.

    Raises:
        ConfigError: a file is in the place of one, or the disk does not let it be made.
    """
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"{make_printable(folder)}: this folder cannot be made ({reason}). Choose another.") from None


def require_images(folder: Path) -> tuple[Path, ...]:
    """List the image files directly in a folder, see :func:`list_images`, of which there must be some.

    Raises:
        ConfigError: no such folder, or no image in it.
    """
    require_folder(folder)
    found = list_images(folder)
    if not found:
        raise ConfigError(f"{folder}: no images here. Known types: {', '.join(IMAGE_SUFFIXES)}.")
    return found


def _is_alive(process: int) -> bool:
    """True when a process of this machine has that number."""
    if os.name == "nt":  # there signal 0 is Ctrl-C, and a file in use cannot be deleted anyway
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
