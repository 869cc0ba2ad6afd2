"""A job and its result, as the store keeps them and as the HTTP API shows them."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Self

from kukkiri.web.jobs.options import JobOptions
from kukkiri.web.jobs.problems import ErrorInfo

__all__ = ["FINAL", "STATES", "ErrorInfo", "Job", "JobOptions", "Kept", "ResultInfo", "State"]

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled")
"""Every state, in the order in which a job passes them."""
FINAL: frozenset[State] = frozenset({"done", "failed", "cancelled"})
"""States that a job does not leave."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The parts of an input that are in its result; ``None`` where the input had none."""

    profile: bool | None = None
    """Colour profile."""
    exif: bool | None = None
    """EXIF."""
    alpha: bool | None = None
    """Transparency."""
    depth: int = 8
    """Bits of a sample of the result."""
    input_depth: int = 8
    """Bits of a sample of the input."""


@dataclass(frozen=True, kw_only=True)
class ResultInfo:
    """A finished result."""

    bytes: int
    width: int
    height: int
    media_type: str
    """Such as ``image/png``."""
    file_name: str
    """For the download: the input's name with the scale or size."""
    sha256: str
    """Of the file, in hexadecimal digits."""
    seconds: float
    """To read, upscale and write it."""
    weights: str | None = None
    """Degradation domain of the network that was used, ``clean`` or ``photo``; ``None``: not known."""
    notes: tuple[str, ...] = ()
    """One line for everything that the user should know."""
    kept: Kept = Kept()

    def as_json(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {**dataclasses.asdict(self), "notes": list(self.notes)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Undo :meth:`as_json`."""
        return cls(**{**values, "notes": tuple(values["notes"]), "kept": Kept(**values["kept"])})


@dataclass(frozen=True, kw_only=True)
class Job:
    """An upscaling that a client asked for."""

    id: str
    """22 letters, digits, ``-`` and ``_``: 128 random bits."""
    state: State
    client: str
    """Name of the client, by its key or address."""
    input_name: str
    """File name that the client gave."""
    input_bytes: int
    input_sha256: str
    width: int
    """Of the input in pixels."""
    height: int
    options: JobOptions
    position: int | None = None
    """Place in the queue, counted from 1; ``None`` unless it is queued."""
    done: int = 0
    """Tiles of all network runs that are done."""
    total: int = 0
    """Tiles of all network runs; 0: not known yet."""
    created: float
    """This and the next two: seconds since 1970."""
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    """Worker processes that have begun it."""
    revision: int = 0
    """Grows with every change of the work."""
    cached: bool = False
    """The result, or the work on it, was there when the job came."""
    result: ResultInfo | None = None
    error: ErrorInfo | None = None

    @property
    def is_final(self) -> bool:
        """True in a state that it does not leave."""
        return self.state in FINAL

    def as_json(self) -> dict[str, Any]:
        """The fields, for JSON; the client's name is left out."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del values["client"], values["done"], values["total"]
        return {
            **values,
            "options": self.options.as_json(),
            "progress": {"done": self.done, "total": self.total},
            "result": self.result and self.result.as_json(),
            "error": self.error and self.error.as_json(),
        }
