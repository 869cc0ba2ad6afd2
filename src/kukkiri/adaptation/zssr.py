"""ZSSR: a network trained on one image and its own downscaled copy, which then upscales that image.

Shocher, Cohen & Irani, "Zero-Shot Super-Resolution using Deep Internal Learning", CVPR 2018, arXiv:1712.06087.
A training pair is a crop of the image, the target, and the copy of it that the degradation of the image downscales, the
input; the paper calls the HR crop "HR father" and its downscaled copy "LR son".
Differs from the authors' code: the error that controls the learning rate is measured on one detailed region of at
most 256 x 256 pixels, so that memory does not grow with the image; the network with the smallest such error is
kept, not the last; the affine map mirrors at the border of the image; the intermediate images of gradual scale factors
are of that region, without the ensemble; their kernels follow from that of the whole scale, where the authors ask for
one of each factor.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.adaptation.hr_crops import Augmentation, sample_hr_crop
from kukkiri.adaptation.partial_downscaling import PartialDownscaling
from kukkiri.adaptation.projection import back_project
from kukkiri.adaptation.schedule import LearningRateRule
from kukkiri.degradations import Degradation
from kukkiri.degradations.torch_twins import degrade_tensor
from kukkiri.networks import ZSSR, Network
from kukkiri.resampling import resize
from kukkiri.resampling.tensors import resize_tensor
from kukkiri.training.precision import Precision, autocast, check_precision

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
_PROJECTIONS = (6, 6, 8, 10, 10)  # after each of the first five gradual factors, of bicubic downscaling


@dataclass(frozen=True)
class Settings:
    """All settings of ZSSR; the defaults are the authors' for bicubic downscaling and one scale factor."""

    steps: int = 3000
    """At most, for each scale factor."""
    budget: float | None = None
    """Seconds of training; None: no limit."""
    crop: int = 128
    """Height and width of the training crop, in pixels of the image."""
    noise_std: float = 0.0
    """Of the noise added to the downscaled copy, in [0, 1]: for images that are noisy themselves."""
    gradual: bool = False
    """Six scale factors in sequence, each result a training image for the next: slower, slightly better."""
    ensemble: bool = True
    """The median of the geometric self-ensemble; only where the degradation commutes with flips and rotations."""
    projections: int = 10
    """Back-projections on every result, and once more on the median."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    width: int = 64
    depth: int = 8
    precision: Precision = "float32"
    """Of the network's layers in training; the error that controls the learning rate and the result are float32."""
    seed: int = 0
    """Of the initial weights, the crops and the noise."""


@dataclass(frozen=True)
class AdaptationProgress:
    """State of the training on an image, as it is reported."""

    step: int
    """Steps done, over all scale factors."""
    steps: int
    """Steps at most."""
    loss: float
    """Mean L1 of the last steps, in [0, 1]."""
    learning_rate: float
    psnr: float
    """Of a region of the image reconstructed from its downscaled copy, in dB."""
    seconds: float
    """Since the beginning of the training."""


@dataclass(frozen=True)
class Fit:
    """A fitted network and the record of its training."""

    network: Network
    """The network with the least error, in evaluation mode."""
    steps: int
    seconds: float
    stopped: str
    """``rate`` (the learning rate fell below its lowest), ``steps``, ``budget``, ``interrupted`` or ``diverged``."""
    psnr: float
    """Of a region that the network reconstructs from its downscaled copy, in dB."""
    initial_psnr: float
    """The same before the first step, when ZSSR's network is close to bicubic interpolation."""
    method: str = "zssr"
    """``zssr``, or the name of the meta-learned initialization."""


def settings_for(degradation: Degradation, *, noise_std: float = 0.0) -> Settings:
    """Return the authors' preset: for bicubic downscaling, for a given kernel, or for a noisy image."""
    if noise_std > 0:
        augmentation = Augmentation(smallest=0.75, scale_difference=0.0, shear=0.0, rotate=False)
        bicubic = str(degradation) == "bicubic"
        return Settings(noise_std=noise_std, projections=0, ensemble=bicubic, augmentation=augmentation)
    if str(degradation) == "bicubic":
        return Settings()
    return Settings(ensemble=False, projections=2, augmentation=Augmentation(rotate=False))


def gradual_factors(scale: int) -> tuple[tuple[float, float], ...]:
    """Return the authors' six factors (rows, columns); they give them for scale 2, where halfway is 1.5."""
    half, full = (1 + scale) / 2, float(scale)
    return ((1.0, half), (half, 1.0), (half, half), (half, full), (full, half), (full, full))


def make_input(
    hr: Tensor,
    *,
    degradation: Degradation,
    factors: tuple[float, float],
    partial_downscaling: PartialDownscaling | None = None,
    noise_std: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Make the network's input: downscale an HR crop, then upscale the copy by bicubic interpolation.

    Args:
        hr: see :func:`downscale_crop`.
        degradation: see :func:`downscale_crop`.
        factors: see :func:`downscale_crop`.
        partial_downscaling: see :func:`downscale_crop`.
        noise_std: see :func:`downscale_crop`.
        rng: see :func:`downscale_crop`.

    Returns:
        (N, C, H, W), not clamped.
    """
    lr = downscale_crop(
        hr,
        degradation=degradation,
        factors=factors,
        partial_downscaling=partial_downscaling,
        noise_std=noise_std,
        rng=rng,
    )
    return resize_tensor(lr, output_size=(hr.shape[-2], hr.shape[-1]))


def downscale_crop(
    hr: Tensor,
    *,
    degradation: Degradation,
    factors: tuple[float, float],
    partial_downscaling: PartialDownscaling | None = None,
    noise_std: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Downscale an HR crop by the degradation that is assumed to have made the image.

    Args:
        hr: (N, C, H, W) in [0, 1].
        degradation: linear.
        factors: (rows, columns).
        partial_downscaling: by the degradation's kernel, for factors below the scale that it holds for; ``None``:
            there are none, or the degradation is bicubic downscaling.
        noise_std: of the noise on the downscaled copy.
        rng: for the noise.

    Returns:
        (N, C, ceil(H / rows), ceil(W / columns)), clamped to [0, 1].
    """
    height, width = hr.shape[-2:]
    whole = factors[0] == factors[1] and float(factors[0]).is_integer()
    if whole and (partial_downscaling is None or partial_downscaling.scale == factors[0]):
        lr = degrade_tensor(hr, degradation, scale=int(factors[0]))
    elif partial_downscaling is None:
        lr = resize_tensor(hr, output_size=(math.ceil(height / factors[0]), math.ceil(width / factors[1])))
    else:
        lr = partial_downscaling.apply(hr, factors=factors)
    if noise_std > 0 and rng is not None:
        noise = noise_std * rng.standard_normal(tuple(lr.shape), dtype=np.float32)
        lr = lr + torch.from_numpy(noise).to(lr)
    return lr.clamp(0, 1)


def find_detailed_region(
    colour: NDArray[np.float32], *, side: int = _MONITOR_SIDE, multiple: int = 1
) -> tuple[slice, slice]:
    """Find the window with the most contrast between neighbouring pixels.

    Args:
        colour: (H, W, C).
        side: largest height and width of the window.
        multiple: height and width are multiples of it.

    Returns:
        Rows and columns of the window, as large as the image allows.
    """
    height, width = (min(side, length) - min(side, length) % multiple for length in colour.shape[:2])
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
    device: torch.device | str = "cpu",
    progress: Callable[[AdaptationProgress], None] | None = None,
) -> Fit:
    """Train a network to upscale an image.

    Args:
        colour: (H, W, 3), [0, 1].
        scale: integer, at least 2.
        degradation: assumed to have made the image from HR; linear.
        settings: by default the preset for the degradation.
        device: where it trains; the network is returned on the CPU.
        progress: called every 50 steps.

    Returns:
        The network with the least error, also when Ctrl-C interrupts training. The same arguments give the same
        network on the same CPU with the same number of threads, when no budget ends it.
    """
    chosen = settings_for(degradation) if settings is None else settings
    place = torch.device(device)
    trainer = _Trainer(colour, scale=scale, degradation=degradation, settings=chosen, device=place, progress=progress)
    return trainer.run()


class _Trainer:
    """The training on one image."""

    def __init__(
        self,
        colour: NDArray[np.float32],
        *,
        scale: int,
        degradation: Degradation,
        settings: Settings,
        device: torch.device,
        progress: Callable[[AdaptationProgress], None] | None,
    ) -> None:
        self.settings, self.degradation, self.scale, self.progress = settings, degradation, scale, progress
        self.partial_downscaling: PartialDownscaling | None = None
        if settings.gradual and str(degradation) != "bicubic":
            self.partial_downscaling = PartialDownscaling(degradation.effective_kernel(scale=scale), scale)
        self.rng = np.random.default_rng(settings.seed)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(settings.seed)
            self.network = ZSSR(scale=scale, width=settings.width, depth=settings.depth)
        self.device = device
        self.network.to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        check_precision(settings.precision, device=device)
        self.colour = colour
        self.image = torch.from_numpy(np.ascontiguousarray(colour.transpose(2, 0, 1)))[None].to(device)
        self.targets = [self.image]  # HR crops are sampled from these
        # gradual factors include the one halfway between 1 and the scale, and every factor must divide the sides
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
            stopped = self._fit(pair, until=share)
            if stopped == "interrupted":
                break
            if number < len(factors) - 1:
                iterations = _PROJECTIONS[number] if self.partial_downscaling is None else self.settings.projections
                self.targets.append(self._upscale(pair, iterations=iterations))
        psnr = self._error(factors[-1])[1]
        return Fit(
            network=self.network.cpu().eval(),
            steps=self.done,
            seconds=time.monotonic() - self.begun,
            stopped=stopped,
            psnr=psnr,
            initial_psnr=initial_psnr,
        )

    def _fit(self, factors: tuple[float, float], *, until: float | None) -> str:
        """Train for one pair of factors; leave the best weights in the network and return the reason for the end."""
        rule = LearningRateRule()
        optimizer = torch.optim.Adam(self.network.parameters(), lr=rule.rate)
        least = self._error(factors)[0]
        best = copy.deepcopy(self.network.state_dict())
        losses: list[float] = []
        stopped = "steps"
        try:
            for step in range(1, self.settings.steps + 1):
                losses.append(self._step(optimizer, factors))
                over_budget = until is not None and time.monotonic() - self.begun >= until
                if step % _MONITOR_EVERY == 0 or step == self.settings.steps or over_budget:
                    error, psnr = self._error(factors)
                    rule.record(step, error)
                    if error < least:
                        least, best = error, copy.deepcopy(self.network.state_dict())
                    self._report(losses, rule.rate, psnr)
                    losses.clear()
                for group in optimizer.param_groups:
                    group["lr"] = rule.update(step)
                if rule.finished or over_budget:
                    stopped = "rate" if rule.finished else "budget"
                    break
        except KeyboardInterrupt:
            stopped = "interrupted"
        self.network.load_state_dict(best)
        return stopped

    def _step(self, optimizer: torch.optim.Optimizer, factors: tuple[float, float]) -> float:
        settings = self.settings
        size = (self.size[0], self.size[1])
        hr = sample_hr_crop(self.targets, size, augmentation=settings.augmentation, rng=self.rng)
        upscaled = self._make_input(hr, factors, noise_std=settings.noise_std)
        with autocast(settings.precision, device=self.image.device):
            sr = self.network(upscaled.contiguous(memory_format=torch.channels_last))
        loss = (sr.float() - hr).abs().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        self.done += 1
        return float(loss.detach())

    def _make_input(self, hr: Tensor, factors: tuple[float, float], *, noise_std: float = 0.0) -> Tensor:
        return make_input(
            hr,
            degradation=self.degradation,
            factors=factors,
            partial_downscaling=self.partial_downscaling,
            noise_std=noise_std,
            rng=self.rng,
        )

    def _error(self, factors: tuple[float, float]) -> tuple[float, float]:
        """Return the mean squared error of the monitored region after its reconstruction, and its PSNR in dB."""
        with torch.inference_mode():
            upscaled = self._make_input(self.monitored, factors)
            error = float((self.network(upscaled).clamp(0, 1) - self.monitored).square().mean())
        return error, -10 * math.log10(max(error, 1e-12))

    def _upscale(self, factors: tuple[float, float], *, iterations: int) -> Tensor:
        """Upscale a region of the image by the factors and back-project it: a training image for the next factors."""
        rows, columns = find_detailed_region(self.colour)
        lr = self.colour[rows, columns]
        size = (round(lr.shape[0] * factors[0]), round(lr.shape[1] * factors[1]))
        with torch.inference_mode():
            result = self.network(resize_tensor(self.image[..., rows, columns], output_size=size))[0]
        sr = back_project(
            np.ascontiguousarray(result.permute(1, 2, 0).cpu().numpy()),
            lr,
            downsample=partial(self._downscale, factors=factors, size=(lr.shape[0], lr.shape[1])),
            iterations=iterations,
        )
        return torch.from_numpy(np.ascontiguousarray(sr.transpose(2, 0, 1)))[None].clamp(0, 1).to(self.device)

    def _downscale(
        self, sr: NDArray[np.float32], *, factors: tuple[float, float], size: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Downscale an intermediate image, (H, W, C), to the size of LR."""
        if self.partial_downscaling is None:
            return resize(sr, output_size=size)
        tensor = torch.from_numpy(np.ascontiguousarray(sr.transpose(2, 0, 1)))[None]
        lr = self.partial_downscaling.apply(tensor, factors=factors)[0, :, : size[0], : size[1]]
        return np.ascontiguousarray(lr.permute(1, 2, 0).numpy())

    def _report(self, losses: list[float], rate: float, psnr: float) -> None:
        if self.progress is not None:
            seconds = time.monotonic() - self.begun
            self.progress(AdaptationProgress(self.done, self.total, float(np.mean(losses)), rate, psnr, seconds))
