"""The memory that this process may still take."""

import ctypes
import os
import re
import sys
from pathlib import Path, PurePosixPath

__all__ = ["find_free_memory", "is_refusal"]

_PROCESS = Path("/proc/self")
_VERSIONS = {
    # type of the file system: the files of a group with its limit and with what it uses
    "cgroup2": ("memory.max", "memory.current"),
    "cgroup": ("memory.limit_in_bytes", "memory.usage_in_bytes"),
}
_USUAL = {"cgroup2": Path("/sys/fs/cgroup"), "cgroup": Path("/sys/fs/cgroup/memory")}
_CACHE = ("total_inactive_file", "inactive_file")  # version 1 counts the groups below in the first only
_REFUSAL = re.compile(r"bad.?alloc|fail\w* to allocate|can(?:no|')t allocate|out of memory", re.IGNORECASE)
"""The words of ONNX Runtime, PyTorch and CUDA."""
_ASSUMED = 2 * 2**30


def find_free_memory() -> int:
    """Return the bytes that are free without swapping: the system's own figure, cut to the control groups' limits.

    Linux: ``MemAvailable``; Windows: ``ullAvailPhys``; elsewhere half of the physical memory; 2 GB when
    the system says nothing. The limits of this process's own control group and of every group above it count.
    """
    found = _linux() or _windows() or _physical() or _ASSUMED
    rests = [_group_rest(folder, *names) for folder, names in _find_groups(_PROCESS)]
    return min([found, *(rest for rest in rests if rest is not None)])


def is_refusal(error: BaseException) -> bool:
    """True when an error, or what caused it, says that memory was asked for and refused."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, MemoryError) or _REFUSAL.search(str(found)):
            return True
        found = found.__cause__
    return False


def _linux() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _find_groups(process: Path) -> list[tuple[Path, tuple[str, str]]]:
    """The folders of a process's memory control groups, its own and all above it, with the names of their files.

    Args:
        process: its folder in ``/proc``.

    Reference: the manual pages cgroups(7) and proc(5) of Linux.
    """
    try:
        memberships = (process / "cgroup").read_text(encoding="utf-8").splitlines()
        mounts = (process / "mountinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return [(folder, _VERSIONS[kind]) for kind, folder in _USUAL.items()]
    paths = {}
    for line in memberships:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            paths["cgroup2"] = path
        elif "memory" in controllers.split(","):
            paths["cgroup"] = path
    groups = []
    for line in mounts:
        before, _, behind = line.partition(" - ")
        fields, kind = before.split(), behind.split()
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in paths:
            continue
        if kind[0] == "cgroup" and "memory" not in kind[2].split(","):
            continue
        top = Path(_unescape(fields[4]))
        below = PurePosixPath(paths[kind[0]])
        if below.is_relative_to(root := PurePosixPath(_unescape(fields[3]))):  # what is mounted is a part of the tree
            below = below.relative_to(root)
        folder = top.joinpath(*(part for part in below.parts if part not in ("/", "..")))
        groups += [(group, _VERSIONS[kind[0]]) for group in (folder, *folder.parents) if group.is_relative_to(top)]
    return groups


def _unescape(path: str) -> str:
    """Put spaces and other characters back that mountinfo writes in octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _group_rest(folder: Path, limit: str, used: str) -> int | None:
    """Free part of a control group's limit, file cache not counted; ``None`` without a limit."""
    try:
        total, taken = (int((folder / name).read_text(encoding="ascii")) for name in (limit, used))
        lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):  # no such group, or "max"
        return None
    counts = dict(line.split()[:2] for line in lines if " " in line)
    cache = next((int(counts[name]) for name in _CACHE if name in counts), 0)
    return max(0, total - taken + cache)


def _physical() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return None


class _MemoryStatus(ctypes.Structure):
    _fields_ = (
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        *((name, ctypes.c_ulonglong) for name in ("total", "available", "a", "b", "c", "d", "e")),
    )


def _windows() -> int | None:
    if sys.platform != "win32":
        return None
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.available)
