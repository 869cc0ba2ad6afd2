"""Files appear whole or not at all."""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write a file under a temporary name in its folder, flush it to the disk, then give it its name.

    Whatever is raised meanwhile, Ctrl-C included, the target is as it was and nothing is left beside it. A link is
    followed. The permissions are those of the file that is replaced, else what the umask gives.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
        OSError: the folder is missing, read-only or full.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".kukkiri-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
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
