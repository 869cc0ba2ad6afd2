"""KernelGAN: the blur kernel of one image, from a generator that downscales it and a discriminator of its patches.

Bell-Kligler, Shocher and Irani, "Blind Super-Resolution Kernel Estimation using an Internal-GAN", NeurIPS 2019,
arXiv:1909.06581. The generator is linear, so it is a kernel; it is trained until a discriminator cannot tell patches
of the downscaled image from patches of the image itself.
Differs from the authors' code: the generator's convolutions are first composed to its kernel, which then downscales the
crop: the same sums in another order, some fifty times fewer of them; the noise on the discriminator's crops does not
stay in the image; the returned kernel sums to 1.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kukkiri.blind.image_tensors import Pixels, to_rgb_tensor
from kukkiri.blind.kernel_gan_crops import CropSampler
from kukkiri.blind.kernel_gan_losses import LossWeights, bicubic_loss, penalize_kernel
from kukkiri.degradations import align_kernel, as_kernel, double_scale_kernel, suppress_small_weights
from kukkiri.errors import ConfigError, ImageError
from kukkiri.networks import KernelGANDiscriminator, KernelGANGenerator

__all__ = ["KernelGANEstimate", "KernelGANProgress", "clean_kernel", "estimate_kernel_gan"]

Kernel = NDArray[np.float64]
_STRIDE = 2
_CROP = 64
_FRAME = 10
_RATE = 2e-4
_BETAS = (0.5, 0.999)
_RATE_EVERY, _RATE_DIVISOR = 750, 10.0
_NOISE = 1 / 255
_KEEP = 40
_REPORT_EVERY = 50


@dataclass(frozen=True)
class KernelGANProgress:
    """State of the estimation, as it is reported every 50 iterations and after the last."""

    step: int
    """Iterations done."""
    steps: int
    bicubic: float
    """Mean squared distance from bicubic downscaling, of the authors' kind."""
    adversarial: float
    """Mean distance of the discriminator's map from "real", in [0, 1]."""
    seconds: float


@dataclass(frozen=True, eq=False)
class KernelGANEstimate:
    """A kernel, and the record of its training."""

    kernel: Kernel
    """Non-negative but for rounding of the shift, sums to 1, for a correlation that keeps pixels ``[0::scale]``; the
    LR image then lies on the bicubic grid (:func:`kukkiri.degradations.lies_aligned`)."""
    raw: Kernel
    """(13, 13), the generator's own kernel at x2, before it is cleaned, centred and, at x4, doubled."""
    scale: int
    steps: int
    seconds: float
    stopped: str
    """``steps`` or ``interrupted``."""
    bicubic: float
    """The last distance from bicubic downscaling."""
    adversarial: float
    """The last adversarial loss of the generator: above 0.5 the discriminator tells its patches from real ones."""


def estimate_kernel_gan(
    image: Pixels,
    *,
    scale: int = 2,
    seed: int = 0,
    iterations: int = 3000,
    frame: int = _FRAME,
    progress: Callable[[KernelGANProgress], None] | None = None,
) -> KernelGANEstimate:
    """Estimate the blur kernel of an image with KernelGAN.

    The same seed gives the same kernel on the same machine. One thread trains, as the tensors are too small for more.
    An interrupt from the keyboard ends the training; the kernel so far is returned.

    Args:
        image: LR, (H, W) or (H, W, 3), uint8 or floats in [0, 1].
        scale: 2, or 4: then the kernel for 2 is composed with itself (the paper's supplementary material).
        seed: of the initial weights, the crops and the noise.
        iterations: of both networks; the paper's 3,000. The losses change until about step 1,000.
        frame: pixels at each border that are not looked at; 0 for an image that was not degraded artificially.
        progress: called every 50 iterations.

    Raises:
        ImageError: not such an image, too small, or without details.
        ConfigError: a number that cannot be used.
    """
    _check(scale, seed, iterations, frame)
    pixels = to_rgb_tensor(image)
    height, width = (side - 2 * frame - side % _STRIDE for side in pixels.shape[-2:])
    smallest = _CROP + 2
    if min(height, width) < smallest:
        least = smallest + 2 * frame
        raise ImageError(
            f"KernelGAN cannot learn from {pixels.shape[-1]}x{pixels.shape[-2]} pixels (width x height), expected at "
            f"least {least}x{least} with a frame of {frame}. Use a larger image, or give the kernel."
        )
    inner = pixels[..., frame : frame + height, frame : frame + width]
    with _one_thread():
        return _Training(inner, seed=seed, iterations=iterations, progress=progress).run(scale)


def clean_kernel(raw: NDArray[np.floating[Any]], *, keep: int = _KEEP) -> Kernel:
    """Drop negligible weights of a generator's kernel and align it with the bicubic grid: ``post_process_k``.

    Args:
        raw: (K, K) at x2.
        keep: number of weights that are surely kept.

    Returns:
        A larger array, as :func:`kukkiri.degradations.move_kernel` says; its sum is 1 to about 1e-5.
    """
    return align_kernel(suppress_small_weights(raw, keep=keep), scale=_STRIDE)


def _check(scale: int, seed: int, iterations: int, frame: int) -> None:
    if scale not in (2, 4):
        raise ConfigError(f"KernelGAN estimates kernels of scale 2 and 4, got {scale}. Choose one of them.")
    for name, value, least in (("seed", seed, 0), ("iterations", iterations, 1), ("frame", frame, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ConfigError(f"{name} must be a whole number of at least {least}, got {value!r}.")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in one thread: on a busy machine two took ten times the CPU time of one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Training:
    """Two networks, their optimizers, and the image that they learn from."""

    def __init__(
        self, image: Tensor, *, seed: int, iterations: int, progress: Callable[[KernelGANProgress], None] | None
    ) -> None:
        self.image, self.iterations, self.progress = 2 * image - 1, iterations, progress
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            self.generator = KernelGANGenerator(scale=_STRIDE)
            self.discriminator = KernelGANDiscriminator().train()
        self.noise = torch.Generator().manual_seed(seed)
        self.small_crop = (_CROP - self.generator.kernel_size) // _STRIDE + 1
        self.crops = CropSampler(
            image[0].permute(1, 2, 0).double().numpy(),
            scale=_STRIDE,
            crop=_CROP,
            small_crop=self.small_crop,
            steps=iterations,
            rng=np.random.default_rng(seed),
        )
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=_RATE, betas=_BETAS)
            for network in (self.generator, self.discriminator)
        ]
        self.weights = LossWeights()
        self.bicubic, self.adversarial = float("nan"), float("nan")

    def run(self, scale: int) -> KernelGANEstimate:
        """Train both networks and clean the generator's kernel."""
        begun, stopped, done = time.monotonic(), "steps", 0
        try:
            for step in range(self.iterations):
                crop = self._crop(self.crops.generator_corner(step), _CROP)
                self._train_generator(crop)
                self._train_discriminator(crop, self._crop(self.crops.discriminator_corner(step), self.small_crop))
                self._follow_schedule(step)
                done = step + 1
                if self.progress and (done % _REPORT_EVERY == 0 or done == self.iterations):
                    seconds = time.monotonic() - begun
                    self.progress(KernelGANProgress(done, self.iterations, self.bicubic, self.adversarial, seconds))
        except KeyboardInterrupt:
            if not done:
                raise
            stopped = "interrupted"
        with torch.no_grad():
            raw = self.generator.kernel().double().numpy()
        cleaned = clean_kernel(raw)
        kernel = as_kernel(cleaned if scale == _STRIDE else double_scale_kernel(cleaned))
        return KernelGANEstimate(
            kernel, raw, scale, done, time.monotonic() - begun, stopped, self.bicubic, self.adversarial
        )

    def _crop(self, corner: tuple[int, int], side: int) -> Tensor:
        row, column = corner
        return self.image[..., row : row + side, column : column + side]

    def _train_generator(self, crop: Tensor) -> None:
        kernel = self.generator.kernel()
        downscaled = _downscale(crop, kernel)
        adversarial = (1 - self.discriminator(downscaled)).abs().mean()
        bicubic = bicubic_loss(crop, downscaled, scale=_STRIDE)
        loss = adversarial + self.weights.total(bicubic, penalize_kernel(kernel, scale=_STRIDE))
        self.optimizers[0].zero_grad()
        loss.backward()
        self.optimizers[0].step()
        self.bicubic, self.adversarial = bicubic.item(), adversarial.item()

    def _train_discriminator(self, crop: Tensor, real: Tensor) -> None:
        with torch.no_grad():
            fake = _downscale(crop, self.generator.kernel())
            # The authors add the same noise before and after the change of range from [0, 1] to [-1, 1].
            real = real + 2 * _NOISE * torch.randn(real.shape, generator=self.noise)
            fake = fake + _NOISE * torch.randn(fake.shape, generator=self.noise)
        on_real = (1 - self.discriminator(real)).abs().mean()
        on_fake = self.discriminator(fake).abs().mean()
        self.optimizers[1].zero_grad()
        (0.5 * (on_fake + on_real)).backward()
        self.optimizers[1].step()

    def _follow_schedule(self, step: int) -> None:
        self.weights.update(step, bicubic=self.bicubic)
        if step and step % _RATE_EVERY == 0:
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] /= _RATE_DIVISOR


def _downscale(crop: Tensor, kernel: Tensor) -> Tensor:
    """Equal to the generator's forward to rounding: correlate each channel with its kernel, keep every second pixel."""
    channels = crop.shape[1]
    return functional.conv2d(crop, kernel.expand(channels, 1, -1, -1), stride=_STRIDE, groups=channels)
