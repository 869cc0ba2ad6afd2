"""One image upscaled in one call."""

from collections.abc import Mapping
from os import PathLike
from typing import Literal, TypeVar, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import EncodedImage, Image, ImageSource, PillowImage
from kukkiri.inference.engine import Engine
from kukkiri.inference.ensemble import Ensemble
from kukkiri.inference.families import Domain
from kukkiri.inference.half_precision import Precision
from kukkiri.inference.loaded_model import LoadedModel
from kukkiri.inference.options import Degrades, UpscalerOptions
from kukkiri.inference.separate_planes import AlphaMode
from kukkiri.inference.upscaler import Upscaler
from kukkiri.info import JSON

__all__ = ["upscale"]

Sample = TypeVar("Sample", bound=np.generic)


@overload
def upscale(
    image: NDArray[Sample],
    *,
    scale: float | None = None,
    model: str | PathLike[str] | Engine | LoadedModel = "balanced",
    **options: Unpack[UpscalerOptions],
) -> NDArray[Sample]: ...


@overload
def upscale(
    image: EncodedImage | PillowImage | Image,
    *,
    scale: float | None = None,
    model: str | PathLike[str] | Engine | LoadedModel = "balanced",
    **options: Unpack[UpscalerOptions],
) -> Image: ...


def upscale(
    image: ImageSource,
    *,
    scale: float | None = None,
    model: str | PathLike[str] | Engine | LoadedModel = "balanced",
    ensemble: Ensemble = False,
    chop: bool = False,
    tile: int | Literal["auto"] | None = None,
    threads: int | None = None,
    memory: int | None = None,
    workers: int = 1,
    skip_flat: bool = False,
    bounded: bool = True,
    weights: Domain = "auto",
    width: int | None = None,
    height: int | None = None,
    fit: tuple[int, int] | None = None,
    short_side: int | None = None,
    megapixels: float | None = None,
    print_size: tuple[float, float] | None = None,
    dpi: float | None = None,
    stretch: bool = False,
    wrap: bool = False,
    alpha: AlphaMode = "transparency",
    model_args: Mapping[str, JSON] | None = None,
    device: str | None = None,
    precision: Precision = "float32",
    degradation: Degrades = None,
    vivid: float | None = None,
    denoise: float | None = None,
) -> NDArray[np.generic] | Image:
    """Upscale one image; for several, make one :class:`Upscaler`, which loads the model once.

    Args:
        image: a path, bytes, a binary file, an array, a ``PIL.Image`` or a :class:`kukkiri.Image`, see
            :meth:`Upscaler.__call__`.
        scale: the model's own, 2 for presets, families and interpolations, when not given; this and what follows:
            see :class:`Upscaler`.
        model: an interpolation, a preset, a family, a shipped model, a file, or an engine.
        ensemble: geometric self-ensemble of 2, 4 or 8 runs; ``True``: 8.
        chop: in the official four quadrants.
        tile: largest side that a network is given at once.
        threads: by default all cores.
        memory: bytes that the image may take.
        workers: images in work at one time.
        skip_flat: interpolate flat parts.
        bounded: flat parts stay flat, and fine patterns keep their mean.
        weights: ``clean``, ``photo``, ``line``, or by the image.
        width: pixels of the result, instead of ``scale``.
        height: pixels of the result.
        fit: (width, height) of a box in pixels.
        short_side: pixels of the shorter side.
        megapixels: millions of pixels.
        print_size: (width, height) of paper in mm.
        dpi: pixels per inch of the print.
        stretch: change the aspect to meet ``width`` and ``height``.
        wrap: the image is a seamless texture.
        alpha: ``transparency``, ``separate`` (data of its own) or ``opaque``.
        model_args: what a file of others does not tell about its network.
        device: ``cpu`` (by default), or an accelerator such as ``cuda``, ``coreml`` or ``openvino``.
        precision: ``float16`` inside ONNX graphs, for accelerators.
        degradation: the blur that made the image: ``estimate``, ``gaussian:2.0``, a kernel file or matrix.
        vivid: 0 to 1, from faithful to sharp with invented detail.
        denoise: 0 to 1, from weights for clean images to those for photographs.

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
        bounded=bounded,
        weights=weights,
        width=width,
        height=height,
        fit=fit,
        short_side=short_side,
        megapixels=megapixels,
        print_size=print_size,
        dpi=dpi,
        stretch=stretch,
        wrap=wrap,
        alpha=alpha,
        model_args=model_args,
        device=device,
        precision=precision,
        degradation=degradation,
        vivid=vivid,
        denoise=denoise,
    )
    return upscaler(image)
