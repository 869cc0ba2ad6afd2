"""MZSR's meta-test: a few steps of gradient descent on one image from a meta-learned initialization.

Soh, Cho & Cho, "Meta-Transfer Learning for Zero-Shot Super-Resolution", CVPR 2020, arXiv:2002.12213. The whole
image is the target, its downscaled copy the input, the loss the mean absolute error, the optimizer gradient descent.
Differs from the paper: the initialization may also be a network that works at low resolution, whose input is the
downscaled copy itself, and which may be conditioned on the kernel's covariance; the network with the least loss is
kept, which is the last unless a step increased the loss; images of more than about 200,000 pixels are used in crops, so
that memory and time do not grow with them.
"""

import copy
import math
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.adaptation.meta_initialization import Initialization
from kukkiri.adaptation.zssr import AdaptationProgress, Fit, downscale_crop, make_input
from kukkiri.degradations import Degradation
from kukkiri.losses import LOSSES
from kukkiri.networks import ContextPlain

__all__ = ["meta_test", "select_crops"]

_MAX_SIDE = 448  # training a network of 64 features on a square of this side takes about 1 GB
_CROPS = 16


def meta_test(
    colour: NDArray[np.float32],
    *,
    initialization: Initialization,
    degradation: Degradation,
    steps: int = 10,
    budget: float | None = None,
    noise_std: float = 0.0,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: Callable[[AdaptationProgress], None] | None = None,
) -> Fit:
    """Adapt an initialization to an image.

    Args:
        colour: (H, W, 3), [0, 1].
        initialization: not changed.
        degradation: assumed to have made the image from HR; linear.
        steps: 0 returns the initialization itself.
        budget: seconds, after which no further step begins.
        noise_std: of noise on the downscaled copy, in [0, 1].
        seed: of that noise.
        device: where it trains; the network is returned on the CPU.
        progress: called for the initialization and after each step.

    Returns:
        The network with the least loss, also when Ctrl-C interrupts. The same arguments give the same network on the
        same CPU with the same number of threads, when no budget ends it. ``stopped`` is ``diverged`` when the loss
        became infinite or NaN.
    """
    begun = time.monotonic()
    network = copy.deepcopy(initialization.network).eval()
    if initialization.kernel_conditioned and isinstance(network, ContextPlain):
        code = network.code_of(degradation.blur_covariance(scale=network.scale), scale=network.scale)
        network.code.data.copy_(torch.tensor(code))
    network.to(device)
    for name, parameter in network.named_parameters():  # gradients that are not used are not computed
        parameter.requires_grad_(initialization.trains(name))
    side = _MAX_SIDE if initialization.max_side is None else initialization.max_side
    target = select_crops(colour, max_side=side, multiple=network.scale * network.multiple).to(device)
    make = make_input if network.pre_upsampled else downscale_crop
    factors = (float(network.scale), float(network.scale))
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        lr = make(target, degradation=degradation, factors=factors, noise_std=noise_std, rng=rng)
    least, psnrs, best, done, stopped = math.inf, [math.nan], None, 0, "steps"
    try:
        while True:
            last = done == steps or (budget is not None and done > 0 and time.monotonic() - begun >= budget)
            loss, psnr = _loss(network, lr, target, criterion=LOSSES[initialization.loss], train=not last)
            value = float(loss.detach())
            if not math.isfinite(value):
                stopped = "diverged"
                break
            if value < least:
                least, best = value, copy.deepcopy(network.state_dict())
            psnrs.append(psnr)
            if progress is not None:
                rate = _largest_rate(initialization, max(done - 1, 0))
                progress(AdaptationProgress(done, steps, value, rate, psnr, time.monotonic() - begun))
            if last:
                stopped = "steps" if done == steps else "budget"
                break
            if loss.requires_grad:
                loss.backward()  # type: ignore[no-untyped-call]
            _descend(network, initialization, step=done)
            done += 1
    except KeyboardInterrupt:
        stopped = "interrupted"
    if best is not None:
        network.load_state_dict(best)
    return Fit(
        network=network.cpu(),
        steps=done,
        seconds=time.monotonic() - begun,
        stopped=stopped,
        psnr=max(psnrs[1:], default=math.nan),
        initial_psnr=psnrs[min(1, len(psnrs) - 1)],
        method=initialization.name,
    )


def select_crops(colour: NDArray[np.float32], *, max_side: int, multiple: int) -> Tensor:
    """Select the training targets of an image: all of it, or sixteen windows of its more detailed half.

    The learning rates were learned for the gradients of average patches, and the most detailed windows alone have
    larger ones; so the windows are spread evenly over the upper half of the ranking by detail.

    Args:
        colour: (H, W, 3), [0, 1].
        max_side: an image of at most ``max_side**2`` pixels is used whole.
        multiple: height and width of the result are multiples of it; pixels at the right and the lower border may be
            left out.

    Returns:
        (N, 3, h, w).
    """
    planes = torch.from_numpy(np.ascontiguousarray(colour.transpose(2, 0, 1)))
    height, width = (side - side % multiple for side in colour.shape[:2])
    if height * width <= max_side**2:
        return planes[None, :, :height, :width]
    side = max(max_side // math.isqrt(_CROPS) // multiple, 1) * multiple
    rows, columns = min(side, height), min(side, width)
    count = max(1, min(max_side**2 // (rows * columns), (height // rows) * (width // columns)))
    windows = [
        planes[:, top : top + rows, left : left + columns]
        for top in range(0, height - rows + 1, rows)
        for left in range(0, width - columns + 1, columns)
    ]
    windows.sort(key=_detail, reverse=True)
    ranks = np.linspace(0, max(len(windows) // 2, count) - 1, count).round().astype(int)
    return torch.stack([windows[rank] for rank in ranks])


def _detail(window: Tensor) -> float:
    """Return the mean contrast between neighbouring pixels."""
    return float(window.diff(dim=1).abs().mean() + window.diff(dim=2).abs().mean())


def _loss(
    network: torch.nn.Module,
    lr: Tensor,
    target: Tensor,
    *,
    criterion: Callable[[Tensor, Tensor], Tensor],
    train: bool,
) -> tuple[Tensor, float]:
    """Return the loss, with a gradient when ``train``, and the PSNR of the reconstruction in dB."""
    with torch.set_grad_enabled(train):
        sr = network(lr)
        loss = criterion(sr, target)
    error = float((sr.detach().clamp(0, 1) - target).square().mean())
    return loss, -10 * math.log10(max(error, 1e-12)) if math.isfinite(error) else math.nan


@torch.no_grad()
def _descend(network: torch.nn.Module, initialization: Initialization, *, step: int) -> None:
    for name, parameter in network.named_parameters():
        if parameter.grad is not None:
            parameter.sub_(initialization.rate(name, step) * parameter.grad)
            parameter.grad = None


def _largest_rate(initialization: Initialization, step: int) -> float:
    return max(initialization.rate(name, step) for name, _ in initialization.network.named_parameters())
