"""The memory that this process may still take."""

import ctypes
import os
import sys
from pathlib import Path

__all__ = ["find_free_memory"]

_GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_ASSUMED = 2 * 2**30


def find_free_memory() -> int:
    """Return the bytes that are free without swapping: the system's own figure, cut to a container's limit.

    Linux: ``MemAvailable``; Windows: ``ullAvailPhys``; elsewhere half of the physical memory; 2 GB when
    the system says nothing.
    """
    found = _linux() or _windows() or _physical() or _ASSUMED
    limits = [limit for limit in (_group_rest(*group) for group in _GROUPS) if limit is not None]
    return min([found, *limits])


def _linux() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _group_rest(folder: str, limit: str, used: str) -> int | None:
    """Free part of a control group's limit, file cache not counted; ``None`` without a limit."""
    try:
        total, taken = (int((Path(folder) / name).read_text(encoding="ascii")) for name in (limit, used))
        lines = (Path(folder) / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):  # no such group, or "max"
        return None
    cache = sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
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
