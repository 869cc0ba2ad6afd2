"""Torch devices by the name that a user gives: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``."""

from typing import TYPE_CHECKING

from kukkiri.errors import BackendError, ConfigError

if TYPE_CHECKING:
    import torch

__all__ = ["resolve_device"]

_KINDS = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str = "auto", *, local_rank: int = 0) -> "torch.device":
    """Return the torch device of a name, after a check that it is there. Needs torch.

    Args:
        name: ``cpu``, ``cuda`` (the current GPU), ``cuda:N``, ``mps`` (Apple), or ``auto``: the GPU when torch sees
            one, else the CPU.
        local_rank: number of this process among those of the machine; with several GPUs and a name without a number
            each process takes its own.

    Raises:
        ConfigError: another name.
        BackendError: torch sees no such device here; the message says what it sees.
    """
    import torch

    kind, colon, number = name.partition(":")
    if kind not in _KINDS or (colon and (kind != "cuda" or not number.isdigit())):
        raise ConfigError(f"unknown device {name!r}. Expected auto, cpu, cuda, cuda:N or mps.")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    has_mps = torch.backends.mps.is_available()
    if kind == "auto":
        kind = "cuda" if gpus else "mps" if has_mps else "cpu"
    if kind == "cuda":
        index = int(number) if number else local_rank % gpus if gpus else 0
        if index >= gpus:
            raise BackendError(f"no device {name} here; torch sees {_list(gpus, has_mps)}. {_remedy(gpus)}")
        return torch.device("cuda", index)
    if kind == "mps" and not has_mps:
        raise BackendError(f"no device mps here; torch sees {_list(gpus, has_mps)}. Use device cpu or auto.")
    return torch.device(kind)


def _list(gpus: int, has_mps: bool) -> str:
    """Name the devices that torch sees."""
    names = ["cpu", *(f"cuda:{number}" for number in range(gpus)), *(["mps"] if has_mps else [])]
    return ", ".join(names) if len(names) > 1 else "only cpu"


def _remedy(gpus: int) -> str:
    import torch

    if gpus:
        return "Use one of these."
    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        return f"torch {torch.__version__} is built for the CPU only: install one with CUDA, or use device cpu."
    return "Check the driver, or use device cpu."
