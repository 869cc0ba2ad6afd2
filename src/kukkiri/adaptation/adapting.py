"""``adapt``: learn from a picture itself, check that it helped, and give back an upscaler."""

from collections.abc import Callable
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kukkiri.adaptation.upscaler import AdaptedUpscaler, Guard
from kukkiri.adaptation.zssr import Progress, Settings, detailed_region, fit, settings_for
from kukkiri.degradations import Degradation, load_kernel
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Picture, bleed, read_picture
from kukkiri.metrics import lr_consistency
from kukkiri.resampling import resize

__all__ = ["adapt", "degradation_of", "guard"]

_SMALLEST = 16
_FILES = (".npy", ".npz", ".mat", ".txt")


def adapt(
    image: str | PathLike[str] | Picture | ArrayLike,
    *,
    scale: int,
    kernel: str | PathLike[str] | NDArray[Any] = "bicubic",
    subsample: Literal["direct", "bicubic"] = "direct",
    method: Literal["zssr"] = "zssr",
    steps: int | None = None,
    budget: float | None = None,
    seed: int = 0,
    noise_std: float = 0.0,
    settings: Settings | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> AdaptedUpscaler:
    """Fit a network to one picture.

    Args:
        image: a file, a picture, or an array that :meth:`kukkiri.Picture.from_array` takes; 16 pixels to a
            side at least.
        scale: whole, at least 2.
        kernel: how the picture is thought to have been made: ``bicubic``; a matrix or a file of one (``.npy``,
            ``.npz``, ``.mat``, ``.txt``); a blur such as ``gaussian:4.0,1.0,-0.5``; or a whole degradation such
            as ``gaussian:2.0+direct:aligned``, without noise or JPEG.
        subsample: after the blur: pixels [0::scale], or MATLAB's bicubic; no meaning for ``bicubic`` and a whole
            degradation.
        method: ``zssr``.
        steps: at most; by default 3000, of which the learning-rate rule may spare some.
        budget: seconds for learning, at most.
        seed: of the weights and the crops.
        noise_std: noise for the son, in [0, 1]; about that of the picture.
        settings: instead of the preset for the kernel; ``steps``, ``budget``, ``seed`` and ``noise_std`` above
            are laid over it when given.
        progress: called every 50 steps.

    Returns:
        Maps arrays and pictures to larger ones. Ctrl-C ends learning early, with the best so far.

    Raises:
        ConfigError: an argument makes no sense.
        ImageError: the picture cannot be read, or is too small.
    """
    if method != "zssr":
        raise ConfigError(f"unknown method {method!r}. Known: zssr.")
    if isinstance(scale, bool) or scale != int(scale) or scale < 2:
        raise ConfigError(f"adaptation needs a whole scale from 2, got {scale}.")
    degradation = degradation_of(kernel, subsample=subsample)
    chosen = _chosen(settings, degradation, steps=steps, budget=budget, seed=seed, noise_std=noise_std)
    colour = _colour(image, scale=int(scale))
    fitted = fit(colour, scale=int(scale), degradation=degradation, settings=chosen, progress=progress)
    upscaler = AdaptedUpscaler(
        fitted.network,
        degradation=degradation,
        ensemble=chosen.ensemble,
        projections=12 if chosen.gradual else chosen.projections,
        fit=fitted,
    )
    upscaler.guard = guard(upscaler, colour)
    return upscaler


def degradation_of(
    kernel: str | PathLike[str] | NDArray[Any], *, subsample: Literal["direct", "bicubic"] = "direct"
) -> Degradation:
    """The degradation that ``adapt`` means by its ``kernel`` and ``subsample``.

    Raises:
        ConfigError: the text or file is none, or has steps that are not linear.
    """
    if subsample not in ("direct", "bicubic"):
        raise ConfigError(f"unknown sub-sampling {subsample!r}. Known: direct, bicubic.")
    if isinstance(kernel, np.ndarray):
        try:
            return Degradation.from_kernel(kernel, method=subsample)
        except ValueError as problem:
            raise ConfigError(f"cannot use the array as a kernel: {problem}.") from problem
    text = fspath(kernel)
    if text == "bicubic":
        return Degradation.parse(text)
    if Path(text).suffix.lower() in _FILES and "+" not in text and not text.startswith("file:"):
        return Degradation.from_kernel(load_kernel(text), method=subsample)
    degradation = Degradation.parse(text if "+" in text else f"{text}+{subsample}")
    if not degradation.linear:
        raise ConfigError(f"{degradation}: only blur and sub-sampling can be learnt from. Drop noise, JPEG and 8bit.")
    return degradation


def guard(upscaler: AdaptedUpscaler, colour: NDArray[np.float32]) -> Guard:
    """Compare how well the adapted result and bicubic interpolation shrink back to the picture.

    Args:
        upscaler: fitted.
        colour: (H, W, 3), [0, 1]; its most detailed region is looked at.
    """
    lr = np.ascontiguousarray(colour[detailed_region(colour)])
    size = (upscaler.scale * lr.shape[0], upscaler.scale * lr.shape[1])

    def shrink(sr: NDArray[Any]) -> NDArray[Any]:
        return upscaler.degradation.apply(sr, scale=upscaler.scale)

    before, after = (
        lr_consistency(lr, np.clip(sr, 0, 1), downsample=shrink, data_range=1.0)
        for sr in (resize(lr, output_size=size), upscaler.colour(lr))
    )
    return Guard(before=before, after=after)


def _chosen(
    settings: Settings | None,
    degradation: Degradation,
    *,
    steps: int | None,
    budget: float | None,
    seed: int,
    noise_std: float,
) -> Settings:
    if steps is not None and steps < 1:
        raise ConfigError(f"steps must be at least 1, got {steps}.")
    if budget is not None and not budget > 0:
        raise ConfigError(f"budget must be a positive number of seconds, got {budget}.")
    if seed < 0:
        raise ConfigError(f"seed must not be negative, got {seed}.")
    if not 0 <= noise_std < 1:
        raise ConfigError(f"noise_std must be from 0 to 1, where 1 is white, got {noise_std}.")
    chosen = settings_for(degradation, noise_std=noise_std) if settings is None else settings
    if chosen.gradual and str(degradation) != "bicubic":
        raise ConfigError(
            f"gradual scale factors need the kernel bicubic, got {degradation}: others know one scale only."
        )
    given = {"steps": steps, "budget": budget, "seed": seed or None, "noise_std": noise_std or None}
    return replace(chosen, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]


def _colour(image: str | PathLike[str] | Picture | ArrayLike, *, scale: int) -> NDArray[np.float32]:
    """RGB, (H, W, 3), with nothing hidden under transparent pixels."""
    if isinstance(image, (str, PathLike)):
        picture = read_picture(image)
    else:
        picture = image if isinstance(image, Picture) else Picture.from_array(image)
    smallest = max(_SMALLEST, 4 * scale)
    if min(picture.size) < smallest:
        raise ImageError(
            f"{picture.size[1]}x{picture.size[0]} pixels are too few to learn from, expected {smallest} to a side. "
            "Use kukkiri upscale."
        )
    colour = picture.colour if picture.alpha is None else bleed(picture.colour, picture.alpha)
    return np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour
