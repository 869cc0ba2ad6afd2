"""Noise of an image, estimated where it is flat, as a function of the brightness; and the grid that JPEG leaves.

The Haar transform of 2x2 pixels has one diagonal detail, in which white noise keeps its variance and smooth structure
all but vanishes. Blocks of 8x8 pixels are called flat by their *other* coefficients (the means of 2x2 pixels and their
differences), whose noise is independent of the diagonal one, so that the choice does not bias the variance. It is
gathered by brightness, and a line is fitted: variance = constant + slope * brightness, Poisson-Gaussian noise (Foi et
al., "Practical Poissonian-Gaussian Noise Modeling and Fitting", TIP 2008; wavelet MAD: Donoho and Johnstone, 1994).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images import rgb_to_y

__all__ = ["NoiseEstimate", "estimate_noise", "find_jpeg_grid"]

Float64 = NDArray[np.float64]
_BLOCK = 4  # Haar coefficients along a side of a block
_FLAT = 0.1  # share of the blocks of a brightness that are taken for flat
_LEAST = 12  # blocks
_LEVELS = 8  # of brightness
_MAD = 1.4826**2  # from the squared median of |x| to the variance
_ROUNDING = 1 / 12 / 255**2  # variance of rounding to 8 bit, which is no noise
_PASSES = 3
_CLIPPED = 2.0  # standard deviations from black and white up to which clipping has taken a part of the noise
_EDGE = 0.015
_TYPICAL = 30  # percentile of the levels' variances: texture only adds
_GRID = 8
_GRID_SIDE = 256  # pixels of the part that is looked at
_FINE = 7  # sum of the two frequencies from which a coefficient is fine
_ZERO = 1.0  # levels: rounding to 8 bit leaves about 0.3 of a zero
_GRID_SEEN = 0.03  # share of fine coefficients that are zero on the grid only


@dataclass(frozen=True)
class NoiseEstimate:
    """White noise whose variance is a line of the brightness."""

    constant: float
    """Variance at black, in units of white squared."""
    slope: float
    """Growth of the variance from black to white; 0 where too few brightnesses have flat parts."""
    noise_std: float
    """Standard deviation at the mean brightness of the image, in [0, 1]: the number that solvers take."""
    blocks: int
    """Flat blocks that it was measured in."""

    def std_at(self, brightness: float) -> float:
        """Standard deviation at a brightness in [0, 1]."""
        return math.sqrt(max(self.constant + self.slope * brightness, 0.0))

    def __str__(self) -> str:
        levels = f"{255 * self.noise_std:.1f} of 255 levels"
        dark, light = 255 * self.std_at(0.1), 255 * self.std_at(0.9)
        if abs(light - dark) < 0.5:
            return f"noise of {levels}"
        return f"noise of {levels} ({dark:.1f} in the dark, {light:.1f} in the light)"


def estimate_noise(image: NDArray[np.uint8 | np.floating[Any]]) -> NoiseEstimate:
    """Estimate the white noise of an image; the channels are taken to have the same.

    Args:
        image: (H, W) or (H, W, C): uint8, or floats in [0, 1]; at least 64 pixels high and wide. Not one that was
            compressed with loss, which removes noise, or was denoised: both leave less than an enlarged image shows.

    Raises:
        ImageError: the image is too small.
    """
    floats = image.astype(np.float64) / (255.0 if image.dtype == np.uint8 else 1.0)
    planes = floats[..., None] if floats.ndim == 2 else floats
    if min(planes.shape[:2]) < 64:
        raise ImageError(
            f"noise cannot be estimated from {planes.shape[1]}x{planes.shape[0]} pixels, expected at least 64x64. Use "
            "a larger image, or give the noise."
        )
    parts = [_list_blocks(planes[..., channel]) for channel in range(planes.shape[2])]
    brightness, activity, diagonal = (np.concatenate(each) for each in zip(*parts, strict=True))
    floor = _ROUNDING if image.dtype == np.uint8 else 0.0
    found = NoiseEstimate(0.0, 0.0, 0.0, 0)
    for _ in range(_PASSES):
        margin = _CLIPPED * found.noise_std + _EDGE
        inside = (brightness > margin) & (brightness < 1 - margin)
        centres, variances, counts = _measure_levels(brightness[inside], activity[inside], diagonal[inside])
        if not len(centres):
            break
        constant, slope = _fit_line(centres, np.maximum(variances - floor, 0.0), counts)
        std = math.sqrt(max(constant + slope * float(planes.mean()), 0.0))
        found = NoiseEstimate(constant, slope, std, int(counts.sum()))
    return found


def find_jpeg_grid(image: NDArray[np.uint8 | np.floating[Any]]) -> tuple[int, int] | None:
    """Find the grid of 8x8 blocks that JPEG leaves in an image, whatever file it is in now.

    JPEG sets most of the fine coefficients of its blocks to zero; of blocks that lie otherwise they are not.

    Args:
        image: (H, W) or (H, W, C): uint8, or floats in [0, 1]; at least 64 pixels high and wide, as a smaller one has
            none.

    Returns:
        Row and column of its first lines, 0 to 7; ``None`` where there is none, or it was scaled away.
    """
    floats = image.astype(np.float64) * (1.0 if image.dtype == np.uint8 else 255.0)
    luma = floats if floats.ndim == 2 else rgb_to_y(floats / 255) * 255 if floats.shape[2] == 3 else floats[..., 0]
    if min(luma.shape) < 64:
        return None
    top, left = ((side - min(side, _GRID_SIDE)) // 2 // _GRID * _GRID for side in luma.shape)
    part = luma[top : top + _GRID_SIDE, left : left + _GRID_SIDE]
    frequency = np.arange(_GRID)
    transform = np.cos(np.pi * np.outer(frequency, 2 * frequency + 1) / (2 * _GRID)) / 2
    transform[0] /= math.sqrt(2)
    fine = frequency[:, None] + frequency >= _FINE
    shares = np.zeros((_GRID, _GRID))
    for row, column in np.ndindex(_GRID, _GRID):
        height, width = ((side - start) // _GRID for side, start in zip(part.shape, (row, column), strict=True))
        cut = part[row : row + height * _GRID, column : column + width * _GRID]
        blocks = cut.reshape(height, _GRID, width, _GRID).swapaxes(1, 2)
        shares[row, column] = (np.abs(transform @ blocks @ transform.T)[..., fine] < _ZERO).mean()
    best = np.unravel_index(int(np.argmax(shares)), shares.shape)
    others = np.delete(shares.ravel(), np.ravel_multi_index(best, shares.shape))
    if shares[best] - others.mean() < _GRID_SEEN or shares[best] - others.max() < _GRID_SEEN / 2:
        return None
    return int(best[0]), int(best[1])


def _list_blocks(plane: Float64) -> tuple[Float64, Float64, Float64]:
    """Brightness, activity and the diagonal coefficients of every block, (N,), (N,) and (N, 16)."""
    height, width = (side // (2 * _BLOCK) * 2 * _BLOCK for side in plane.shape)
    a, b, c, d = (plane[row:height:2, column:width:2] for row in (0, 1) for column in (0, 1))
    mean, across, down, diagonal = (a + b + c + d) / 2, (a - b + c - d) / 2, (a + b - c - d) / 2, (a - b - c + d) / 2

    def blocks(values: Float64) -> Float64:
        rows, columns = values.shape[0] // _BLOCK, values.shape[1] // _BLOCK
        split = values.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2)
        return np.asarray(split.reshape(-1, _BLOCK * _BLOCK))

    means = blocks(mean)
    activity = means.var(axis=1) + (blocks(across) ** 2).mean(axis=1) + (blocks(down) ** 2).mean(axis=1)
    return means.mean(axis=1) / 2, activity, blocks(diagonal)


def _measure_levels(brightness: Float64, activity: Float64, diagonal: Float64) -> tuple[Float64, Float64, Float64]:
    """Variance of the noise in the flattest blocks of each brightness: its centre, the variance, and how many."""
    centres, variances, counts = [], [], []
    order = np.argsort(brightness, kind="stable")
    for chosen in np.array_split(order, _LEVELS):
        take = max(int(_FLAT * len(chosen)), _LEAST)
        if len(chosen) < 2 * _LEAST:
            continue
        flat = chosen[np.argsort(activity[chosen], kind="stable")[:take]]
        values = diagonal[flat]
        robust = _MAD * float(np.median(np.abs(values))) ** 2
        plain = float((values**2).mean())
        centres.append(float(brightness[flat].mean()))
        variances.append(plain if plain < 1.3 * robust or robust == 0 else robust)  # coarse levels make medians jump
        counts.append(float(len(flat)))
    return np.array(centres), np.array(variances), np.array(counts)


def _fit_line(x: Float64, y: Float64, counts: Float64) -> tuple[float, float]:
    """Weighted by what the levels' variances are sure of; texture only adds, so levels far above are left out."""
    typical = float(np.percentile(y, _TYPICAL))
    kept = y <= 4 * typical + 1e-12
    x, y, counts = x[kept], y[kept], counts[kept]
    if len(x) < 3 or np.ptp(x) < 0.2:
        return typical, 0.0
    weights = np.sqrt(counts) / np.maximum(y, 0.2 * typical + 1e-12)
    rows = np.stack([np.ones_like(x), x], axis=1) * weights[:, None]
    constant, slope = np.linalg.lstsq(rows, y * weights, rcond=None)[0]
    if slope < 0:  # noise of a sensor grows with the light
        return float(np.average(y, weights=weights**2)), 0.0
    if constant < 0:
        return 0.0, float((weights**2 * x * y).sum() / (weights**2 * x * x).sum())
    return float(constant), float(slope)
