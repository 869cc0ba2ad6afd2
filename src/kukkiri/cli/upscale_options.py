"""The options of ``kukkiri upscale``, grouped by purpose."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from kukkiri.cli.parameters import UsageError
from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.files import CLIP_OUTPUT_SUFFIXES
from kukkiri.images import OUTPUT_SUFFIXES
from kukkiri.images.formats import find_output_format
from kukkiri.inference import INTERPOLATIONS, PRESETS, Domain, Ensemble, Precision
from kukkiri.inference.file_jobs import SAME
from kukkiri.inference.name_templates import NameTemplate
from kukkiri.pretrained import list_models

__all__ = [
    "DEFAULT_FILES",
    "DEFAULT_MESSAGES",
    "DEFAULT_MODEL",
    "DEFAULT_SPEED",
    "METADATA",
    "MODEL",
    "FileOptions",
    "MessageOptions",
    "ModelOptions",
    "SpeedOptions",
]


MODEL = Group("Model", sort_key=2)
"""For the network; the options that several commands share take it, too."""


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
    """degradation domain that the network was trained for: clean (no artifacts), photo (JPEG artifacts, noise, slight
    blur), line (line art, text, screenshots, pixel art), or auto: photo for files that were compressed with loss, line
    for others whose content is line art, else clean."""
    vivid: float | None = None
    """from 0 (faithful) to 1 (sharp to the eye, with invented detail): between two weight sets of one network, where
    kukkiri models lists vivid ones."""
    denoise: float | None = None
    """from 0 (weights for clean images) to 1 (weights for photographs), instead of one of the two by --weights."""
    ensemble: Ensemble = False
    """mean over 2, 4 or 8 flips and rotations (geometric self-ensemble), 8 without a number: better, and as many times
    slower."""
    chop: bool = False
    """upscale four overlapping quadrants, as EDSR, RCAN and SAN did for their published numbers."""
    bounded: Annotated[bool, Parameter(negative="--no-bounded")] = True
    """hold flat parts within two levels of the input, and fine patterns such as dither at their mean."""

    def check(self, inputs: Sequence[str]) -> None:
        """Check that no model stands among the inputs, as after ``--model a b``.

        Raises:
            UsageError: one does, and is no file.
        """
        known = {*INTERPOLATIONS, *PRESETS, *list_models()}
        for name in inputs:
            if self.model is not None and name in known and not Path(name).exists():
                raise UsageError(
                    f"{name} is a model, and --model {self.model} takes one. For several: kukkiri compare --model "
                    f"{self.model} {name}."
                )


@Parameter(name="*", group=Group("Files", sort_key=3))
@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """The files that are read and written."""

    output: Annotated[Path | None, Parameter(alias="-o")] = None
    """a file for one image or clip, else a folder; - for standard output; beside the inputs when not given."""
    format: str | None = None
    """same (as each input, with a JPEG's own quality), or a type such as png, jpg, webp, tiff, avif, jxl, gif, exr; png
    when not given, but TIFF, animations, HDR images and comics (CBZ, whose pages keep theirs) stay what they are. For
    clips mkv, mp4, mov, m4v or webm; the clip's own when not given, or mkv."""
    suffix: str | None = None
    """the same as --format, written as the end of the names: .jpg."""
    name: str | None = None
    """template of the results' names, such as "{stem}@{scale}x"; fields: stem, scale, model, width, height, suffix."""
    quality: int | None = None
    """1 to 100, for JPEG, WebP, AVIF and JPEG XL."""
    page: int | None = None
    """one page of a TIFF or one frame of an animation, counted from 1; all when not given, or the first with a note
    where the result cannot hold several."""
    recursive: Annotated[bool, Parameter(alias="-r")] = False
    """look into folders below, too."""
    overwrite: bool = False
    """replace existing results."""
    resume: bool = False
    """skip images and clips whose result exists already, and go on with a clip where an earlier run was stopped."""
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
        written = (*OUTPUT_SUFFIXES, *CLIP_OUTPUT_SUFFIXES)
        known = [SAME, *(suffix.removeprefix(".") for suffix in written)]
        if suffix not in written:
            raise UsageError(f"cannot write {self.format!r}{did_you_mean(self.format, known)}")
        own = "" if self.output is None else self.output.suffix.lower()
        if own in written and own != suffix and not _are_one_format(own, suffix):
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
        written = (*OUTPUT_SUFFIXES, *CLIP_OUTPUT_SUFFIXES)
        if self.output is not None and self.output.suffix.lower() in written and not self.output.is_dir():
            raise UsageError(f"--output {self.output} and --name both name the result. Let --output be a folder.")


def _are_one_format(suffix: str, other: str) -> bool:
    """True for two spellings of one image format."""
    if not {suffix, other} <= set(OUTPUT_SUFFIXES):
        return False
    return find_output_format(Path(f"x{suffix}")) == find_output_format(Path(f"x{other}"))


METADATA = Group("Transparency and metadata", sort_key=4)
"""For alpha and for what a file holds beside its pixels; a dataclass as the others takes its options."""


@Parameter(name="*", group=Group("Speed and memory", sort_key=5))
@dataclass(frozen=True, kw_only=True)
class SpeedOptions:
    """Time and memory."""

    skip_flat: bool = False
    """interpolate flat regions (half a grey level RMS from the network's answer, at most) and run the network on the
    rest only."""
    tile: int | None = None
    """longest side in input pixels that the network is given at once; chosen from the free memory when not given, 0
    for the whole image."""
    threads: int | None = None
    """CPU threads of the engine; all when not given, and then several images are computed side by side. Of a clip, so
    many frames are."""
    device: str = "cpu"
    """device of the network: cpu, cuda[:N], tensorrt[:N], directml[:N], coreml, openvino[:CPU|GPU|NPU], webgpu, or
    auto (an accelerator where one runs, else the CPU); for torch weights cuda[:N], mps, auto. kukkiri doctor tries
    them."""
    precision: Precision = "float32"
    """arithmetic in ONNX graphs: float16 is for accelerators, and what overflows is computed again in float32."""


@Parameter(name="*", group=Group("Messages", sort_key=7))
@dataclass(frozen=True, kw_only=True)
class MessageOptions:
    """Output about the run."""

    report: bool = False
    """also write NAME-report.html beside each result: before and after, and how faithful the result is; with --kernel
    the blur that was found, its rivals, and their results."""
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


DEFAULT_MODEL = ModelOptions()
DEFAULT_FILES = FileOptions()
DEFAULT_SPEED = SpeedOptions()
DEFAULT_MESSAGES = MessageOptions()
