"""The options of ``kukkiri upscale``, grouped by purpose."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from kukkiri.inference import Domain

__all__ = [
    "DEFAULT_FILES",
    "DEFAULT_MESSAGES",
    "DEFAULT_MODEL",
    "DEFAULT_SIZE",
    "DEFAULT_SPEED",
    "METADATA",
    "FileOptions",
    "MessageOptions",
    "ModelOptions",
    "SizeOptions",
    "SpeedOptions",
]


@Parameter(name="*", group=Group("Size", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class SizeOptions:
    """The size of the result."""

    scale: Annotated[float | None, Parameter(alias="-s")] = None
    """output pixels for one input pixel along a side, any number from 1; the model's own, or 2, when not given."""


@Parameter(name="*", group=Group("Model", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The network, and how its results are combined."""

    model: str | None = None
    """id such as espcn-x3, an .onnx, .safetensors or .pth file, or bicubic, bilinear, nearest, lanczos; the preset's
    when not given."""
    preset: Literal["fast", "balanced", "best"] = "balanced"
    """speed against quality; kukkiri models lists the network of each."""
    weights: Domain = "auto"
    """degradation domain that the network was trained for: clean (screenshots, renders, scans), photo (JPEG artifacts,
    noise, slight blur), or auto: photo for files that were compressed with loss, else clean."""
    ensemble: bool = False
    """average over the eight flips and rotations (geometric self-ensemble): better, 8 times slower."""
    chop: bool = False
    """upscale four overlapping quadrants, as EDSR, RCAN and SAN did for their published numbers."""


@Parameter(name="*", group=Group("Files", sort_key=3))
@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """The files that are read and written."""

    output: Annotated[Path | None, Parameter(alias="-o")] = None
    """a file for one image, else a folder; beside the inputs when not given."""
    suffix: str | None = None
    """file type of the results, such as .jpg; .png (.tif for .tif) when not given."""
    quality: int | None = None
    """1 to 100, for JPEG, WebP and AVIF."""
    recursive: Annotated[bool, Parameter(alias="-r")] = False
    """look into folders below, too."""
    overwrite: bool = False
    """replace existing results."""
    resume: bool = False
    """skip images whose result exists already."""


METADATA = Group("Transparency and metadata", sort_key=4)
"""For alpha and for what a file holds beside its pixels; a dataclass as the others takes its options."""


@Parameter(name="*", group=Group("Speed and memory", sort_key=5))
@dataclass(frozen=True, kw_only=True)
class SpeedOptions:
    """Time and memory."""

    skip_flat: bool = False
    """interpolate flat regions (less than half a grey level from the network's answer) and run the network on the
    rest only."""
    tile: int | None = None
    """longest side in input pixels that the network is given at once; chosen from the free memory when not given, 0
    for the whole image."""
    threads: int | None = None
    """CPU threads of the engine; all when not given, and then several images are computed side by side."""


@Parameter(name="*", group=Group("Messages", sort_key=6))
@dataclass(frozen=True, kw_only=True)
class MessageOptions:
    """What is told about the run."""

    report: bool = False
    """also write NAME-report.html beside each result: before and after, and how faithful the result is."""
    json: bool = False
    """print one JSON object to stdout and nothing else."""


DEFAULT_SIZE = SizeOptions()
DEFAULT_MODEL = ModelOptions()
DEFAULT_FILES = FileOptions()
DEFAULT_SPEED = SpeedOptions()
DEFAULT_MESSAGES = MessageOptions()
