"""From a test image to what a protocol compares: HR, LR and SR, exactly as the protocol says."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, ModelError
from kukkiri.evaluation.sets import TestImage
from kukkiri.images import rgb_to_y
from kukkiri.inference import Upscaler
from kukkiri.inference.ensemble import run_ensemble
from kukkiri.metrics import Protocol
from kukkiri.metrics.protocols import round_half_away
from kukkiri.resampling import resize

__all__ = ["AdaptingModel", "Contender", "FromEachImage", "Prepared", "prepare"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Prepared:
    """A test image before any model has seen it."""

    hr: Array
    """uint8: (H, W, 3) RGB, or (H, W) luma for ``y-legacy``."""
    lr: Array
    """uint8 (h, w, 3) RGB; for ``y-legacy`` float64 (h, w) luma on 0..255, not rounded."""


def prepare(image: TestImage, rule: Protocol, degradation: Degradation | None, *, scale: int) -> Prepared:
    """Make LR, or take the LR that came with the image.

    Args:
        image: its sides are multiples of ``scale``.
        rule: the protocol.
        degradation: ``None`` for images with an LR of their own; its noise is the same for every image
            and run (seed 0).
        scale: HR pixels for one LR pixel along a side.

    Raises:
        ConfigError: ``y-legacy`` with anything but bicubic LR.
    """
    if not rule.quantized_lr and str(degradation) != "bicubic":
        found = degradation or "given LR images"
        raise ConfigError(f"{rule.name} is defined for bicubic LR, not for {found}. Use --protocol y-matlab.")
    if not rule.quantized_lr:  # SRCNN's: luma rounded to 8 bit, then made smaller in floating point
        hr = image.hr if image.hr.ndim == 2 else round_half_away(_studio_luma(image.hr)).astype(np.uint8)
        return Prepared(hr, resize(hr.astype(np.float64) / 255.0, scale=1 / scale) * 255.0)
    if degradation is not None:
        return Prepared(image.rgb, degradation.apply(image.rgb, scale=scale, seed=0))
    if image.lr is None:
        raise ConfigError(f"{image.name}: neither a degradation nor an LR image was given. Give one of them.")
    return Prepared(image.rgb, image.lr)


class Contender:
    """A model as a protocol runs it: from ``Prepared.lr`` to the 8-bit SR that is compared."""

    def __init__(self, model: str, rule: Protocol, *, scale: int, ensemble: bool, threads: int | None) -> None:
        """Load the model.

        Raises:
            ModelError: unknown, or not of this scale.
            ConfigError: an RGB network under a protocol that is defined on luma.
        """
        self.name = model
        self.upscaler = Upscaler(model, scale=scale, ensemble=ensemble, threads=threads)
        self._rule = rule
        engines = self.upscaler.engines
        if engines and (len(engines) > 1 or engines[0].info.scale != scale):
            found = engines[0].info.scale
            raise ModelError(f"{model} is a x{found} model, but scale {scale} was asked. Use one of x{scale}.")
        if engines and not rule.quantized_lr and engines[0].info.colour != "y":
            raise ConfigError(f"{rule.name} is defined on luma, and {model} works on RGB. Use --protocol y-matlab.")

    def __call__(self, lr: Array) -> Array:
        """SR, uint8, (scale*h, scale*w[, 3])."""
        if self._rule.quantized_lr:
            return self.upscaler(lr)
        return round_half_away(np.clip(self._upscale_luma(lr / 255.0) * 255.0, 0, 255)).astype(np.uint8)

    def _upscale_luma(self, lr: Array) -> Array:
        """A luma plane (h, w) in [0, 1] with nothing rounded on the way; an interpolation stays in float64."""
        scale = int(self.upscaler.scale)
        if self.upscaler.kernel is not None:
            return resize(lr, scale=scale, kernel=self.upscaler.kernel)
        engine = self.upscaler.engines[0]
        entered = resize(lr, scale=scale) if engine.info.pre_upsampled else lr
        batch = np.ascontiguousarray(entered, dtype=np.float32)[None, None]
        sr: Array = (run_ensemble(engine.run, batch) if self.upscaler.ensemble else engine.run(batch))[0, 0]
        return sr.astype(np.float64)

    @property
    def ensemble(self) -> bool:
        """Whether results are the mean over the eight flips and turns."""
        return self.upscaler.ensemble

    def digest(self) -> str:
        """sha256 of the model's files, or the name of an interpolation: the same digest, the same pixels."""
        files = [Path(self.name)] if Path(self.name).is_file() else []
        files = files or [Path(path) for one in self.upscaler.engines if (path := getattr(one, "path", None))]
        total = hashlib.sha256(b"" if files else self.name.encode())
        for file in files:
            for part in (file, file.with_name(file.name + ".data")):  # a large graph's weights lie beside it
                if part.is_file():
                    total.update(part.read_bytes())
        return total.hexdigest()


@dataclass(frozen=True)
class AdaptingModel:
    """A model that learns from every LR image before it upscales it; packages above make them."""

    name: str
    identity: str
    """What the results depend on beside the image: the same text, the same pixels."""
    upscale: Callable[[Array, Degradation, int], Array]
    """From LR, uint8 (h, w, 3), how it was made, and the scale, to SR, uint8 (scale*h, scale*w, 3)."""


class FromEachImage:
    """An adapting model as a protocol runs it, told the degradation that made LR."""

    ensemble = False

    def __init__(self, model: AdaptingModel, rule: Protocol, degradation: Degradation | None, *, scale: int) -> None:
        """Check that it can be told.

        Raises:
            ConfigError: the degradation is not known, or LR is not an image.
        """
        if degradation is None:
            raise ConfigError(f"{model.name} learns with the degradation that made LR. Name it instead of LR images.")
        if not rule.quantized_lr:
            raise ConfigError(f"{rule.name} is defined on luma, and {model.name} works on RGB. Use --protocol y-mzsr.")
        self.name = model.name
        self._model, self._degradation, self._scale = model, degradation, scale

    def __call__(self, lr: Array) -> Array:
        """SR, uint8, (scale*h, scale*w, 3)."""
        return self._model.upscale(lr, self._degradation, self._scale)

    def digest(self) -> str:
        """sha256 of what the model says of itself."""
        return hashlib.sha256(self._model.identity.encode()).hexdigest()


def _studio_luma(rgb: Array) -> Array:
    return rgb_to_y(rgb.astype(np.float64) / 255.0) * 255.0
