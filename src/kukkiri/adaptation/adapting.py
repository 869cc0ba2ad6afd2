"""``adapt``: learn from an image itself, check that it helped, and give back an upscaler."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kukkiri import pretrained
from kukkiri.adaptation.adapted import AdaptedUpscaler, Guard
from kukkiri.adaptation.initialization import (
    Initialization,
    check_grid,
    find_initialization,
    grid_of,
    load_initialization,
)
from kukkiri.adaptation.mzsr import meta_test
from kukkiri.adaptation.zssr import AdaptationProgress, Settings, find_detailed_region, fit, settings_for
from kukkiri.degradations import Degradation, load_kernel
from kukkiri.errors import ConfigError, ImageError, ModelError
from kukkiri.images import Image, bleed, read_image
from kukkiri.metrics import lr_consistency
from kukkiri.resampling import resize
from kukkiri.training.precision import Precision

__all__ = ["adapt", "choose_initialization", "degradation_of", "guard"]

_SMALLEST = 16
_META_STEPS = 10
_FILES = (".npy", ".npz", ".mat", ".txt")


def adapt(
    image: str | PathLike[str] | Image | ArrayLike,
    *,
    scale: int,
    kernel: str | PathLike[str] | NDArray[Any] = "bicubic",
    subsample: Literal["direct", "bicubic"] = "direct",
    method: str | None = None,
    initialization: str | PathLike[str] | Initialization | None = None,
    steps: int | None = None,
    budget: float | None = None,
    seed: int = 0,
    noise_std: float = 0.0,
    projections: int | None = None,
    precision: Precision | None = None,
    guarded: bool = True,
    settings: Settings | None = None,
    progress: Callable[[AdaptationProgress], None] | None = None,
) -> AdaptedUpscaler:
    """Fit a network to one image.

    Args:
        image: a file, an image, or an array that :meth:`kukkiri.Image.from_array` takes; 16 pixels to a
            side at least.
        scale: whole, at least 2.
        kernel: how the image is thought to have been made: ``bicubic``; a matrix or a file of one (``.npy``,
            ``.npz``, ``.mat``, ``.txt``); a blur such as ``gaussian:4.0,1.0,-0.5``; or a whole degradation such
            as ``gaussian:2.0+direct:aligned``, without noise or JPEG.
        subsample: after the blur: pixels [0::scale], or MATLAB's bicubic; no meaning for ``bicubic`` and a whole
            degradation.
        method: ``zssr``: from random weights, thousands of steps; ``mzsr``, or the network of another shipped initialization:
            ten steps from there. None: a shipped initialization if there is one for the scale and the subsampling, else
            ``zssr``; ``.fit.method`` tells.
        initialization: id or file of an initialization, or one that was loaded, instead of the shipped ones.
        steps: at most; by default 10 from an initialization, and 3000 of ``zssr``, of which its learning-rate rule may spare
            some. 0 takes an initialization as it is.
        budget: seconds for learning, at most.
        seed: of all that is drawn.
        noise_std: noise for the son, in [0, 1]; about that of the image.
        projections: back-projections on the result; None: those of the preset of ``zssr``, none from an initialization.
        precision: of the layers of ``zssr`` while it learns, ``float32`` or ``bfloat16``, which is about twice as
            quick on CPUs that multiply it (AVX-512 BF16, AMX); None: ``float32``.
        guarded: fall back to bicubic interpolation where that agrees better with the image.
        settings: of ``zssr``, instead of the preset for the kernel; ``steps``, ``budget``, ``seed``, ``noise_std``,
            ``projections`` and ``precision`` above are laid over it when given.
        progress: called every 50 steps of ``zssr``, after every step from an initialization.

    Returns:
        Maps arrays and images to larger ones. Ctrl-C ends learning early, with the best so far.

    Raises:
        ConfigError: an argument makes no sense.
        ImageError: the image cannot be read, or is too small.
        ModelError: the initialization cannot be read or does not fit.
    """
    if isinstance(scale, bool) or scale != int(scale) or scale < 2:
        raise ConfigError(f"adaptation needs a whole scale from 2, got {scale}.")
    scale = int(scale)
    degradation = degradation_of(kernel, subsample=subsample)
    if settings is not None and (initialization is not None or method not in (None, "zssr")):
        raise ConfigError("settings are those of the method zssr. Drop them, or the initialization and the method.")
    chosen = (
        choose_initialization(degradation, scale=scale, method=method, initialization=initialization)
        if settings is None
        else None
    )
    asked = _Asked(steps, budget, seed, noise_std, projections, precision)
    asked.check(zssr=chosen is None)
    if chosen is None:
        preset = asked.laid_over(settings, degradation)
        colour = _colour(image, scale=scale)
        upscaler = _by_zssr(colour, preset, scale=scale, degradation=degradation, progress=progress)
    else:
        colour = _colour(image, scale=scale)
        upscaler = _from_start(colour, chosen, asked, degradation=degradation, progress=progress)
    if guarded:
        upscaler.guard = guard(upscaler, colour)
    return upscaler


def choose_initialization(
    degradation: Degradation,
    *,
    scale: int,
    method: str | None = None,
    initialization: str | PathLike[str] | Initialization | None = None,
) -> Initialization | None:
    """The start that ``adapt`` takes for its ``method`` and ``start``; None for ``zssr``.

    Raises:
        ConfigError: unknown method, one that has no initialization, or one with an initialization of another.
        ModelError: the initialization cannot be read or does not fit.
    """
    known = ["zssr", "mzsr", *(pretrained.read_card(name)["network"] for name in pretrained.list_initializations())]
    if method is not None and method not in known:
        raise ConfigError(f"unknown method {method!r}. Known: {', '.join(dict.fromkeys(known))}.")
    if method == "zssr":
        if initialization is not None:
            raise ConfigError("zssr begins with random weights and takes no initialization. Drop one of them.")
        return None
    if initialization is None:
        initialization = find_initialization(degradation, scale=scale, network=method)
        if initialization is None and method is not None:
            raise ConfigError(
                f"no initialization of {method} is shipped for x{scale} and {grid_of(degradation)} subsampling. "
                "Name one with initialization, or use the method zssr."
            )
    if initialization is None:
        return None
    if not isinstance(initialization, Initialization):
        initialization = load_initialization(initialization, scale=scale, subsample=grid_of(degradation))
    if initialization.network.scale != scale:
        raise ModelError(
            f"{initialization.name}: an initialization for scale {initialization.network.scale}, but {scale} was asked."
        )
    check_grid(initialization, degradation)
    return initialization


def degradation_of(
    kernel: str | PathLike[str] | NDArray[Any], *, subsample: Literal["direct", "bicubic"] = "direct"
) -> Degradation:
    """The degradation that ``adapt`` means by its ``kernel`` and ``subsample``.

    Raises:
        ConfigError: the text or file is none, or has steps that are not linear.
    """
    if subsample not in ("direct", "bicubic"):
        raise ConfigError(f"unknown subsampling {subsample!r}. Known: direct, bicubic.")
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
        raise ConfigError(f"{degradation}: only blur and subsampling can be learned from. Drop noise, JPEG and 8bit.")
    return degradation


def guard(upscaler: AdaptedUpscaler, colour: NDArray[np.float32]) -> Guard:
    """Compare how well the adapted result and bicubic interpolation shrink back to the image.

    Args:
        upscaler: fitted.
        colour: (H, W, 3), [0, 1]; its most detailed region is looked at.
    """
    lr = np.ascontiguousarray(colour[find_detailed_region(colour)])
    size = (upscaler.scale * lr.shape[0], upscaler.scale * lr.shape[1])

    def shrink(sr: NDArray[Any]) -> NDArray[Any]:
        return upscaler.degradation.apply(sr, scale=upscaler.scale)

    before, after = (
        lr_consistency(lr, np.clip(sr, 0, 1), downsample=shrink, data_range=1.0)
        for sr in (resize(lr, output_size=size), upscaler.upscale_colour(lr))
    )
    return Guard(before=before, after=after)


@dataclass(frozen=True)
class _Asked:
    """What the caller of ``adapt`` said about learning."""

    steps: int | None
    budget: float | None
    seed: int
    noise_std: float
    projections: int | None
    precision: Precision | None

    def check(self, *, zssr: bool) -> None:
        fewest = 1 if zssr else 0
        if self.steps is not None and self.steps < fewest:
            raise ConfigError(f"steps must be at least {fewest}, got {self.steps}.")
        if self.budget is not None and not self.budget > 0:
            raise ConfigError(f"budget must be a positive number of seconds, got {self.budget}.")
        if self.seed < 0:
            raise ConfigError(f"seed must not be negative, got {self.seed}.")
        if not 0 <= self.noise_std < 1:
            raise ConfigError(f"noise_std must be from 0 to 1, where 1 is white, got {self.noise_std}.")
        if self.projections is not None and self.projections < 0:
            raise ConfigError(f"projections must not be negative, got {self.projections}.")
        if self.precision not in (None, *get_args(Precision)):
            known = ", ".join(get_args(Precision))
            raise ConfigError(f"unknown precision {self.precision!r}. Known: {known}.")
        if self.precision is not None and not zssr:
            raise ConfigError(
                "precision is of the method zssr; an initialization takes float32. Drop it, or add that method."
            )

    def laid_over(self, settings: Settings | None, degradation: Degradation) -> Settings:
        """The settings of ZSSR, or its preset, with what was said."""
        chosen = settings_for(degradation, noise_std=self.noise_std) if settings is None else settings
        if chosen.gradual and str(degradation) != "bicubic":
            raise ConfigError(
                f"gradual scale factors need the kernel bicubic, got {degradation}: others know one scale only."
            )
        given: dict[str, Any] = {
            "steps": self.steps,
            "budget": self.budget,
            "seed": self.seed or None,
            "noise_std": self.noise_std or None,
            "projections": self.projections,
            "precision": self.precision,
        }
        return replace(chosen, **{key: value for key, value in given.items() if value is not None})


def _by_zssr(
    colour: NDArray[np.float32],
    settings: Settings,
    *,
    scale: int,
    degradation: Degradation,
    progress: Callable[[AdaptationProgress], None] | None,
) -> AdaptedUpscaler:
    fitted = fit(colour, scale=scale, degradation=degradation, settings=settings, progress=progress)
    projections = 12 if settings.gradual else settings.projections
    return AdaptedUpscaler(
        fitted.network, degradation=degradation, ensemble=settings.ensemble, projections=projections, fit=fitted
    )


def _from_start(
    colour: NDArray[np.float32],
    initialization: Initialization,
    asked: _Asked,
    *,
    degradation: Degradation,
    progress: Callable[[AdaptationProgress], None] | None,
) -> AdaptedUpscaler:
    fitted = meta_test(
        colour,
        initialization=initialization,
        degradation=degradation,
        steps=_META_STEPS if asked.steps is None else asked.steps,
        budget=asked.budget,
        noise_std=asked.noise_std,
        seed=asked.seed,
        progress=progress,
    )
    return AdaptedUpscaler(fitted.network, degradation=degradation, projections=asked.projections or 0, fit=fitted)


def _colour(image: str | PathLike[str] | Image | ArrayLike, *, scale: int) -> NDArray[np.float32]:
    """RGB, (H, W, 3), with nothing hidden under transparent pixels."""
    if isinstance(image, (str, PathLike)):
        image = read_image(image)
    else:
        image = image if isinstance(image, Image) else Image.from_array(image)
    smallest = max(_SMALLEST, 4 * scale)
    if min(image.size) < smallest:
        raise ImageError(
            f"{image.size[1]}x{image.size[0]} pixels are too few to learn from, expected {smallest} to a side. "
            "Use kukkiri upscale."
        )
    colour = image.colour if image.alpha is None else bleed(image.colour, image.alpha)
    return np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour
