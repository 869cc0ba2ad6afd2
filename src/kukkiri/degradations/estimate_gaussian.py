"""A Gaussian blur, estimated from the power spectrum of LR in a tenth of a second.

Scenes have a power spectrum that falls along every orientation like a power of the frequency, with one
exponent and an amplitude of each orientation's own (Field, JOSA A 4(12), 1987; Torralba & Oliva,
Network 14, 2003). A Gaussian kernel multiplies it by exp(-4 pi^2 f^T V f), subsampling folds it, noise
adds a floor. So the periodogram of LR is fitted, in its logarithm and by least squares, with

    P(f) = sum over aliases g of f:  exp(a(angle g)) |g|^-gamma exp(-4 pi^2 g^T V g / scale^2)  +  noise,

f in cycles per LR pixel, V the covariance in HR pixels squared, a() linear between twelve orientations.
The estimate is the blur of the whole way from a scene of unlimited sharpness: that of the lens and of bicubic
subsampling included. A power spectrum does not depend on a shift, so the kernel is centred.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.blur_kernels import Kernel, gaussian_kernel
from kukkiri.degradations.least_squares import LeastSquares, fit_least_squares
from kukkiri.errors import ImageError
from kukkiri.images import rgb_to_y

__all__ = [
    "BLOCK",
    "LEAST_LOG_NOISE",
    "QUANTIZATION",
    "GaussianEstimate",
    "estimate_gaussian",
    "estimation_luma",
    "find_periodogram",
]

Float64 = NDArray[np.float64]
BLOCK = 64
"""Side of the blocks of the periodogram in LR pixels."""
_ORIENTATIONS = 12
_LOWEST = 2 / BLOCK  # below it the window leaks, and a block holds less than two periods
_INITIAL_BELOW = 0.4  # of the frequencies for the linear initial fit: aliases and noise are weak there
_SMALLEST_VARIANCE = 0.05
_FEW = 256  # pixels of the shorter side below which blocks that overlap by three quarters tell more than by half
QUANTIZATION = 1 / 12 / 255**2
"""Variance of rounding to 8 bit."""
LEAST_LOG_NOISE = math.log(1e-9)
"""Logarithm of the least variance of noise that a fit takes."""


@dataclass(frozen=True)
class GaussianEstimate:
    """A Gaussian kernel, and the other parameters of the fitted spectrum."""

    variance: float
    """The larger eigenvalue of the covariance, HR pixels squared."""
    second: float
    """The smaller one."""
    angle: float
    """Of the first axis, radians, in (-pi/2, pi/2]."""
    noise_std: float
    """Of white noise in the luma of LR, in [0, 1]; at least that of rounding when LR is 8 bit."""
    exponent: float
    """gamma: about 2 to 3 for photographs."""
    standard_error: float = math.inf
    """Of an entry of the covariance, HR pixels squared, from the residuals of the fit; a wrong model is not in it."""

    def kernel(self, *, size: int = 21) -> Kernel:
        """The kernel, centred: for direct subsampling, see :func:`kukkiri.degradations.align_kernel`."""
        return gaussian_kernel(self.variance, self.second, self.angle, size=size)

    def __str__(self) -> str:
        return f"gaussian:{self.variance:.3g},{self.second:.3g},{self.angle:.3g}"


def estimate_gaussian(lr: NDArray[np.uint8 | np.floating[Any]], *, scale: int) -> GaussianEstimate:
    """Estimate an anisotropic Gaussian blur.

    Args:
        lr: (H, W) or (H, W, 3): uint8, or floats in [0, 1]; at least 64 pixels high and wide. Not
            for JPEG, which removes the frequencies that are fitted: the estimate of a wide blur is then too narrow.
        scale: HR pixels for one LR pixel along a side.

    Returns:
        The estimate for direct subsampling; variances below 0.05, which do not blur, are set to 0.05.

    Raises:
        ImageError: the image is too small, or has one colour.
    """
    if scale < 1:
        raise ValueError(f"scale must be at least 1, got {scale}")
    luma = estimation_luma(lr, smallest=BLOCK)
    model = _Model(find_periodogram(luma), scale=scale)
    found = model.fit()
    exponent, xx, xy, yy, noise = found.parameters[_ORIENTATIONS:]
    errors = found.find_errors()[_ORIENTATIONS + 1 : _ORIENTATIONS + 4]
    (second, first), axes = np.linalg.eigh([[xx, xy], [xy, yy]])
    angle = math.atan2(axes[1, 1], axes[0, 1])
    return GaussianEstimate(
        variance=max(float(first), _SMALLEST_VARIANCE),
        second=max(float(second), _SMALLEST_VARIANCE),
        angle=angle - math.pi * round(angle / math.pi),
        noise_std=math.exp(noise / 2),
        exponent=float(exponent),
        standard_error=math.sqrt(float((errors**2).mean())),
    )


def estimation_luma(lr: NDArray[np.uint8 | np.floating[Any]], *, smallest: int) -> Float64:
    """The luma of LR in [0, 1], (H, W), float64.

    Raises:
        ImageError: another shape or dtype, values that are not finite, a side below ``smallest``, or one colour.
    """
    channels = lr.shape[2] if lr.ndim == 3 else 1
    floating = np.issubdtype(lr.dtype, np.floating)
    if lr.ndim not in (2, 3) or channels not in (1, 3) or not (floating or lr.dtype == np.uint8):
        raise ImageError(
            f"got an array of shape {lr.shape} and dtype {lr.dtype}, expected (H, W) or (H, W, 1 or 3) of uint8 or of "
            "floats in [0, 1]. Convert the image first, without its alpha channel."
        )
    if not np.isfinite(lr).all():
        raise ImageError("the image holds values that are not finite, expected [0, 1]. Replace them first.")
    floats: Float64 = lr.astype(np.float64) / (255.0 if lr.dtype == np.uint8 else 1.0)
    if floats.ndim == 3:
        floats = rgb_to_y(floats) if channels == 3 else floats[..., 0]
    if min(floats.shape) < smallest:
        raise ImageError(
            f"a kernel cannot be estimated from {floats.shape[1]}x{floats.shape[0]} pixels, expected at least "
            f"{smallest}x{smallest}. Use a larger image, or give the kernel."
        )
    if np.ptp(floats) == 0:
        raise ImageError("a kernel cannot be estimated from an image of one colour. Give the kernel.")
    return floats


def find_periodogram(luma: Float64) -> Float64:
    """Mean over overlapping blocks under a Hann window; white noise of variance v gives v everywhere.

    The blocks reach every border, and lie closer together in an image that holds few of them.
    """
    ramp = np.sin(np.pi * (np.arange(BLOCK) + 0.5) / BLOCK) ** 2
    window = np.outer(ramp, ramp)
    total = np.zeros((BLOCK, BLOCK))
    rows, columns = (_place_blocks(length, step=_find_step(luma.shape)) for length in luma.shape)
    for row, column in itertools.product(rows, columns):
        block = luma[row : row + BLOCK, column : column + BLOCK]
        centred = block - (block * window).sum() / window.sum()
        total += np.abs(np.fft.fft2(centred * window)) ** 2
    count = len(rows) * len(columns)
    return np.asarray(np.maximum(total / (count * (window**2).sum()), 1e-12))


def _find_step(shape: tuple[int, ...]) -> int:
    return BLOCK // 4 if min(shape) < _FEW else BLOCK // 2


def _place_blocks(length: int, *, step: int) -> list[int]:
    """The first pixels of blocks from border to border, at most ``step`` apart."""
    count = math.ceil((length - BLOCK) / step) + 1
    return [round(place) for place in np.linspace(0, length - BLOCK, count)]


class _Model:
    """The spectrum as a function of its parameters: a(), gamma, V (xx, xy, yy), log noise."""

    def __init__(self, spectrum: Float64, *, scale: int) -> None:
        axis = np.fft.fftfreq(BLOCK)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        half = (np.hypot(x, y) >= _LOWEST) & ((y > 0) | ((y == 0) & (x > 0)))
        self.target = np.log(spectrum[half])
        aliases = sorted(np.ndindex(3, 3), key=lambda place: place != (1, 1))  # the frequency itself comes first
        x, y = (np.stack([part[half] + place[along] - 1 for place in aliases]) for along, part in ((1, x), (0, y)))
        position = np.mod(np.arctan2(y, x) / np.pi * _ORIENTATIONS, _ORIENTATIONS)
        before = np.floor(position).astype(np.int64) % _ORIENTATIONS
        share = position - np.floor(position)
        damping = -4 * np.pi**2 / scale**2
        # the logarithm of each alias is linear in the parameters: (aliases, frequencies, parameters)
        self.rows = np.zeros((*x.shape, _ORIENTATIONS + 4))
        np.put_along_axis(self.rows, before[..., None], (1 - share)[..., None], axis=2)
        after = ((before + 1) % _ORIENTATIONS)[..., None]
        np.put_along_axis(self.rows, after, share[..., None], axis=2)
        parts = (-np.log(np.hypot(x, y)), damping * x**2, damping * 2 * x * y, damping * y**2)
        for place, part in enumerate(parts, _ORIENTATIONS):
            self.rows[..., place] = part
        self.low = np.hypot(x[0], y[0]) < _INITIAL_BELOW

    def fit(self) -> LeastSquares:
        initial = np.linalg.lstsq(self.rows[0][self.low], self.target[self.low], rcond=None)[0]
        free = np.full(initial.size, np.inf)
        return fit_least_squares(
            self._at,
            np.append(initial, math.log(QUANTIZATION)),
            lower=np.append(-free, LEAST_LOG_NOISE),
            upper=np.append(free, self.target.max()),
            iterations=40,
            tolerance=1e-8,
        )

    def _at(self, parameters: Float64) -> tuple[Float64, Float64]:
        """Residual of the target, and the derivatives of the model's logarithm."""
        aliases = np.exp(np.clip(self.rows @ parameters[:-1], -60, 60))
        noise = math.exp(parameters[-1])
        total = aliases.sum(axis=0) + noise
        jacobian = np.einsum("af,afp->fp", aliases / total, self.rows)
        return self.target - np.log(total), np.column_stack([jacobian, noise / total])
