"""One image upscaled in one call."""

from os import PathLike
from typing import Literal, TypeVar, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import EncodedImage, Image, ImageSource, PillowImage
from kukkiri.inference.engine import Engine
from kukkiri.inference.families import Domain
from kukkiri.inference.options import UpscalerOptions
from kukkiri.inference.upscaler import Upscaler

__all__ = ["upscale"]

Sample = TypeVar("Sample", bound=np.generic)


@overload
def upscale(
    image: NDArray[Sample],
    *,
    scale: float | None = 2,
    model: str | PathLike[str] | Engine = "balanced",
    **options: Unpack[UpscalerOptions],
) -> NDArray[Sample]: ...


@overload
def upscale(
    image: EncodedImage | PillowImage | Image,
    *,
    scale: float | None = 2,
    model: str | PathLike[str] | Engine = "balanced",
    **options: Unpack[UpscalerOptions],
) -> Image: ...


def upscale(
    image: ImageSource,
    *,
    scale: float | None = 2,
    model: str | PathLike[str] | Engine = "balanced",
    ensemble: bool = False,
    chop: bool = False,
    tile: int | Literal["auto"] | None = None,
    threads: int | None = None,
    memory: int | None = None,
    workers: int = 1,
    skip_flat: bool = False,
    weights: Domain = "auto",
) -> NDArray[np.generic] | Image:
    """Upscale one image; for several, make one :class:`Upscaler`, which loads the model once.

    Args:
        image: a path, bytes, a binary file, an array, a ``PIL.Image`` or a :class:`kukkiri.Image`, see
            :meth:`Upscaler.__call__`.
        scale: this and what follows: see :class:`Upscaler`.
        model: an interpolation, a preset, a family, a shipped model, a file, or an engine.
        ensemble: geometric self-ensemble.
        chop: in the official four quadrants.
        tile: largest side that a network is given at once.
        threads: by default all cores.
        memory: bytes that the image may take.
        workers: images in work at one time.
        skip_flat: interpolate flat parts.
        weights: ``clean``, ``photo``, or by the image.

    Returns:
        An array for an array, else an image; its ``.save("out.png")`` writes it with its metadata.

    Raises:
        KukkiriError: the file, the model or the scale does not fit; see :class:`Upscaler`.
        TypeError: the image is of a type that holds none.
    """
    upscaler = Upscaler(
        model,
        scale=scale,
        ensemble=ensemble,
        chop=chop,
        tile=tile,
        threads=threads,
        memory=memory,
        workers=workers,
        skip_flat=skip_flat,
        weights=weights,
    )
    return upscaler(image)
