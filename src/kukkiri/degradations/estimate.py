"""A blur kernel of any shape, from patches that recur across the scales of the low-resolution image.

Michaeli & Irani, "Nonparametric Blind Super-Resolution", ICCV 2013. Small patches of a natural image
recur in it at other scales: a structure that is small at one place is large at another. The kernel k with which
the blurred and subsampled image holds the same patches as the image itself is the kernel that super-resolution
needs. The objective, over k and over weights w_ij >= 0 (w_ij: the large patch r_j is the parent of the small
patch q_i; R_j k: r_j blurred by k and subsampled), is

    sum_i sum_j w_ij |q_i - R_j k|^2 / sigma^2  +  smoothness |C k|^2,     sum_j w_ij = 1,

C the differences of neighbouring weights. It is minimized by alternation, from a delta:

1. subsample the image by the present k; find the nearest neighbours R_j k of every q_i;
2. w_ij = exp(-|q_i - R_j k|^2 / (2 sigma^2)), normalized over j;
3. k = the minimizer of the objective for these weights, a quadratic problem.

The patches of the downscaled image overlap, so the quadratic form of step 3 is gathered pixel by pixel,
without forming any R_j. Differs from the paper: the mean of a patch is subtracted before it
is compared, so that contrast decides; k >= 0, with sum 1 (step 3 is projected, accelerated gradient
descent); the smoothness is relative to the data's own weight; patches are 3x3 unless asked (the paper's
5x5 recur less often, and their false matches make the kernel too wide); neighbours are searched exactly,
in blocks of a matrix product.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.alignment import centre_kernel, crop_kernel
from kukkiri.degradations.blur_kernels import Kernel
from kukkiri.degradations.estimate_gaussian import estimation_luma

__all__ = ["KernelEstimate", "estimate_kernel"]

Float32 = NDArray[np.float32]
_NEIGHBOURS = 5
_SIGMA = 10 / 255
_TEXTURED = 0.25  # share of the patches, those with the most contrast, that queries are sampled from
_SUM_WEIGHT = 10.0  # of (sum k - 1)^2, in units of the data's weight
_NEGLIGIBLE = 0.02  # weights below this share of the largest are dropped at the end


@dataclass(frozen=True, eq=False)
class KernelEstimate:
    """A kernel, and the distances of the patches that it leaves."""

    kernel: Kernel
    """(size, size), non-negative, sums to 1, its centre of mass in the middle."""
    distances: tuple[float, ...]
    """For each iteration, the mean squared distance of a patch to its nearest neighbour over the patch's energy."""


def estimate_kernel(
    lr: NDArray[np.uint8 | np.floating[Any]],
    *,
    scale: int,
    size: int | None = None,
    iterations: int = 20,
    patch: int = 3,
    patches: int = 600,
    smoothness: float = 0.03,
    side: int = 256,
    seed: int = 0,
) -> KernelEstimate:
    """Estimate a blur kernel without knowing its form.

    Args:
        lr: (H, W) or (H, W, 3): uint8, or floats in [0, 1].
        scale: HR pixels for one LR pixel along a side; 2 or 3, and 4 with a large image.
        size: odd side of the kernel in HR pixels; by default 4 scale + 5.
        iterations: of the alternation; the paper needs about 15.
        patch: side of a patch in LR pixels; the paper's is 5.
        patches: number of patches whose parents are searched, sampled from the quarter with the most contrast.
        smoothness: of the kernel, against the data.
        side: LR pixels; larger images are cropped to their most textured window of this side.
        seed: of the sampling.

    Returns:
        The kernel, centred: a shift of the whole image leaves no trace in its patches. For an image on
        the bicubic grid, see :func:`kukkiri.degradations.align_kernel`.

    Raises:
        ImageError: the image is too small or has no texture.
    """
    if scale < 2:
        raise ValueError(f"scale must be at least 2, got {scale}")
    size = 4 * scale + 5 if size is None else size
    if size < 3 or size % 2 == 0:
        raise ValueError(f"size must be odd and at least 3, got {size}")
    luma = estimation_luma(lr, smallest=size + scale * (patch + 11)).astype(np.float32)
    search = _Search(_most_textured(luma, side), scale=scale, size=size, patch=patch, patches=patches, seed=seed)
    differences = _differences(size)
    kernel = np.zeros(size * size)
    kernel[kernel.size // 2] = 1.0
    distances = []
    for _ in range(iterations):
        form, linear, distance = search.quadratic(kernel)
        distances.append(distance)
        weight = np.trace(form) / kernel.size
        form += weight * (smoothness * differences + _SUM_WEIGHT)
        kernel = _minimize(form, linear + weight * _SUM_WEIGHT, kernel)
    square = kernel.reshape(size, size)
    square = np.where(square < _NEGLIGIBLE * square.max(), 0.0, square)
    centred = np.maximum(crop_kernel(centre_kernel(square / square.sum()), size=size), 0.0)
    return KernelEstimate(centred / centred.sum(), tuple(distances))


class _Search:
    """Patches of an image as queries, and the pixels of its downscaled copy as candidates."""

    def __init__(self, luma: Float32, *, scale: int, size: int, patch: int, patches: int, seed: int) -> None:
        windows = np.lib.stride_tricks.sliding_window_view(luma, (size, size))[::scale, ::scale]
        height, width = windows.shape[:2]
        self.windows = np.ascontiguousarray(windows.reshape(height * width, size * size))
        """One row for each pixel of the downscaled image: the HR pixels that it is made of."""
        first = np.arange(height - patch + 1)[:, None] * width + np.arange(width - patch + 1)
        self.corners = first.ravel()
        self.inside = (np.arange(patch)[:, None] * width + np.arange(patch)).ravel()
        queries = np.lib.stride_tricks.sliding_window_view(luma, (patch, patch)).reshape(-1, patch**2)
        queries = queries - queries.mean(axis=1, keepdims=True)
        energy = (queries * queries).sum(axis=1)
        eligible = np.argsort(-energy, kind="stable")[: max(patches, int(_TEXTURED * len(energy)))]
        chosen = np.random.default_rng(seed).choice(eligible, min(patches, len(eligible)), replace=False)
        self.queries, self.energy = queries[chosen], energy[chosen]

    def quadratic(self, kernel: Kernel) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Steps 1 and 2, and the form A and vector b of step 3, whose k minimizes k A k / 2 - b k."""
        downscaled = self.windows @ kernel.astype(np.float32)
        candidates = downscaled[self.corners[:, None] + self.inside]
        candidates -= candidates.mean(axis=1, keepdims=True)
        squared, place = _nearest(self.queries, candidates, count=min(_NEIGHBOURS, len(candidates)))
        weights = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / (2 * _SIGMA**2))
        weights /= weights.sum(axis=1, keepdims=True)
        pixels = self.corners[place][..., None] + self.inside
        count, wanted = np.zeros(len(downscaled), dtype=np.float32), np.zeros(len(downscaled), dtype=np.float32)
        np.add.at(count, pixels, weights[..., None])
        np.add.at(wanted, pixels, weights[..., None] * self.queries[:, None, :])
        used = count > 0
        rows = self.windows[used]
        form = (rows * count[used, None]).T @ rows
        parents, which = np.unique(place, return_inverse=True)
        shares = np.bincount(which.ravel(), weights.ravel()).astype(np.float32)
        sums = np.zeros((len(parents), rows.shape[1]), dtype=np.float32)
        for step in self.inside:
            sums += self.windows[self.corners[parents] + step]
        form -= (sums * (shares / len(self.inside))[:, None]).T @ sums  # the mean that was subtracted
        linear = rows.T @ wanted[used]
        distance = float(np.mean(squared.min(axis=1) / np.maximum(self.energy, 1e-12)))
        return form.astype(np.float64), linear.astype(np.float64), distance


def _nearest(queries: Float32, candidates: Float32, *, count: int) -> tuple[Float32, NDArray[np.int64]]:
    """Squared distances and indices of the ``count`` nearest candidates, in no order; exact, in blocks."""
    lengths = (candidates * candidates).sum(axis=1)
    squared = np.empty((len(queries), count), dtype=np.float32)
    place = np.empty((len(queries), count), dtype=np.int64)
    for start in range(0, len(queries), 256):
        block = slice(start, start + 256)
        distances = lengths - 2 * (queries[block] @ candidates.T)
        place[block] = np.argpartition(distances, count - 1, axis=1)[:, :count]
        squared[block] = np.take_along_axis(distances, place[block], axis=1)
    squared += (queries * queries).sum(axis=1, keepdims=True)
    return np.maximum(squared, 0), place


def _most_textured(luma: Float32, side: int) -> Float32:
    """The window of ``side`` with the most gradient energy, on a grid of an eighth of the side."""
    height, width = (min(side, length) for length in luma.shape)
    energy = np.zeros(luma.shape, dtype=np.float64)
    energy[1:] += np.diff(luma, axis=0) ** 2
    energy[:, 1:] += np.diff(luma, axis=1) ** 2
    table = np.pad(energy.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums = table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]
    step = max(side // 8, 1)
    row, column = np.unravel_index(int(np.argmax(sums[::step, ::step])), sums[::step, ::step].shape)
    return luma[row * step : row * step + height, column * step : column * step + width]


def _differences(size: int) -> NDArray[np.float64]:
    """C^T C: squared differences of neighbours, zero outside."""
    line = 2 * np.eye(size) - np.eye(size, k=1) - np.eye(size, k=-1)
    return np.asarray(np.kron(line, np.eye(size)) + np.kron(np.eye(size), line))


def _minimize(form: NDArray[np.float64], linear: NDArray[np.float64], initial: Kernel, *, steps: int = 300) -> Kernel:
    """Projected gradient descent on k A k / 2 - b k over k >= 0, with Nesterov's acceleration."""
    rate = 1 / np.linalg.eigvalsh(form)[-1]
    kernel, ahead, momentum = initial, initial, 1.0
    for _ in range(steps):
        following = np.maximum(ahead - rate * (form @ ahead - linear), 0.0)
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = following + (momentum - 1) / next_momentum * (following - kernel)
        kernel, momentum = following, next_momentum
    return kernel
