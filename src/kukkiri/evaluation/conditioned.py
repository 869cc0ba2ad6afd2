"""Networks that are conditioned on the degradation, as models that an evaluation scores: each is given the true one."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kukkiri.degradations import Degradation, DegradationRequest
from kukkiri.degradations.degradation_estimate import GridSubsampling
from kukkiri.degradations.steps.blurs import Blur
from kukkiri.degradations.steps.noise import Noise
from kukkiri.degradations.steps.subsampling import Direct, Imresize
from kukkiri.errors import ConfigError
from kukkiri.inference import Upscaler
from kukkiri.info import JSON

__all__ = ["ConditionedModel"]


@dataclass(frozen=True, kw_only=True)
class ConditionedModel:
    """A solver that is given the degradation of every LR image, for :func:`kukkiri.evaluation.evaluate_many`."""

    model: str
    """Id, name of solvers or file, see :class:`kukkiri.inference.Upscaler`."""
    gives_noise: bool = True
    """Give the noise, too; without, a network that is not conditioned on it runs on the noisy image all the same."""
    model_args: Mapping[str, JSON] = field(default_factory=dict)
    """See :class:`kukkiri.inference.Upscaler`."""
    threads: int | None = None
    """Of the engine."""

    @property
    def name(self) -> str:
        """Row of a table."""
        return Path(self.model).stem if Path(self.model).is_file() else self.model

    @property
    def identity(self) -> str:
        """Everything beside the image that the result depends on: equal texts, equal pixels."""
        path = Path(self.model)
        weights = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        return f"{self.model} {weights} {sorted(self.model_args.items())} {self.gives_noise} {self.threads}"

    def upscale(self, lr: NDArray[Any], degradation: Degradation, scale: int) -> NDArray[Any]:
        """Upscale ``lr``, uint8 (h, w, 3), made by ``degradation``, to uint8 (scale*h, scale*w, 3).

        Raises:
            ConfigError: the degradation is not blurs, direct or bicubic subsampling, and then noise; or the network is
                of another subsampling.
        """
        request = read_request(degradation, gives_noise=self.gives_noise)
        upscaler = Upscaler(
            self.model,
            scale=scale,
            degradation=request,
            threads=self.threads,
            model_args=self.model_args or None,
        )
        sr: NDArray[Any] = upscaler(lr)
        return sr


def read_request(degradation: Degradation, *, gives_noise: bool = True) -> DegradationRequest:
    """Read a degradation as a solver is given it: a blur kernel, the grid of the subsampling and white noise.

    Direct subsampling that is aligned with the bicubic grid counts as bicubic.

    Raises:
        ConfigError: it is not blurs, direct or bicubic subsampling, and then noise.
    """
    place = next(number for number, step in enumerate(degradation.steps) if step.subsamples)
    blurs, sampler, rest = degradation.steps[:place], degradation.steps[place], degradation.steps[place + 1 :]
    known = isinstance(sampler, Direct) or (isinstance(sampler, Imresize) and sampler.method == "bicubic")
    if not known or not all(isinstance(step, Blur) for step in blurs) or not all(isinstance(n, Noise) for n in rest):
        raise ConfigError(
            f"'{degradation}': a solver is given a blur, direct or bicubic subsampling, and white noise. Use "
            "these steps, such as gaussian:2.0+direct+noise:0.02."
        )
    direct = isinstance(sampler, Direct) and not sampler.aligned
    subsample: GridSubsampling = "direct" if direct else "bicubic"
    blur = "+".join(map(str, blurs)) or ("gaussian:0.01" if direct else "bicubic")
    noise_std = math.sqrt(sum(step.std**2 for step in rest if isinstance(step, Noise)))
    return DegradationRequest(blur, subsample, noise_std=noise_std if gives_noise else 0.0)
