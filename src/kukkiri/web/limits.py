"""Limits of the server, all in one place: defaults, units and meanings, for the command line and ``GET /v1/limits``."""

from dataclasses import dataclass, fields
from typing import Annotated, Any, get_args, get_type_hints

from cyclopts import Parameter

from kukkiri.errors import ConfigError

__all__ = ["Limits", "list_limits", "name_option"]

_UNITS = {"mb": "MB", "megapixels": "megapixels", "seconds": "s", "hours": "h"}
"""Last word of a limit's name, and its unit; other limits are counts."""
MB = 1_000_000
"""Bytes of a MB, and pixels of a megapixel."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Every limit of the server; 0 switches one off."""

    max_body_mb: Annotated[
        float, Parameter(help="MB of one request's body; refused from its Content-Length before it is read.")
    ] = 128.0
    max_input_megapixels: Annotated[
        float, Parameter(help="megapixels of one image that is sent, read from its header before it is decoded.")
    ] = 100.0
    max_output_megapixels: Annotated[
        float, Parameter(help="megapixels of one result, computed from the header and the options.")
    ] = 400.0
    max_batch_files: Annotated[int, Parameter(help="images in one batch.")] = 64
    max_queue: Annotated[int, Parameter(help="jobs that wait; more are answered with 503 and Retry-After.")] = 64
    max_client_jobs: Annotated[int, Parameter(help="jobs of one client that wait or run; more get 429.")] = 32
    max_client_requests: Annotated[int, Parameter(help="open requests of one client; more get 429.")] = 64
    max_connections: Annotated[int, Parameter(help="open connections of all clients; more are closed.")] = 1024
    max_memory_mb: Annotated[
        float, Parameter(help="MB that the running jobs may take together, by the planner's estimates.")
    ] = 4000.0
    header_seconds: Annotated[float, Parameter(help="time for the head of a request to arrive.")] = 20.0
    body_stall_seconds: Annotated[float, Parameter(help="time without a byte of a body before it is given up.")] = 20.0
    body_seconds: Annotated[float, Parameter(help="time for a whole body to arrive.")] = 600.0
    send_stall_seconds: Annotated[
        float, Parameter(help="time that a client may read nothing of its answer before it is given up.")
    ] = 60.0
    wait_seconds: Annotated[
        float, Parameter(help="time after which POST /v1/upscale answers 202 with the job instead of the image.")
    ] = 20.0
    job_seconds: Annotated[float, Parameter(help="time of one job; a longer one fails.")] = 1800.0
    keep_results: Annotated[int, Parameter(help="finished jobs that are kept, the latest ones.")] = 1000
    keep_hours: Annotated[float, Parameter(help="age at which finished jobs and their files are deleted.")] = 24.0
    keep_mb: Annotated[float, Parameter(help="MB of finished jobs' files; the oldest are deleted first.")] = 10_000.0

    def check(self) -> None:
        """Check that each limit is a number that makes sense.

        Raises:
            ConfigError: one is negative or no finite number.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < float("inf"):
                raise ConfigError(f"{name_option(field.name)} is {value:g}. Give 0 (off) or a positive number.")

    @property
    def body_bytes(self) -> int:
        """Bytes of a body; 0 when there is no limit."""
        return round(self.max_body_mb * MB)

    @property
    def input_pixels(self) -> int:
        """Pixels of an image that is sent; 0 when there is no limit."""
        return round(self.max_input_megapixels * MB)

    @property
    def output_pixels(self) -> int:
        """Pixels of a result; 0 when there is no limit."""
        return round(self.max_output_megapixels * MB)

    @property
    def memory_bytes(self) -> int:
        """Bytes that the running jobs may take together; 0 when there is no limit."""
        return round(self.max_memory_mb * MB)

    @property
    def kept_bytes(self) -> int:
        """Bytes of the finished jobs' files; 0 when there is no limit."""
        return round(self.keep_mb * MB)


def name_option(name: str) -> str:
    """Return the command line's option for a limit, as messages name it: ``--max-body-mb``."""
    return f"--{name.replace('_', '-')}"


def list_limits(limits: Limits) -> list[dict[str, Any]]:
    """List every limit: name, value, default, unit, option and meaning."""
    hints = get_type_hints(Limits, include_extras=True)
    return [
        {
            "name": field.name,
            "value": getattr(limits, field.name),
            "default": field.default,
            "unit": _UNITS.get(field.name.rsplit("_", 1)[-1], ""),
            "option": name_option(field.name),
            "meaning": next(part.help for part in get_args(hints[field.name]) if isinstance(part, Parameter)),
        }
        for field in fields(limits)
    ]
