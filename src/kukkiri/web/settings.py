"""Settings of one server: its folder, its workers, who may use it, and its limits."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from kukkiri.errors import ConfigError
from kukkiri.web.limits import Limits

__all__ = ["ServerSettings"]


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Settings that the server process and its worker processes share; it can be pickled."""

    folder: Path
    """Holds the jobs and all their files; several servers may share one, and then share the work."""
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

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ConfigError: one makes no sense.
        """
        if self.workers < 1 or (self.threads is not None and self.threads < 1):
            raise ConfigError(f"--workers and --threads must be at least 1, got {self.workers}, {self.threads}.")
        if not 0 <= self.stop_seconds < math.inf:
            raise ConfigError(f"--stop-seconds must be 0 or more seconds, got {self.stop_seconds:g}.")
        self.limits.check()
