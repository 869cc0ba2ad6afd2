"""Progress and outcome of the jobs of a run over files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kukkiri.inference.file_jobs import FileJob

__all__ = ["ClipOutcome", "FileProgress", "FileResult", "RemoteFacts", "Step"]


@dataclass(frozen=True)
class ClipOutcome:
    """Numbers about an upscaled clip."""

    frames: int
    """Written."""
    reused: float
    """Share of the pixels that were copied from the result before, [0, 1]."""
    size: int
    """Bytes of the result."""
    resumed: int = 0
    """Frames of an earlier run that this one went on with."""
    encoder: str = ""
    """The encoder and its options in a few words."""
    damaged: int = 0
    """Packets or frames of the source that could not be decoded."""


@dataclass(frozen=True)
class RemoteFacts:
    """Facts about a job that only the process knows which did it, on another machine perhaps."""

    cpu_seconds: float
    size: int | None = None
    """Bytes of the result, if there is one."""
    sha256: str | None = None
    """Of the result."""


@dataclass(frozen=True)
class FileResult:
    """The outcome of a job."""

    job: FileJob
    error: str = ""
    """The reason why there is no result."""
    notes: tuple[str, ...] = ()
    """Notes about the result for the user, such as metadata that the format cannot hold."""
    input_size: tuple[int, int] | None = None
    """(height, width)."""
    output_size: tuple[int, int] | None = None
    """(height, width); ``None`` when nothing was computed."""
    seconds: float = 0.0
    """To read, upscale and write it, the time that it waited for others not counted."""
    skipped: bool = False
    """The result was there already."""
    domain: str | None = None
    """Degradation domain of the weights; ``None``: not known."""
    domain_chosen: bool = False
    """The domain was chosen for this image."""
    degradation: Mapping[str, Any] | None = None
    """That the network was conditioned on, in JSON values."""
    out_of_memory: bool = False
    """The free memory, or this image's share of it, does not suffice."""
    clip: ClipOutcome | None = None
    """Of a clip."""
    remote: RemoteFacts | None = None
    """Of a job that another process did."""


Step = Literal["reading", "upscaling", "writing"]


@dataclass(frozen=True)
class FileProgress:
    """A step of an image or clip that has begun, or a tile or frame of it that is done."""

    job: FileJob
    step: Step
    done: int = 0
    """Tiles of all network runs; of a clip, frames."""
    total: int = 0
    """Tiles of all network runs, or about so many frames; 0 when not known yet."""
    output_size: tuple[int, int] | None = None
    """(height, width) of the result, when known."""
    unit: Literal["tile", "frame"] = "tile"
    reused: float | None = None
    """Of a clip: share of the pixels that were copied from the result before, [0, 1]."""
