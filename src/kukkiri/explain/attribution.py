"""Local attribution maps: the input pixels that a region of the output depends on, and the diffusion index (torch)."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kukkiri.errors import ConfigError, ImageError
from kukkiri.explain.figures import make_figure, save_figure
from kukkiri.explain.network_io import refuse_conditions, to_tensor, upscale_tensor
from kukkiri.networks import Network

__all__ = ["Attribution", "Box", "attribute", "detect", "diffusion_index", "draw_attribution"]

Box = tuple[int, int, int, int]
"""(left, top, width, height) in pixels of the output."""

_FLAT = 1e-12  # below the square of any visible step; the root's gradient at zero is infinite


@dataclass(frozen=True)
class Attribution:
    """The share of each input pixel in a region of the output."""

    map: NDArray[np.float64]
    """(H, W) of the LR image: the change of the region's gradients that the pixel brings, summed over colours."""
    change: float
    """The detector's value for the image minus that for the blurred one; ``map`` sums to it."""

    @property
    def diffusion_index(self) -> float:
        """See :func:`diffusion_index`."""
        return diffusion_index(self.map)


def attribute(
    network: Network,
    lr: NDArray[np.float32],
    *,
    box: Box,
    sigma: float = 1.2,
    kernel_size: int = 9,
    steps: int = 50,
    margin: int | None = 96,
) -> Attribution:
    """Compute the local attribution map of a box of the output.

    The detector D is the sum of |gradient| over the box. The map is the integral of D's derivatives along a path
    of images from a Gaussian blur to the image itself, so that it shows the source of detail, not of brightness:
    map = sum_i dD/dI(I_i) (I_{i+1} - I_i), summed over the colours.

    Args:
        network: in evaluation mode.
        lr: (H, W, 1 or 3), [0, 1]; grey and RGB are converted to what the network takes.
        box: (left, top, width, height), in pixels of the output; the authors take 16 x 16.
        sigma: of the strongest blur, in LR pixels.
        kernel_size: of the blur, odd; the image is mirrored at its border.
        steps: of the path; derivatives are taken in the middle of each.
        margin: LR pixels around the box that the network is given; ``None`` for the whole image. The rest of
            the map is zero, as it is beyond the receptive field of the network anyway.

    Raises:
        ConfigError: the box is not inside the output, or is empty.
        ImageError: the pixels that the network is given are fewer than the blur needs.
        ModelError: the network needs more than the image.

    Reference: Gu & Dong, "Interpreting Super-Resolution Networks with Local Attribution Maps", CVPR 2021,
    arXiv:2011.11036; sigma, kernel_size and steps are those of the authors' code, which takes derivatives at
    the end of each step.
    """
    refuse_conditions(network)
    left, top, width, height = box
    scale, (h, w) = network.scale, lr.shape[:2]
    inside = left >= 0 and top >= 0 and left + width <= scale * w and top + height <= scale * h
    if not inside or width < 1 or height < 1:
        raise ConfigError(
            f"box {left},{top},{width},{height} is not inside the output of {scale * w}x{scale * h} pixels. "
            "Give LEFT,TOP,WIDTH,HEIGHT in output pixels."
        )
    rows = _window(top, height, size=h, scale=scale, margin=margin, multiple=network.multiple)
    columns = _window(left, width, size=w, scale=scale, margin=margin, multiple=network.multiple)
    seen = to_tensor(network, lr[rows, columns])
    shifted = (left - scale * columns.start, top - scale * rows.start, width, height)
    least = kernel_size // 2 + 1
    if min(seen.shape[2:]) < least:
        raise ImageError(
            f"the box with its margin is {seen.shape[3]}x{seen.shape[2]} input pixels, too few for a blur of "
            f"{kernel_size}x{kernel_size}: each side needs at least {least}. Use a larger box, margin or image."
        )
    path = _blurring_path(seen, sigma=sigma, kernel_size=kernel_size, steps=steps)
    total = torch.zeros(seen.shape, dtype=torch.float64)  # on the CPU: Apple's GPUs have no float64
    for before, after in pairwise(path):
        middle = ((before + after) / 2).requires_grad_()
        (gradient,) = torch.autograd.grad(detect(upscale_tensor(network, middle), shifted), middle)
        total += gradient.cpu().double() * (after - before).cpu().double()
    with torch.no_grad():
        ends = [float(detect(upscale_tensor(network, end), shifted)) for end in (path[0], path[-1])]
    result = np.zeros((h, w))
    result[rows, columns] = total[0].sum(dim=0).numpy()
    return Attribution(map=result, change=ends[1] - ends[0])


def detect(sr: Tensor, box: Box) -> Tensor:
    """Sum |(difference downwards, difference rightwards)| over a box and the channels."""
    left, top, width, height = box
    down = sr[..., 1:, :-1] - sr[..., :-1, :-1]
    right = sr[..., :-1, 1:] - sr[..., :-1, :-1]
    steepness = (down.square() + right.square() + _FLAT).sqrt()
    return steepness[..., top : top + height, left : left + width].sum()


def diffusion_index(attributions: NDArray[np.floating]) -> float:
    """100 (1 - Gini coefficient) of |attributions|: 100 when all pixels have equal shares, near 0 when one has all.

    Reference: Gu & Dong, CVPR 2021, section 4.3; a map of zeros gives 0.
    """
    sizes = np.sort(np.abs(attributions), axis=None).astype(np.float64)
    total, count = sizes.sum(), sizes.size
    if total == 0:
        return 0.0
    ranks = np.arange(1, count + 1)
    gini = ((2 * ranks - count - 1) * sizes).sum() / (count * total)
    return float(100 * (1 - gini))


def _window(start: int, length: int, *, size: int, scale: int, margin: int | None, multiple: int) -> slice:
    """LR pixels from ``margin`` before the box to ``margin`` after it; their number is a multiple of ``multiple``."""
    if margin is None:
        return slice(0, size - size % multiple)
    first = max(0, start // scale - margin)
    last = min(size, -(-(start + length) // scale) + margin)
    first -= min(first, (first - last) % multiple)
    return slice(first, last - (last - first) % multiple)


def _blurring_path(lr: Tensor, *, sigma: float, kernel_size: int, steps: int) -> list[Tensor]:
    """``steps`` + 1 images whose sigma falls linearly from ``sigma`` to 0."""
    radius = kernel_size // 2
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    channels = lr.shape[1]
    padded = functional.pad(lr, (radius,) * 4, mode="reflect")
    images = []
    for strength in np.linspace(sigma, 0, steps + 1):
        line = torch.exp(-(offsets**2) / (2 * (strength + 1e-5) ** 2))
        line = (line / line.sum()).to(lr)
        kernel = line.outer(line).expand(channels, 1, kernel_size, kernel_size)
        images.append(functional.conv2d(padded, kernel, groups=channels))
    return images


def draw_attribution(
    result: Attribution, lr: NDArray[np.float32], sr: NDArray[np.float32], path: Path, *, box: Box, scale: int
) -> None:
    """Draw the output with the box, the map around the box, and the whole map on a logarithmic scale.

    Args:
        result: of :func:`attribute`.
        lr: (H, W, 1 or 3), [0, 1].
        sr: (scale*H, scale*W, 1 or 3), [0, 1].
        path: of the image.
        box: (left, top, width, height) in pixels of ``sr``.
        scale: of the network.

    Raises:
        BackendError: matplotlib is missing.
    """
    left, top, width, height = box
    figure = make_figure(9.5, 2.7 * lr.shape[0] / lr.shape[1] + 0.6)
    panels = whole, near, far = figure.subplots(1, 3)
    extent = (-0.5, scale * lr.shape[1] - 0.5, scale * lr.shape[0] - 0.5, -0.5)  # the input, as large as the output
    strength = np.abs(result.map) / max(float(np.abs(result.map).max()), 1e-30)
    whole.imshow(_rgb(sr))
    whole.set_title("output and box", fontsize=9)
    near.imshow(lr.mean(axis=2), cmap="gray", vmin=0, vmax=2, extent=extent)
    near.imshow(strength, cmap="inferno", vmin=0, vmax=1, alpha=strength**0.5, extent=extent)
    around = 12 * scale  # most of the map is near the box
    near.set_xlim(max(left - around, 0) - 0.5, min(left + width + around, sr.shape[1]) - 0.5)
    near.set_ylim(min(top + height + around, sr.shape[0]) - 0.5, max(top - around, 0) - 0.5)
    near.set_title(f"attribution; diffusion index {result.diffusion_index:.2f}", fontsize=9)
    with np.errstate(divide="ignore"):
        powers = np.log10(strength)
    drawn = far.imshow(np.where(powers > -8, powers, np.nan), cmap="viridis", vmin=-6, vmax=0, extent=extent)
    figure.colorbar(drawn, ax=far, label="power of ten", shrink=0.8)
    far.set_title("attribution, whole input", fontsize=9)
    right, bottom = left + width - 0.5, top + height - 0.5
    xs, ys = (left - 0.5, right, right, left - 0.5, left - 0.5), (top - 0.5, top - 0.5, bottom, bottom, top - 0.5)
    for axes, colour in zip(panels, ("cyan", "cyan", "red"), strict=True):
        axes.plot(xs, ys, color=colour, linewidth=1)
        axes.set_axis_off()
    save_figure(figure, path)


def _rgb(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(np.broadcast_to(image, (*image.shape[:2], 3)), 0, 1)
