"""From a test image to HR, LR and SR as a protocol defines them, for fixed models and for those that adapt."""

import hashlib
import json
import typing
from collections.abc import Callable, Mapping
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
from kukkiri.inference.choosing import runs_on_torch
from kukkiri.inference.ensemble import Ensemble, run_ensemble
from kukkiri.info import JSON
from kukkiri.metrics import Protocol, Sample
from kukkiri.metrics.protocols import round_half_away
from kukkiri.resampling import resize

__all__ = ["AdaptedContender", "AdaptingModel", "Contender", "TestPair", "make_test_pair"]

Array = NDArray[Any]


@dataclass(frozen=True)
class TestPair:
    """HR and LR of a test image, the same for every model."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    hr: Array
    """uint8: (H, W, 3) RGB, or (H, W) luma for ``y-legacy``."""
    lr: Array
    """uint8 (h, w, 3) RGB; for ``y-legacy`` float64 (h, w) luma on 0..255, not rounded."""
    downsample: Callable[[Array], Array] | None = None
    """The degradation that made ``lr``, for float images in [0, 1]; ``None``: bicubic, or unknown."""

    def sample(self, sr: Array, protocol: Protocol, *, scale: int) -> Sample:
        """Add an estimate, uint8, of the shape of ``hr``, for metrics."""
        return Sample(self.hr, self.lr, sr, protocol, scale, self.downsample)


def make_test_pair(image: TestImage, protocol: Protocol, degradation: Degradation | None, *, scale: int) -> TestPair:
    """Make LR, or take the LR that came with the image.

    Args:
        image: its sides are multiples of ``scale``.
        protocol: an entry of ``PROTOCOLS``.
        degradation: ``None`` for images with an LR of their own; its noise is the same for every image
            and run (seed 0).
        scale: HR pixels for one LR pixel along a side.

    Raises:
        ConfigError: ``y-legacy`` with anything but bicubic LR.
    """
    if not protocol.quantized_lr and str(degradation) != "bicubic":
        found = degradation or "given LR images"
        raise ConfigError(f"{protocol.name} is defined for bicubic LR, not for {found}. Use --protocol y-matlab.")
    if not protocol.quantized_lr:  # SRCNN's: luma rounded to 8 bit, then downscaled in floating point
        hr = image.hr if image.hr.ndim == 2 else round_half_away(_studio_luma(image.hr)).astype(np.uint8)
        return TestPair(hr, resize(hr.astype(np.float64) / 255.0, scale=1 / scale) * 255.0)
    if degradation is not None:
        lr = degradation.apply(image.rgb, scale=scale, seed=0)
        bicubic = str(degradation) == "bicubic"
        return TestPair(image.rgb, lr, None if bicubic else lambda sr: degradation.apply(sr, scale=scale, seed=0))
    if image.lr is None:
        raise ConfigError(f"{image.name}: neither a degradation nor an LR image was given. Give one of them.")
    return TestPair(image.rgb, image.lr)


class Contender:
    """A model under a protocol: from ``TestPair.lr`` to the 8-bit SR that is compared."""

    def __init__(
        self,
        model: str,
        protocol: Protocol,
        *,
        scale: int,
        ensemble: Ensemble,
        threads: int | None,
        model_args: Mapping[str, JSON] | None = None,
        device: str | None = None,
    ) -> None:
        """Load the model; ``device`` is for torch weights, and other models run on the CPU.

        Raises:
            BackendError: torch sees no such device.
            ModelError: unknown, or not of this scale.
            ConfigError: an RGB network under a protocol that is defined on luma.
        """
        self.name = model
        self.upscaler = Upscaler(
            model,
            scale=scale,
            ensemble=ensemble,
            threads=threads,
            model_args=model_args,
            device=device if runs_on_torch(model) else None,
        )
        self._model_args = dict(model_args or {})
        self._protocol = protocol
        engines = self.upscaler.engines
        if engines and (len(engines) > 1 or engines[0].info.scale != scale):
            found = engines[0].info.scale
            raise ModelError(f"{model} is a x{found} model, but scale {scale} was asked. Use one of x{scale}.")
        if engines and not protocol.quantized_lr and engines[0].info.colour != "y":
            raise ConfigError(f"{protocol.name} is defined on luma, and {model} works on RGB. Use --protocol y-matlab.")

    def __call__(self, lr: Array) -> Array:
        """SR, uint8, (scale*h, scale*w[, 3])."""
        if self._protocol.quantized_lr:
            return self.upscaler(lr)
        return round_half_away(np.clip(self._upscale_luma(lr / 255.0) * 255.0, 0, 255)).astype(np.uint8)

    def _upscale_luma(self, lr: Array) -> Array:
        """Upscale a luma plane (h, w) in [0, 1] without rounding; an interpolation stays in float64."""
        scale = int(self.upscaler.scale)
        if self.upscaler.kernel is not None:
            return resize(lr, scale=scale, kernel=self.upscaler.kernel)
        engine = self.upscaler.engines[0]
        entered = resize(lr, scale=scale) if engine.info.pre_upsampled else lr
        batch = np.ascontiguousarray(entered, dtype=np.float32)[None, None]
        sr: Array = run_ensemble(engine.run, batch, runs=self.upscaler.runs)[0, 0]
        return sr.astype(np.float64)

    @property
    def runs(self) -> int:
        """Runs whose mean is taken, 1 without a self-ensemble."""
        return self.upscaler.runs

    def digest(self) -> str:
        """sha256 of the model's files, or of an interpolation's name: equal digests, equal pixels on one machine."""
        files = [Path(self.name)] if Path(self.name).is_file() else []
        files = files or [Path(path) for engine in self.upscaler.engines if (path := getattr(engine, "path", None))]
        total = hashlib.sha256(b"" if files else self.name.encode())
        devices = {str(engine.device) for engine in self.upscaler.engines if isinstance(engine, _OnDevice)} - {"cpu"}
        total.update("".join(devices).encode())
        if self._model_args:
            total.update(json.dumps(self._model_args, sort_keys=True).encode())
        for file in files:
            for part in (file, file.with_name(file.name + ".data")):  # a large graph's weights lie beside it
                if part.is_file():
                    total.update(part.read_bytes())
        return total.hexdigest()


@typing.runtime_checkable
class _OnDevice(typing.Protocol):
    """An engine that runs on a device of torch."""

    device: Any


class AdaptingModel(typing.Protocol):
    """A model that is fitted to every LR image before it upscales it; anything with these attributes is one."""

    @property
    def name(self) -> str:
        """Row of a table; unique in an evaluation."""
        ...

    @property
    def identity(self) -> str:
        """Everything that the results depend on beside the image: the same text, the same pixels."""
        ...

    def upscale(self, lr: Array, degradation: Degradation, scale: int, /) -> Array:
        """Fit to ``lr``, uint8 (h, w, 3), made by ``degradation``, and upscale it to uint8 (scale*h, scale*w, 3)."""
        ...


class AdaptedContender:
    """An adapting model under a protocol; it is given the degradation that made LR."""

    runs = 1

    def __init__(
        self, model: AdaptingModel, protocol: Protocol, degradation: Degradation | None, *, scale: int
    ) -> None:
        """Check that the model can adapt.

        Raises:
            ConfigError: the degradation is not known, or LR is not an image.
        """
        if degradation is None:
            raise ConfigError(f"{model.name} adapts with the degradation that made LR. Name it instead of LR images.")
        if not protocol.quantized_lr:
            raise ConfigError(
                f"{protocol.name} is defined on luma, and {model.name} works on RGB. Use --protocol y-mzsr."
            )
        self.name = model.name
        self._model, self._degradation, self._scale = model, degradation, scale

    def __call__(self, lr: Array) -> Array:
        """SR, uint8, (scale*h, scale*w, 3)."""
        return self._model.upscale(lr, self._degradation, self._scale)

    def digest(self) -> str:
        """sha256 of the model's identity."""
        return hashlib.sha256(self._model.identity.encode()).hexdigest()


def _studio_luma(rgb: Array) -> Array:
    return rgb_to_y(rgb.astype(np.float64) / 255.0) * 255.0
