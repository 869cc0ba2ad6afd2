"""The options of an upscaler as a type, for the functions that only hand them on."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import DegradationEstimate, DegradationRequest
from kukkiri.inference.ensemble import Ensemble
from kukkiri.inference.families import Domain
from kukkiri.inference.half_precision import Precision
from kukkiri.inference.separate_planes import AlphaMode
from kukkiri.info import JSON

__all__ = ["NO_SIZE", "Degrades", "FrameKeywords", "SizeKeywords", "UpscalerOptions", "list_unusual"]

Degrades: TypeAlias = str | PathLike[str] | NDArray[np.floating[Any]] | DegradationRequest | DegradationEstimate | None
"""A degradation in words, as a kernel file or matrix, with all its options, or as it was found."""


class SizeKeywords(TypedDict, total=False):
    """The keywords of :class:`kukkiri.Upscaler` that say the size of the result instead of ``scale``."""

    width: int | None
    height: int | None
    fit: tuple[int, int] | None
    short_side: int | None
    megapixels: float | None
    print_size: tuple[float, float] | None
    dpi: float | None
    stretch: bool


NO_SIZE: SizeKeywords = {
    "width": None,
    "height": None,
    "fit": None,
    "short_side": None,
    "megapixels": None,
    "print_size": None,
    "dpi": None,
    "stretch": False,
}
"""No size is asked for."""


class FrameKeywords(SizeKeywords, total=False):
    """The keywords of :class:`kukkiri.Upscaler` beside ``scale`` and ``workers``, which are explained there."""

    ensemble: Ensemble
    chop: bool
    tile: int | Literal["auto"] | None
    threads: int | None
    memory: int | None
    skip_flat: bool
    bounded: bool
    weights: Domain
    wrap: bool
    alpha: AlphaMode
    model_args: Mapping[str, JSON] | None
    device: str | None
    precision: Precision
    vivid: float | None
    denoise: float | None


class UpscalerOptions(FrameKeywords, total=False):
    """The keywords of :class:`kukkiri.Upscaler` beside ``scale``, which are explained there."""

    workers: int
    degradation: Degrades


_USUAL: UpscalerOptions = {
    "ensemble": False,
    "chop": False,
    "skip_flat": False,
    "bounded": True,
    "weights": "auto",
    "wrap": False,
    "alpha": "transparency",
    "precision": "float32",
}
_WITHOUT_EFFECT = ("tile", "threads", "memory", "workers")


def list_unusual(options: UpscalerOptions) -> dict[str, Any]:
    """List the options that change the result and are not the usual ones, a degradation in words."""
    return {
        name: str(value) if name == "degradation" else value
        for name, value in options.items()
        if name not in _WITHOUT_EFFECT and value is not None and value != _USUAL.get(name)
    }
