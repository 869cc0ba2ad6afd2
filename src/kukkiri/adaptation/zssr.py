"""ZSSR: a network that learns to upscale one image from that image and its own smaller version.

Shocher, Cohen & Irani, "Zero-Shot Super-Resolution using Deep Internal Learning", CVPR 2018, arXiv:1712.06087.
The image is the *father*; shrunk by the degradation that made it, it gives its *son*; from son to father
the network learns what it then does to the father.
Differs from the authors' code: the error that rules the learning rate is measured on one detailed region of at
most 256 x 256 pixels, so that memory does not grow with the image; the network with the smallest such error is
kept, not the last; the affine map mirrors at the border of the image; gradual fathers are of that region, without
the ensemble.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.adaptation.hr_crops import Augmentation, sample_hr_crop
from kukkiri.adaptation.projection import back_project
from kukkiri.adaptation.schedule import LearningRateRule
from kukkiri.degradations import Degradation
from kukkiri.degradations.torch_twins import degrade_tensor
from kukkiri.networks import ZSSR, Network
from kukkiri.resampling import resize
from kukkiri.resampling.tensors import resize_tensor
from kukkiri.training.precision import Precision, autocast, warn_if_slow

__all__ = [
    "AdaptationProgress",
    "Fit",
    "Settings",
    "downscale_crop",
    "find_detailed_region",
    "fit",
    "gradual_factors",
    "make_input",
    "settings_for",
]

_MONITOR_EVERY = 50
_MONITOR_SIDE = 256
_PROJECTIONS = (6, 6, 8, 10, 10)  # after each of the first five gradual factors


@dataclass(frozen=True)
class Settings:
    """Everything that ZSSR can be told; the defaults are the authors' for a bicubic son in one jump."""

    steps: int = 3000
    """At most, for each scale factor."""
    budget: float | None = None
    """Seconds for learning; None: as long as it takes."""
    crop: int = 128
    """Side of the training crop, in LR pixels."""
    noise_std: float = 0.0
    """Of the noise added to the son, in [0, 1]: for images that are noisy themselves."""
    gradual: bool = False
    """Six scale factors one after the other, each result a father for the next: slower, a little better."""
    ensemble: bool = True
    """The median of eight flips and turns; only where shrinking commutes with flipping."""
    projections: int = 10
    """Back-projections on every result, and once more on the median."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    width: int = 64
    depth: int = 8
    precision: Precision = "float32"
    """Of the network's layers while it learns; the error that rules the learning rate and the result are float32."""
    seed: int = 0


@dataclass(frozen=True)
class AdaptationProgress:
    """Where learning stands."""

    step: int
    """Steps done, over all scale factors."""
    steps: int
    """Steps at most."""
    loss: float
    """Mean L1 of the last steps, in [0, 1]."""
    learning_rate: float
    psnr: float
    """Of a region of the image rebuilt from its son, in dB."""
    seconds: float


@dataclass(frozen=True)
class Fit:
    """A fitted network and how it went."""

    network: Network
    """The best so far, in evaluation mode."""
    steps: int
    seconds: float
    stopped: str
    """``rate`` (nothing more to learn), ``steps``, ``budget`` or ``interrupted``."""
    psnr: float
    """Of a region rebuilt from its son by the network, dB."""
    initial_psnr: float
    """The same before the first step; ZSSR's network is nearly bicubic interpolation then."""
    method: str = "zssr"
    """``zssr``, or the name of the meta-learned initialization."""


def settings_for(degradation: Degradation, *, noise_std: float = 0.0) -> Settings:
    """The authors' presets: bicubic, a given kernel, or a noisy image."""
    if noise_std > 0:
        augmentation = Augmentation(smallest=0.75, scale_difference=0.0, shear=0.0, rotate=False)
        bicubic = str(degradation) == "bicubic"
        return Settings(noise_std=noise_std, projections=0, ensemble=bicubic, augmentation=augmentation)
    if str(degradation) == "bicubic":
        return Settings()
    return Settings(ensemble=False, projections=2, augmentation=Augmentation(rotate=False))


def gradual_factors(scale: int) -> tuple[tuple[float, float], ...]:
    """The authors' six factors (rows, columns); they give them for scale 2, halfway being 1.5."""
    half, full = (1 + scale) / 2, float(scale)
    return ((1.0, half), (half, 1.0), (half, half), (half, full), (full, half), (full, full))


def make_input(
    father: Tensor,
    *,
    degradation: Degradation,
    factors: tuple[float, float],
    noise_std: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Shrink a father to its son and upscale the son again: what the network is given.

    Args:
        father: see :func:`downscale_crop`.
        degradation: see :func:`downscale_crop`.
        factors: see :func:`downscale_crop`.
        noise_std: see :func:`downscale_crop`.
        rng: see :func:`downscale_crop`.

    Returns:
        (N, C, H, W): the son after bicubic interpolation.
    """
    son = downscale_crop(father, degradation=degradation, factors=factors, noise_std=noise_std, rng=rng)
    return resize_tensor(son, output_size=(father.shape[-2], father.shape[-1]))


def downscale_crop(
    father: Tensor,
    *,
    degradation: Degradation,
    factors: tuple[float, float],
    noise_std: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Shrink a father by the degradation that made it from its own, unknown, larger version.

    Args:
        father: (N, C, H, W) in [0, 1].
        degradation: linear; for factors that are not whole and equal it must be ``bicubic``.
        factors: (rows, columns).
        noise_std: of the noise on the son.
        rng: for the noise.

    Returns:
        (N, C, ceil(H / rows), ceil(W / columns)), clamped to [0, 1].
    """
    height, width = father.shape[-2:]
    if factors[0] == factors[1] and float(factors[0]).is_integer():
        son = degrade_tensor(father, degradation, scale=int(factors[0]))
    else:
        son = resize_tensor(father, output_size=(math.ceil(height / factors[0]), math.ceil(width / factors[1])))
    if noise_std > 0 and rng is not None:
        noise = noise_std * rng.standard_normal(tuple(son.shape), dtype=np.float32)
        son = son + torch.from_numpy(noise).to(son)
    return son.clamp(0, 1)


def find_detailed_region(
    colour: NDArray[np.float32], *, side: int = _MONITOR_SIDE, multiple: int = 1
) -> tuple[slice, slice]:
    """The window of at most ``side`` to a side with the most contrast between neighbours, sides multiples."""
    height, width = (min(side, one) - min(side, one) % multiple for one in colour.shape[:2])
    luma = colour.mean(axis=2, dtype=np.float64)
    energy = np.zeros_like(luma)
    energy[:-1] += np.abs(np.diff(luma, axis=0))
    energy[:, :-1] += np.abs(np.diff(luma, axis=1))
    total = np.pad(energy.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    window = total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
    top, left = np.unravel_index(int(np.argmax(window)), window.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def fit(
    colour: NDArray[np.float32],
    *,
    scale: int,
    degradation: Degradation,
    settings: Settings | None = None,
    progress: Callable[[AdaptationProgress], None] | None = None,
) -> Fit:
    """Learn to upscale an image.

    Args:
        colour: (H, W, 3), [0, 1].
        scale: whole, at least 2.
        degradation: how the image is thought to have come from its larger version; linear.
        settings: by default the preset for the degradation.
        progress: called every 50 steps.

    Returns:
        The best network so far, also when Ctrl-C interrupts learning. The same arguments give the same
        network on the same machine with the same number of threads, when no budget ends it.
    """
    chosen = settings_for(degradation) if settings is None else settings
    return _Learner(colour, scale=scale, degradation=degradation, settings=chosen, progress=progress).run()


class _Learner:
    """One image being learned."""

    def __init__(
        self,
        colour: NDArray[np.float32],
        *,
        scale: int,
        degradation: Degradation,
        settings: Settings,
        progress: Callable[[AdaptationProgress], None] | None,
    ) -> None:
        self.settings, self.degradation, self.scale, self.report = settings, degradation, scale, progress
        self.rng = np.random.default_rng(settings.seed)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(settings.seed)
            self.network = ZSSR(scale=scale, width=settings.width, depth=settings.depth)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        warn_if_slow(settings.precision)
        self.colour = colour
        self.image = torch.from_numpy(np.ascontiguousarray(colour.transpose(2, 0, 1)))[None]
        self.fathers = [self.image]
        # with half the scale between 1 and it, every factor must divide the sides
        multiple = math.lcm(scale, 1 + scale) if settings.gradual else scale
        self.size = tuple(max(min(settings.crop, s) // multiple, 1) * multiple for s in colour.shape[:2])
        region = find_detailed_region(colour, multiple=multiple)
        self.monitored = self.image[..., region[0], region[1]]
        self.begun = time.monotonic()
        self.done = 0

    def run(self) -> Fit:
        factors = gradual_factors(self.scale) if self.settings.gradual else ((float(self.scale), float(self.scale)),)
        initial_psnr = self._error(factors[-1])[1]
        stopped, self.total = "steps", len(factors) * self.settings.steps
        for number, pair in enumerate(factors):
            share = None if self.settings.budget is None else self.settings.budget * (number + 1) / len(factors)
            stopped = self._learn(pair, until=share)
            if stopped == "interrupted":
                break
            if number < len(factors) - 1:
                self.fathers.append(self._upscaled(pair, iterations=_PROJECTIONS[number]))
        return Fit(
            network=self.network.eval(),
            steps=self.done,
            seconds=time.monotonic() - self.begun,
            stopped=stopped,
            psnr=self._error(factors[-1])[1],
            initial_psnr=initial_psnr,
        )

    def _learn(self, factors: tuple[float, float], *, until: float | None) -> str:
        """Fit for one pair of factors; leaves the best weights in the network and says why it ended."""
        rule = LearningRateRule()
        optimizer = torch.optim.Adam(self.network.parameters(), lr=rule.rate)
        least = self._error(factors)[0]
        best = copy.deepcopy(self.network.state_dict())
        losses: list[float] = []
        stopped = "steps"
        try:
            for step in range(1, self.settings.steps + 1):
                losses.append(self._step(optimizer, factors))
                late = until is not None and time.monotonic() - self.begun >= until
                if step % _MONITOR_EVERY == 0 or step == self.settings.steps or late:
                    error, psnr = self._error(factors)
                    rule.record(step, error)
                    if error < least:
                        least, best = error, copy.deepcopy(self.network.state_dict())
                    self._tell(losses, rule.rate, psnr)
                    losses.clear()
                for group in optimizer.param_groups:
                    group["lr"] = rule.update(step)
                if rule.finished or late:
                    stopped = "rate" if rule.finished else "budget"
                    break
        except KeyboardInterrupt:
            stopped = "interrupted"
        self.network.load_state_dict(best)
        return stopped

    def _step(self, optimizer: torch.optim.Optimizer, factors: tuple[float, float]) -> float:
        settings = self.settings
        size = (self.size[0], self.size[1])
        father = sample_hr_crop(self.fathers, size, augmentation=settings.augmentation, rng=self.rng)
        upscaled = make_input(
            father, degradation=self.degradation, factors=factors, noise_std=settings.noise_std, rng=self.rng
        )
        with autocast(settings.precision):
            sr = self.network(upscaled.contiguous(memory_format=torch.channels_last))
        loss = (sr.float() - father).abs().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        self.done += 1
        return float(loss.detach())

    def _error(self, factors: tuple[float, float]) -> tuple[float, float]:
        """Mean squared error of the monitored region rebuilt from its son, and its PSNR in dB."""
        with torch.inference_mode():
            upscaled = make_input(self.monitored, degradation=self.degradation, factors=factors)
            error = float((self.network(upscaled).clamp(0, 1) - self.monitored).square().mean())
        return error, -10 * math.log10(max(error, 1e-12))

    def _upscaled(self, factors: tuple[float, float], *, iterations: int) -> Tensor:
        """A region of the image upscaled by the factors and back-projected: a father for the next ones."""
        rows, columns = find_detailed_region(self.colour)
        lr = self.colour[rows, columns]
        size = (round(lr.shape[0] * factors[0]), round(lr.shape[1] * factors[1]))
        with torch.inference_mode():
            result = self.network(resize_tensor(self.image[..., rows, columns], output_size=size))[0]
        sr = back_project(
            np.ascontiguousarray(result.permute(1, 2, 0).numpy()),
            lr,
            shrink=lambda one: resize(one, output_size=(lr.shape[0], lr.shape[1])),
            iterations=iterations,
        )
        return torch.from_numpy(np.ascontiguousarray(sr.transpose(2, 0, 1)))[None].clamp(0, 1)

    def _tell(self, losses: list[float], rate: float, psnr: float) -> None:
        if self.report is not None:
            seconds = time.monotonic() - self.begun
            self.report(AdaptationProgress(self.done, self.total, float(np.mean(losses)), rate, psnr, seconds))
