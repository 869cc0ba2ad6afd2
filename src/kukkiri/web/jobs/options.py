"""The options of a job: those of ``kukkiri upscale`` that make sense over HTTP, checked by the same code."""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, get_args

from kukkiri import pretrained
from kukkiri.errors import ConfigError, ModelError, did_you_mean
from kukkiri.files import CLIP_OUTPUT_SUFFIXES
from kukkiri.images import OUTPUT_SUFFIXES
from kukkiri.images.metadata_policy import MetadataPolicy
from kukkiri.inference import INTERPOLATIONS, PRESETS, TargetSize
from kukkiri.inference.dials import Dial
from kukkiri.inference.families import Domain, Family
from kukkiri.inference.file_jobs import SAME
from kukkiri.inference.options import SizeKeywords
from kukkiri.inference.separate_planes import AlphaMode
from kukkiri.inference.sizes import MM_PER_INCH

__all__ = ["JobOptions", "list_names"]

_BOX = re.compile(r"(\d{1,9}) ?[x*\N{MULTIPLICATION SIGN},] ?(\d{1,9})", re.IGNORECASE)
_PAPER = re.compile(
    r"(\d{1,9}(?:\.\d{1,9})?) ?[x*\N{MULTIPLICATION SIGN}] ?(\d{1,9}(?:\.\d{1,9})?) ?(mm|cm|in|inch|\")", re.IGNORECASE
)
_UNITS = {"mm": 1.0, "cm": 10.0}


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """The choices of a client; every field has the name and the meaning of the option of ``kukkiri upscale``.

    Raises:
        ConfigError: a value out of range, or options that exclude one another.
        ModelError: no such model or weights.
    """

    scale: float | None = None
    """Output pixels for one input pixel along a side; the model's own, or 2, when not given."""
    width: int | None = None
    """Pixels of the result, instead of a scale."""
    height: int | None = None
    """Pixels of the result."""
    fit: tuple[int, int] | None = None
    """(width, height) of a box in pixels; as text ``3840x2160``."""
    short_side: int | None = None
    """Pixels of the shorter side."""
    megapixels: float | None = None
    """Millions of pixels."""
    print_size: tuple[float, float] | None = None
    """(width, height) of the paper in mm; as text ``100x150mm``, ``10x15cm`` or ``4x6in``."""
    dpi: float | None = None
    """Pixels per inch of the print."""
    stretch: bool = False
    """Change the aspect to meet ``width`` and ``height``."""
    wrap: bool = False
    """The image is a seamless texture."""
    preset: str = "balanced"
    """``fast``, ``balanced`` or ``best``."""
    model: str | None = None
    """A shipped model, a family or an interpolation, instead of a preset; never a file."""
    weights: Domain = "auto"
    """Degradation domain: ``clean``, ``photo``, or by the image."""
    vivid: float | None = None
    """0 to 1, from faithful to sharp with invented detail."""
    denoise: float | None = None
    """0 to 1, from weights for clean images to those for photographs."""
    ensemble: bool = False
    """Geometric self-ensemble."""
    chop: bool = False
    """Four overlapping quadrants, as published numbers were computed."""
    bounded: bool = True
    """Hold flat parts within two levels of the input."""
    skip_flat: bool = False
    """Interpolate flat parts."""
    format: str = SAME
    """``same``, or a type such as ``png``; of a clip a container such as ``mp4``."""
    quality: int | None = None
    """1 to 100 for JPEG, WebP, AVIF and JPEG XL."""
    page: int | None = None
    """One page or frame, counted from 1."""
    metadata: MetadataPolicy = "keep"
    """``keep``, ``strip`` or ``copyright``."""
    alpha: AlphaMode = "transparency"
    """``transparency``, ``separate`` or ``opaque``."""

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_size()
        self._check_model()
        _check_choice("weights", self.weights, get_args(Domain))
        Dial.when_asked(vivid=self.vivid, denoise=self.denoise, weights=self.weights)
        _check_choice("metadata", self.metadata, get_args(MetadataPolicy))
        _check_choice("alpha", self.alpha, get_args(AlphaMode))
        form = self.format.lower().removeprefix(".")
        suffixes = (*OUTPUT_SUFFIXES, *CLIP_OUTPUT_SUFFIXES)
        if form != SAME and f".{form}" not in suffixes:
            known = [SAME, *(suffix.removeprefix(".") for suffix in suffixes)]
            raise ConfigError(f"cannot write {self.format!r}{did_you_mean(form, known)}")
        object.__setattr__(self, "format", form)
        if self.chop and self.skip_flat:
            raise ConfigError("chop is for published numbers, which skip_flat changes a little. Use one of them.")

    @property
    def chosen_model(self) -> str:
        """The model, else the preset."""
        return self.model or self.preset

    @property
    def suffix(self) -> str | None:
        """Suffix of the result, such as ``.png``; ``None``: that of the input's format."""
        return None if self.format == SAME else f".{self.format}"

    def size_keywords(self) -> SizeKeywords:
        """The keywords of an upscaler that say the size of the result instead of ``scale``."""
        return {
            "width": self.width,
            "height": self.height,
            "fit": self.fit,
            "short_side": self.short_side,
            "megapixels": self.megapixels,
            "print_size": self.print_size,
            "dpi": self.dpi,
            "stretch": self.stretch,
        }

    def as_json(self) -> dict[str, Any]:
        """The fields, for JSON; pairs are lists."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read options that :meth:`as_json` gave, or that stand in a query or a form as text.

        Args:
            values: by the names of the fields; ``None`` and, in text, nothing leave an option as it is by default.

        Raises:
            ConfigError: an unknown name, a value of another type, or see :class:`JobOptions`.
            ModelError: see :class:`JobOptions`.
        """
        read = {}
        for name, value in values.items():
            if name not in _READERS:
                raise ConfigError(f"unknown option {name!r}{did_you_mean(name, _READERS)}")
            if value is not None and value != "":
                read[name] = _READERS[name](name, value)
        return cls(**read)

    @classmethod
    def restore(cls, values: Mapping[str, Any]) -> Self:
        """Undo :meth:`as_json` without checks, for options that were checked when the job came."""
        options = object.__new__(cls)
        for field in dataclasses.fields(cls):
            value = values.get(field.name, field.default)
            object.__setattr__(options, field.name, tuple(value) if isinstance(value, list) else value)
        return options

    def key(self) -> str:
        """Hash of everything that the result depends on, in hexadecimal digits; equal for equal requests."""
        values = {
            name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value  # 2 is 2.0
            for name, value in self.as_json().items()
        }
        values["preset"], values["model"] = None, self.chosen_model
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def _check_numbers(self) -> None:
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale >= 1):
            raise ConfigError(f"scale must be a number of at least 1, got {self.scale:g}.")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise ConfigError(f"quality must be 1 to 100, got {self.quality}.")
        if self.page is not None and self.page < 1:
            raise ConfigError(f"page must be at least 1, got {self.page}. Pages are counted from 1.")

    def _check_size(self) -> None:
        target = TargetSize.when_asked(**self.size_keywords())
        if target is not None and self.scale is not None:
            raise ConfigError("a scale and a size both say how large the result is. Use one of them.")

    def _check_model(self) -> None:
        _check_choice("preset", self.preset, tuple(PRESETS))
        if self.model is None:
            return
        known = list_names()
        if self.model not in known:
            raise ModelError(f"no model {self.model!r}{did_you_mean(self.model, known)}")
        if self.model in INTERPOLATIONS and self.skip_flat:
            raise ConfigError(f"skip_flat saves runs of a network, and {self.model} has none. Drop it.")
        if self.weights != "auto" and Family.find(self.model) is None:
            raise ModelError(
                f"{self.model}: is one model, so there is no {self.weights} to choose. Name a preset or a shipped "
                "family, or leave weights out."
            )


def list_names() -> list[str]:
    """List every name that ``model`` takes: interpolations, presets, families and shipped models."""
    shipped = pretrained.list_models()
    families = {name.rpartition("-x")[0] for name in shipped} - {""}
    return [*INTERPOLATIONS, *PRESETS, *sorted(families), *shipped]


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"unknown {name} {value!r}{did_you_mean(value, known)}")


def _read_whole(name: str, value: object) -> int:
    number = _read_number(name, value)
    if not number.is_integer():
        raise ConfigError(f"{name} must be a whole number, got {value!r}.")
    return int(number)


def _read_number(name: str, value: object) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 40:
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        raise ConfigError(f"{name} must be a number, got {_quote(value)}.") from None
    if not math.isfinite(number):
        raise ConfigError(f"{name} must be a finite number, got {_quote(value)}.")
    return number


def _read_flag(name: str, value: object) -> bool:
    flags = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    found = value if isinstance(value, bool) else flags.get(str(value).lower())
    if found is None:
        raise ConfigError(f"{name} must be true or false, got {_quote(value)}.")
    return found


def _read_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be a text, got {_quote(value)}.")
    return value


def _read_box(name: str, value: object) -> tuple[int, int]:
    if isinstance(value, list | tuple) and len(value) == 2:
        return _read_whole(name, value[0]), _read_whole(name, value[1])
    match = _BOX.fullmatch(str(value).strip())
    if match is None:
        raise ConfigError(f"{name} must be width x height in pixels, such as 3840x2160, got {_quote(value)}.")
    return int(match[1]), int(match[2])


def _read_paper(name: str, value: object) -> tuple[float, float]:
    if isinstance(value, list | tuple) and len(value) == 2:
        return _read_number(name, value[0]), _read_number(name, value[1])
    match = _PAPER.fullmatch(str(value).strip())
    if match is None:
        raise ConfigError(
            f"{name} must be the size of the paper with its unit, such as 100x150mm, 10x15cm or 4x6in, "
            f"got {_quote(value)}."
        )
    unit = _UNITS.get(match[3].lower(), MM_PER_INCH)
    return float(match[1]) * unit, float(match[2]) * unit


def _quote(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "scale": _read_number,
    "width": _read_whole,
    "height": _read_whole,
    "fit": _read_box,
    "short_side": _read_whole,
    "megapixels": _read_number,
    "print_size": _read_paper,
    "dpi": _read_number,
    "stretch": _read_flag,
    "wrap": _read_flag,
    "preset": _read_text,
    "model": _read_text,
    "weights": _read_text,
    "vivid": _read_number,
    "denoise": _read_number,
    "ensemble": _read_flag,
    "chop": _read_flag,
    "bounded": _read_flag,
    "skip_flat": _read_flag,
    "format": _read_text,
    "quality": _read_whole,
    "page": _read_whole,
    "metadata": _read_text,
    "alpha": _read_text,
}
