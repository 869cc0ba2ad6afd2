"""``adapt``: fit a network to one image, check that it improved on bicubic interpolation, and return an upscaler."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from os import PathLike
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from kukkiri import pretrained
from kukkiri.adaptation.adapted import AdaptedUpscaler, Guard
from kukkiri.adaptation.assumed_degradation import degradation_of
from kukkiri.adaptation.estimated_degradation import estimate_degradation
from kukkiri.adaptation.meta_initialization import (
    Initialization,
    check_grid,
    find_initialization,
    grid_of,
    load_initialization,
)
from kukkiri.adaptation.mzsr import meta_test
from kukkiri.adaptation.zssr import AdaptationProgress, Settings, find_detailed_region, fit, settings_for
from kukkiri.degradations import Degradation
from kukkiri.devices import resolve_device
from kukkiri.errors import ConfigError, ImageError, ModelError, did_you_mean
from kukkiri.images import ImageSource, bleed, open_image
from kukkiri.metrics import lr_consistency
from kukkiri.resampling import resize
from kukkiri.training.precision import Precision

__all__ = ["adapt", "choose_initialization", "guard"]

_SMALLEST = 16
_META_STEPS = 10


def adapt(
    image: ImageSource,
    *,
    scale: int,
    kernel: str | PathLike[str] | NDArray[np.generic] = "bicubic",
    subsample: Literal["direct", "bicubic"] = "direct",
    method: str | None = None,
    initialization: str | PathLike[str] | Initialization | None = None,
    steps: int | None = None,
    budget: float | None = None,
    seed: int = 0,
    noise_std: float = 0.0,
    projections: int | None = None,
    precision: Precision | None = None,
    device: str = "auto",
    guarded: bool = True,
    settings: Settings | None = None,
    progress: Callable[[AdaptationProgress], None] | None = None,
) -> AdaptedUpscaler:
    """Fit a network to one image.

    Args:
        image: a path, bytes, a binary file, an array, a ``PIL.Image`` or a :class:`kukkiri.Image`, see
            :func:`kukkiri.images.open_image`; at least 16 pixels high and wide.
        scale: integer, at least 2.
        kernel: the degradation that is assumed to have made the image: ``bicubic``; ``estimate``, which finds the
            blur, or assumes bicubic downscaling where the estimate is not to be trusted (``.notes`` says which); a
            matrix or a file of one (``.npy``, ``.npz``, ``.mat``, ``.txt``); a blur such as ``gaussian:4.0,1.0,-0.5``;
            or a whole degradation such as ``gaussian:2.0+direct:aligned``, without noise or JPEG.
        subsample: after the blur: pixels [0::scale], or MATLAB's bicubic; without effect on ``bicubic`` and a whole
            degradation.
        method: ``zssr``: from random weights, thousands of steps; ``mzsr``, or the network of another shipped
            initialization: ten steps from it. None: a shipped initialization if there is one for the scale and the
            subsampling, else ``zssr``; ``.fit.method`` is the one that was used.
        initialization: id or file of an initialization, or a loaded one, instead of the shipped ones.
        steps: at most; by default 10 from an initialization, and 3000 of ``zssr``, whose learning-rate rule may end
            earlier. 0 uses an initialization without adaptation.
        budget: seconds of training, at most.
        seed: of random weights, crops and noise.
        noise_std: of noise that is added to the downscaled copy, in [0, 1]; about that of the image.
        projections: back-projections on the result; None: those of the preset of ``zssr``, none from an initialization.
        precision: of the layers of ``zssr`` while it trains, ``float32`` or ``bfloat16``, which is about twice as
            fast on CPUs with instructions for it (AVX-512 BF16, AMX); None: ``float32``.
        device: where the network learns and runs: ``cpu``, ``cuda``, ``cuda:N``, ``mps``, or ``auto``, a GPU when torch
            sees one. Back-projections and the guard are computed on the CPU. Equal bits are promised for the CPU only:
            training amplifies rounding, so that the result of a GPU differs.
        guarded: fall back to bicubic interpolation when that is more consistent with the image.
        settings: of ``zssr``, instead of the preset for the kernel; ``steps``, ``budget``, ``seed``, ``noise_std``,
            ``projections`` and ``precision`` override it when given.
        progress: called every 50 steps of ``zssr``, after every step from an initialization.

    Returns:
        An upscaler of arrays and images. Ctrl-C ends training early; the best network so far is used.

    Raises:
        BackendError: torch sees no such device.
        ConfigError: an argument is invalid, or arguments contradict one another.
        ImageError: the image cannot be read, or is too small.
        ModelError: the initialization cannot be read or does not fit.
        TypeError: ``image`` is of a type that holds no image.
    """
    if not _is_whole(scale) or scale < 2:
        raise ConfigError(f"adaptation needs an integer scale of at least 2, got {scale}.")
    scale, place = int(scale), resolve_device(device)
    notes: tuple[str, ...] = ()
    if isinstance(kernel, str) and kernel == "estimate":
        image = open_image(image)
        found = estimate_degradation(
            image,
            scale=scale,
            subsample=subsample,
            method=method if settings is None else "zssr",
            initialization=initialization,
        )
        degradation, notes = found.degradation, found.notes
    else:
        degradation = degradation_of(kernel, scale=scale, subsample=subsample)
    if settings is not None and (initialization is not None or method not in (None, "zssr")):
        raise ConfigError("settings belong to the method zssr. Drop them, or the initialization and the method.")
    chosen = (
        choose_initialization(degradation, scale=scale, method=method, initialization=initialization)
        if settings is None
        else None
    )
    options = _Options(steps, budget, seed, noise_std, projections, precision)
    options.check(zssr=chosen is None)
    if chosen is None:
        resolved = options.override(settings, degradation, scale=scale)
        colour = _read_colour(image, scale=scale)
        upscaler = _adapt_by_zssr(
            colour, resolved, scale=scale, degradation=degradation, device=place, progress=progress
        )
    else:
        colour = _read_colour(image, scale=scale)
        upscaler = _adapt_from(chosen, colour, options, degradation=degradation, device=place, progress=progress)
    upscaler.notes = notes
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
    """Return the initialization that ``adapt`` uses for its ``method`` and ``initialization``; None for ``zssr``.

    Raises:
        ConfigError: an unknown method, one without an initialization for the scale and the subsampling, or ``zssr``
            together with an initialization.
        ModelError: the initialization cannot be read or does not fit.
    """
    known = ["zssr", "mzsr", *(pretrained.read_card(name)["network"] for name in pretrained.list_initializations())]
    if method is not None and method not in known:
        raise ConfigError(f"unknown method {method!r}{did_you_mean(method, dict.fromkeys(known))}")
    if method == "zssr":
        if initialization is not None:
            raise ConfigError("zssr trains from random weights and takes no initialization. Drop one of them.")
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
            f"{initialization.name}: an initialization for scale {initialization.network.scale}, but scale {scale} was "
            "requested. Use another initialization."
        )
    check_grid(initialization, degradation)
    return initialization


def guard(upscaler: AdaptedUpscaler, colour: NDArray[np.float32]) -> Guard:
    """Compare the LR consistency of the adapted result with that of bicubic interpolation.

    Args:
        upscaler: fitted.
        colour: (H, W, 3), [0, 1]; its most detailed region is evaluated.
    """
    lr = np.ascontiguousarray(colour[find_detailed_region(colour)])
    size = (upscaler.scale * lr.shape[0], upscaler.scale * lr.shape[1])

    def downsample(sr: NDArray[Any]) -> NDArray[Any]:
        return upscaler.degradation.apply(sr, scale=upscaler.scale)

    before, after = (
        lr_consistency(lr, np.clip(sr, 0, 1), downsample=downsample, data_range=1.0)
        for sr in (resize(lr, output_size=size), upscaler.upscale_colour(lr))
    )
    return Guard(before=before, after=after)


def _is_whole(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and float(value).is_integer()


@dataclass(frozen=True)
class _Options:
    """The options of ``adapt`` about training."""

    steps: int | None
    budget: float | None
    seed: int
    noise_std: float
    projections: int | None
    precision: Precision | None

    def check(self, *, zssr: bool) -> None:
        for name in ("steps", "seed", "projections"):  # steps of 2.5 would never be reached
            value = getattr(self, name)
            if value is not None and not isinstance(value, Integral):
                raise ConfigError(f"{name} must be an integer, got {value!r}.")
        fewest = 1 if zssr else 0
        if self.steps is not None and self.steps < fewest:
            raise ConfigError(f"steps must be at least {fewest}, got {self.steps}.")
        if self.budget is not None and not self.budget > 0:
            raise ConfigError(f"budget must be a positive number of seconds, got {self.budget}.")
        if self.seed < 0:
            raise ConfigError(f"seed must not be negative, got {self.seed}.")
        if not 0 <= self.noise_std < 1:
            raise ConfigError(f"noise_std must be in [0, 1), where 1 is white, got {self.noise_std}.")
        if self.projections is not None and self.projections < 0:
            raise ConfigError(f"projections must not be negative, got {self.projections}.")
        known = get_args(Precision)
        if self.precision is not None and self.precision not in known:
            raise ConfigError(f"unknown precision {self.precision!r}{did_you_mean(self.precision, known)}")
        if self.precision is not None and not zssr:
            raise ConfigError(
                "precision belongs to the method zssr; adaptation from an initialization is in float32. "
                "Drop it, or choose zssr."
            )

    def override(self, settings: Settings | None, degradation: Degradation, *, scale: int) -> Settings:
        """Return the settings of ZSSR, or its preset, with the given options in place of theirs."""
        chosen = settings_for(degradation, noise_std=self.noise_std) if settings is None else settings
        if chosen.gradual:
            try:
                degradation.effective_kernel(scale=scale)
            except ValueError as error:
                raise ConfigError(
                    f"gradual scale factors need the kernel of the degradation, but {error}. Set gradual to False."
                ) from error
        given: dict[str, Any] = {
            "steps": self.steps,
            "budget": self.budget,
            "seed": self.seed or None,
            "noise_std": self.noise_std or None,
            "projections": self.projections,
            "precision": self.precision,
        }
        return replace(chosen, **{key: value for key, value in given.items() if value is not None})


def _adapt_by_zssr(
    colour: NDArray[np.float32],
    settings: Settings,
    *,
    scale: int,
    degradation: Degradation,
    device: torch.device,
    progress: Callable[[AdaptationProgress], None] | None,
) -> AdaptedUpscaler:
    fitted = fit(colour, scale=scale, degradation=degradation, settings=settings, device=device, progress=progress)
    return AdaptedUpscaler(
        fitted.network,
        degradation=degradation,
        ensemble=settings.ensemble,
        projections=12 if settings.gradual and str(degradation) == "bicubic" else settings.projections,
        fit=fitted,
        device=device,
    )


def _adapt_from(
    initialization: Initialization,
    colour: NDArray[np.float32],
    options: _Options,
    *,
    degradation: Degradation,
    device: torch.device,
    progress: Callable[[AdaptationProgress], None] | None,
) -> AdaptedUpscaler:
    fitted = meta_test(
        colour,
        initialization=initialization,
        degradation=degradation,
        steps=_META_STEPS if options.steps is None else options.steps,
        budget=options.budget,
        noise_std=options.noise_std,
        seed=options.seed,
        device=device,
        progress=progress,
    )
    projections = options.projections or 0
    return AdaptedUpscaler(fitted.network, degradation=degradation, projections=projections, fit=fitted, device=device)


def _read_colour(source: ImageSource, *, scale: int) -> NDArray[np.float32]:
    """Return an image as RGB, (H, W, 3), with the colour of opaque pixels spread into transparent ones."""
    image = open_image(source)
    smallest = max(_SMALLEST, 4 * scale)
    if min(image.size) < smallest:
        raise ImageError(
            f"{image.size[1]}x{image.size[0]} pixels are too few to learn from, "
            f"expected at least {smallest}x{smallest}. Use kukkiri upscale."
        )
    colour = image.colour if image.alpha is None else bleed(image.colour, image.alpha)
    return np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour
