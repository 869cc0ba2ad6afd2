"""The options of ``kukkiri upscale``, grouped by purpose."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from kukkiri.cli.parameters import UsageError
from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.images import OUTPUT_SUFFIXES
from kukkiri.images.formats import find_output_format
from kukkiri.inference import Domain, TargetSize
from kukkiri.inference.file_jobs import SAME
from kukkiri.inference.name_templates import NameTemplate
from kukkiri.inference.options import SizeKeywords
from kukkiri.inference.sizes import MM_PER_INCH

__all__ = [
    "DEFAULT_FILES",
    "DEFAULT_MESSAGES",
    "DEFAULT_MODEL",
    "DEFAULT_SIZE",
    "DEFAULT_SPEED",
    "METADATA",
    "MODEL",
    "FileOptions",
    "MessageOptions",
    "ModelOptions",
    "SizeOptions",
    "SpeedOptions",
]


MODEL = Group("Model", sort_key=2)
"""For the network; the options that several commands share take it, too."""


@Parameter(name="*", group=Group("Size", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class SizeOptions:
    """The size of the result."""

    scale: Annotated[float | None, Parameter(alias="-s")] = None
    """output pixels for one input pixel along a side, any number from 1; the model's own, or 2, when not given."""
    width: int | None = None
    """pixels of the result, instead of a scale; the height follows."""
    height: int | None = None
    """pixels of the result; the width follows."""
    fit: str | None = None
    """WxH, such as 3840x2160: the largest result in this box, in pixels."""
    short_side: int | None = None
    """pixels of the result's shorter side."""
    megapixels: float | None = None
    """millions of pixels of the result."""
    print_size: Annotated[str | None, Parameter(name="--print")] = None
    """WxH of the paper, such as 100x150mm, 10x15cm or 4x6in, turned as the image is; with --dpi."""
    dpi: float | None = None
    """pixels per inch of the print, 300 when not given; the result's metadata say it, too."""
    stretch: bool = False
    """change the aspect to meet --width and --height."""
    wrap: bool = False
    """the images are seamless textures: margins come from the other side, and tiles of the result join."""

    def keywords(self) -> SizeKeywords:
        """The keywords of an upscaler beside ``scale`` and ``wrap``.

        Raises:
            UsageError: options that exclude one another, or a number that cannot be read.
        """
        options: SizeKeywords = {
            "width": self.width,
            "height": self.height,
            "fit": None if self.fit is None else _read_box(self.fit),
            "short_side": self.short_side,
            "megapixels": self.megapixels,
            "print_size": None if self.print_size is None else _read_paper(self.print_size),
            "dpi": self.dpi,
            "stretch": self.stretch,
        }
        self._check()
        try:
            TargetSize.when_asked(**options)
        except ConfigError as error:
            raise UsageError(str(error)) from error
        return options

    def _check(self) -> None:
        both = self.width is not None and self.height is not None
        given = {
            "--scale": self.scale is not None,
            "--width and --height": both,
            "--width": self.width is not None and not both,
            "--height": self.height is not None and not both,
            "--fit": self.fit is not None,
            "--short-side": self.short_side is not None,
            "--megapixels": self.megapixels is not None,
            "--print": self.print_size is not None,
        }
        asked = [name for name, is_given in given.items() if is_given]
        if len(asked) > 1:
            raise UsageError(f"{' and '.join(asked)} each say how large the result is. Use one of them.")
        if self.dpi is not None and self.print_size is None:
            raise UsageError(
                "--dpi needs the size of the print. Add it, such as --print 100x150mm, or ask for pixels with --width."
            )
        if self.stretch and not both:
            raise UsageError("--stretch changes the aspect to meet --width and --height. Give both.")


@Parameter(name="*", group=MODEL)
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
    """a file for one image, else a folder; - for standard output; beside the inputs when not given."""
    format: str | None = None
    """same (as each input, with a JPEG's own quality), or a type such as png, jpg, webp, tiff, avif; png (tif for tif)
    when not given."""
    suffix: str | None = None
    """the same as --format, written as the end of the names: .jpg."""
    name: str | None = None
    """template of the results' names, such as "{stem}@{scale}x"; fields: stem, scale, model, width, height, suffix."""
    quality: int | None = None
    """1 to 100, for JPEG, WebP and AVIF."""
    recursive: Annotated[bool, Parameter(alias="-r")] = False
    """look into folders below, too."""
    overwrite: bool = False
    """replace existing results."""
    resume: bool = False
    """skip images whose result exists already."""
    dry_run: bool = False
    """list what would be read and written, with sizes, time and memory; write nothing."""

    @property
    def chosen_suffix(self) -> str | None:
        """Suffix of the results, ``same``, or ``None``.

        Raises:
            UsageError: an unknown format, or one that contradicts another option.
        """
        if self.format is None:
            return self.suffix
        if self.suffix is not None:
            raise UsageError("--format and --suffix both say the type of the results. Use one of them.")
        if self.format.lower() == SAME:
            return SAME
        suffix = f".{self.format.lower().removeprefix('.')}"
        known = [SAME, *(suffix.removeprefix(".") for suffix in OUTPUT_SUFFIXES)]
        if suffix not in OUTPUT_SUFFIXES:
            raise UsageError(f"cannot write {self.format!r}{did_you_mean(self.format, known)}")
        own = "" if self.output is None else self.output.suffix.lower()
        if own in OUTPUT_SUFFIXES and find_output_format(Path(f"x{own}")) != find_output_format(Path(f"x{suffix}")):
            raise UsageError(f"--output ends in {own}, but --format {self.format} was asked. Drop one of them.")
        return suffix

    def check(self) -> None:
        """Check the options against one another.

        Raises:
            UsageError: they do not go together.
        """
        if self.name is None:
            return
        try:
            NameTemplate(self.name)
        except ConfigError as error:
            raise UsageError(str(error)) from error
        if self.output is not None and self.output.suffix.lower() in OUTPUT_SUFFIXES and not self.output.is_dir():
            raise UsageError(f"--output {self.output} and --name both name the result. Let --output be a folder.")


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
    quiet: bool = False
    """print errors only."""
    json: bool = False
    """print one JSON object to stdout and nothing else."""
    json_lines: bool = False
    """print one JSON object a line to stdout as things happen: start, progress, note, done, failed, end."""

    def check(self) -> None:
        """Check the options against one another.

        Raises:
            UsageError: they do not go together.
        """
        if self.json and self.json_lines:
            raise UsageError("--json prints one object at the end, --json-lines one a line. Use one of them.")

    def check_streams(self, *, writes: bool) -> None:
        """Check the options against a result that goes to standard output.

        Raises:
            UsageError: they would print there, too.
        """
        for name, given in (("--json", self.json), ("--json-lines", self.json_lines), ("--report", self.report)):
            if given and writes:
                raise UsageError(
                    f"the image goes to standard output, so that {name} has no place. Name a file with -o."
                )


_BOX = re.compile(r"(\d+) ?[x*\N{MULTIPLICATION SIGN}] ?(\d+)", re.IGNORECASE)
_PAPER = re.compile(r"(\d+(?:\.\d+)?) ?[x*\N{MULTIPLICATION SIGN}] ?(\d+(?:\.\d+)?) ?(mm|cm|in|inch|\")", re.IGNORECASE)
_UNITS = {"mm": 1.0, "cm": 10.0}


def _read_box(text: str) -> tuple[int, int]:
    match = _BOX.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--fit takes width x height in pixels, such as 3840x2160, got {text!r}.")
    return int(match[1]), int(match[2])


def _read_paper(text: str) -> tuple[float, float]:
    """(width, height) in mm."""
    match = _PAPER.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"--print takes the size of the paper with its unit, such as 100x150mm, 10x15cm or 4x6in, got {text!r}."
        )
    unit = _UNITS.get(match[3].lower(), MM_PER_INCH)
    return float(match[1]) * unit, float(match[2]) * unit


DEFAULT_SIZE = SizeOptions()
DEFAULT_MODEL = ModelOptions()
DEFAULT_FILES = FileOptions()
DEFAULT_SPEED = SpeedOptions()
DEFAULT_MESSAGES = MessageOptions()
