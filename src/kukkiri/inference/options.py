"""The options of an upscaler as a type, for the functions that only hand them on."""

from typing import Literal, TypedDict

from kukkiri.inference.families import Domain

__all__ = ["UpscalerOptions"]


class UpscalerOptions(TypedDict, total=False):
    """The keywords of :class:`kukkiri.Upscaler` beside ``scale``, which are explained there."""

    ensemble: bool
    chop: bool
    tile: int | Literal["auto"] | None
    threads: int | None
    memory: int | None
    workers: int
    skip_flat: bool
    bounded: bool
    weights: Domain
    width: int | None
    height: int | None
    fit: tuple[int, int] | None
    short_side: int | None
    megapixels: float | None
    print_size: tuple[float, float] | None
    dpi: float | None
    stretch: bool
    wrap: bool
