"""Settings of one server: its folder, its workers, who may use it, and its limits."""

from dataclasses import dataclass, field
from pathlib import Path

from kukkiri.web.limits import Limits

__all__ = ["ServerSettings"]


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Settings that the server process and its worker processes share; it can be pickled."""

    folder: Path
    """Holds the jobs and all their files; several servers must not share one."""
    workers: int = 1
    """Worker processes, each with one job at a time."""
    threads: int | None = None
    """CPU threads of a worker; ``None``: the usable ones, divided by ``workers``."""
    limits: Limits = field(default_factory=Limits)
    origins: tuple[str, ...] = ()
    """Origins of other sites whose pages may use the API (CORS), such as ``https://example.org``."""
    host_names: tuple[str, ...] = ()
    """Values of the Host header that are answered; every one when empty."""
    stop_seconds: float = 30.0
    """Time that running jobs have to finish when the server stops; what does not finish is done after the start."""
