"""The power spectrum of a low-resolution image, explained by a blur kernel of any shape.

Scenes have a power spectrum that falls along every orientation like a power of the frequency (Field, JOSA A 4(12),
1987; Torralba & Oliva, Network 14, 2003), as in :mod:`kukkiri.degradations.estimate_gaussian`. A kernel multiplies it
by the square of its transform, subsampling folds it, noise adds a floor, and the window of the periodogram smears it.
So the logarithm of the periodogram of LR is fitted with

    P(f) = W * sum over aliases g of f:  exp(a(angle g)) |g|^-gamma exp(-4 pi^2 v |g|^2) |K(g)|^2  +  noise,

g in cycles per HR pixel up to its Nyquist frequency, K the transform of the kernel, W the Hann window's power
transform, v the variance of a sharp photograph's own softness. The parameters of the scene (a, gamma, noise) and those
of a family of kernels are fitted together; the root mean square of the residuals, the *misfit*, says how well a kernel
explains the image. The zeros of a disk's or a motion's transform cannot be had from a Gaussian.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.blur_kernels import Kernel
from kukkiri.degradations.estimate_gaussian import (
    BLOCK,
    LEAST_LOG_NOISE,
    QUANTIZATION,
    estimation_luma,
    find_periodogram,
)
from kukkiri.degradations.least_squares import fit_least_squares

__all__ = ["SpectrumFit", "SpectrumModel"]

Float64 = NDArray[np.float64]
_ORIENTATIONS = 12
_LOWEST = 2 / BLOCK  # below it the window leaks, and a block holds less than two periods
_INITIAL_BELOW = 0.3  # of the frequencies for the linear initial fit
_SCENE = _ORIENTATIONS + 2
_SOFTNESS = 0.12  # HR pixels squared: variance that photographs show unblurred (FreeVal16, median of the fits)
_SCENE_MISFIT = 0.12
_FLOOR = 1e-8  # of a squared transform, far below any noise


@dataclass(frozen=True, eq=False)
class SpectrumFit:
    """A kernel family fitted to a spectrum."""

    values: tuple[float, ...]
    """Parameters of the family."""
    errors: tuple[float, ...]
    """Their standard errors, from the residuals of the fit; a wrong family is not in them."""
    misfit: float
    """Root mean square of the residuals of the spectrum's natural logarithm."""
    noise_std: float
    """Of white noise in the luma of LR, in [0, 1]; at least about that of rounding when LR is 8 bit."""
    scene: Float64
    """Parameters of the scene, with which another family's fit can begin."""

    @property
    def exponent(self) -> float:
        """gamma: about 2 to 3 for photographs."""
        return float(self.scene[_ORIENTATIONS])


class SpectrumModel:
    """The spectrum of one image; kernels are judged by how well they predict it.

    Attributes:
        expected: misfit of a kernel that is right, from the number of blocks that the spectrum is the mean of, and what
            a scene deviates from a power law however many there are.
    """

    def __init__(self, image: NDArray[np.uint8 | np.floating[Any]], *, scale: int) -> None:
        """Compute the spectrum.

        Args:
            image: (H, W) or (H, W, 1 or 3): uint8, or floats in [0, 1]; at least 64 pixels high and wide.
            scale: HR pixels for one LR pixel along a side.

        Raises:
            ImageError: the image is too small, or has one colour.
        """
        if scale < 1:
            raise ValueError(f"scale must be at least 1, got {scale}")
        luma = estimation_luma(image, smallest=BLOCK)
        spectrum = find_periodogram(luma)
        self.scale = scale
        blocks = luma.size / BLOCK**2
        # the variance of one block's logarithm is 1.6, overlaps of the window add some; no scene is exactly a power law
        self.expected = math.sqrt(1 / (2 * blocks) + _SCENE_MISFIT**2)
        down = np.fft.fftfreq(BLOCK, 1 / BLOCK).astype(np.int64)[:, None]
        across = np.append(np.arange(-1, BLOCK // 2 + 1), 1 - BLOCK // 2)[None]  # a column more on both sides: see W
        radius = np.hypot(down, across) / BLOCK
        inner = (across > 0) | ((across == 0) & (down > 0))
        self._used = (inner & (radius >= _LOWEST))[:, 1:-1]
        self._target = np.log(spectrum[:, across[0, 1:-1]][self._used])
        self._radius = radius[:, 1:-1][self._used]
        self._low = self._used & (radius < _INITIAL_BELOW)[:, 1:-1]
        folds = [(order + 1) // 2 * (-1 if order % 2 else 1) for order in range(scale)]
        rows, columns = (
            np.stack([part + BLOCK * each * np.where(part < 0, -1, 1) for each in folds]) for part in (down, across)
        )
        shape = (scale, scale, BLOCK, across.size)
        y = np.broadcast_to(rows[:, None], shape).reshape(-1, BLOCK, across.size)
        x = np.broadcast_to(columns[None], shape).reshape(-1, BLOCK, across.size)
        self._places = (np.mod(y, BLOCK * scale), np.mod(x, BLOCK * scale))
        self._softness = -4 * np.pi**2 * _SOFTNESS * (x**2 + y**2) / (BLOCK * scale) ** 2
        self._rows = _write_scene(y / BLOCK, x / BLOCK)

    def explain(self, kernel: Kernel, *, scene: Float64 | None = None) -> SpectrumFit:
        """Fit the scene alone, with a kernel that is given; its phase and so its place mean nothing here.

        Args:
            kernel: in HR pixels.
            scene: where the fit begins, see :meth:`fit`.
        """
        return self.fit(lambda: kernel, initial=(), lower=(), upper=(), scene=scene)

    def profile(self, kernel: Kernel, *, bins: int = 24) -> tuple[Float64, Float64, Float64]:
        """Average the image's spectrum and the one that a kernel predicts over rings of frequencies.

        Args:
            kernel: in HR pixels.
            bins: rings from the lowest frequency of the fit to the corner.

        Returns:
            Cycles per LR pixel, then the power of both, each (rings,), of the rings that hold frequencies.
        """
        fit = self.explain(kernel)
        residual, _ = self._at(lambda: kernel, fit.scene, np.empty(0))
        edges = np.linspace(_LOWEST, math.sqrt(0.5) + 1e-9, bins + 1)
        ring = np.digitize(self._radius, edges) - 1
        held = [index for index in range(bins) if (ring == index).any()]
        means = [[each[ring == index].mean() for index in held] for each in (self._target, self._target - residual)]
        observed, predicted = (np.exp(np.array(each)) for each in means)
        return np.array([self._radius[ring == index].mean() for index in held]), observed, predicted

    def fit(
        self,
        make: Callable[..., Kernel],
        *,
        initial: tuple[float, ...],
        lower: tuple[float, ...],
        upper: tuple[float, ...],
        scene: Float64 | None = None,
        iterations: int = 25,
    ) -> SpectrumFit:
        """Fit a family of kernels.

        Args:
            make: a kernel in HR pixels from the parameters.
            initial: parameters to begin with.
            lower: bounds of the parameters.
            upper: bounds of the parameters.
            scene: of another fit, to begin with.
            iterations: at most.
        """
        begin = self._begin(make(*initial)) if scene is None else scene
        free = np.full(_SCENE - 1, np.inf)
        found = fit_least_squares(
            lambda parameters: self._at(make, parameters, np.asarray(upper, dtype=np.float64)),
            np.concatenate([begin, initial]),
            lower=np.concatenate([-free, [LEAST_LOG_NOISE], lower]),
            upper=np.concatenate([free, [self._target.max()], upper]),
            iterations=iterations,
            tolerance=1e-4,
        )
        return SpectrumFit(
            values=tuple(found.parameters[_SCENE:].tolist()),
            errors=tuple(found.find_errors()[_SCENE:].tolist()),
            misfit=found.rms,
            noise_std=math.exp(found.parameters[_SCENE - 1] / 2),
            scene=found.parameters[:_SCENE],
        )

    def _begin(self, kernel: Kernel) -> Float64:
        """Scene parameters by a linear fit to the low frequencies, where aliases and noise are weak."""
        known = self._transform(kernel)[0, :, 1:-1] + self._softness[0, :, 1:-1]
        target = self._target - known[self._used]
        chosen = self._low[self._used]
        rows = self._rows[0, :, 1:-1][self._used]
        found = np.linalg.lstsq(rows[chosen], target[chosen], rcond=None)[0]
        return np.append(found, math.log(QUANTIZATION))

    def _transform(self, kernel: Kernel) -> Float64:
        """Logarithm of the kernel's squared transform at every alias."""
        side = BLOCK * self.scale
        power = np.abs(np.fft.fft2(kernel, (side, side))) ** 2
        return np.log(np.maximum(power, _FLOOR))[self._places]  # type: ignore[no-any-return]

    def _at(self, make: Callable[..., Kernel], parameters: Float64, upper: Float64) -> tuple[Float64, Float64]:
        """Residual of the logarithm, and the derivatives of the model's logarithm."""
        scene, family = parameters[:_SCENE], parameters[_SCENE:]
        transform = self._transform(make(*family))
        aliases = np.exp(np.clip(self._rows @ scene[:-1] + transform + self._softness, -60, 60))
        aliases[0, 0, 1] = aliases[0, 0, 2]  # of the mean, which the periodogram leaves out
        noise = math.exp(scene[-1])
        parts = [np.einsum("afx,afxp->pfx", aliases, self._rows)]
        for index, value in enumerate(family):
            moved = family.copy()
            step = 0.02 * max(abs(value), 0.3)
            moved[index] += step if value + step <= upper[index] else -step
            slope = (self._transform(make(*moved)) - transform) / (moved[index] - value)
            parts.append((aliases * slope).sum(axis=0)[None])
        smeared = _smear(np.concatenate([aliases.sum(axis=0)[None], *parts]))[:, self._used]
        total = smeared[0] + noise
        scene_part, family_part = smeared[1:_SCENE], smeared[_SCENE:]
        derivatives = np.concatenate([scene_part, np.full((1, total.size), noise), family_part]) / total
        return self._target - np.log(total), derivatives.T


def _write_scene(y: Float64, x: Float64) -> Float64:
    """Derivatives of the logarithm of a scene's spectrum: twelve orientations, linear between them, and gamma."""
    radius = np.maximum(np.hypot(x, y), 1 / BLOCK)
    position = np.mod(np.arctan2(y, x) / np.pi * _ORIENTATIONS, _ORIENTATIONS)
    before = np.floor(position).astype(np.int64) % _ORIENTATIONS
    share = (position - np.floor(position))[..., None]
    rows = np.zeros((*x.shape, _ORIENTATIONS + 1))
    np.put_along_axis(rows, before[..., None], 1 - share, axis=-1)
    np.put_along_axis(rows, ((before + 1) % _ORIENTATIONS)[..., None], share, axis=-1)
    rows[..., _ORIENTATIONS] = -np.log(radius)
    return rows


def _smear(planes: Float64) -> Float64:
    """Convolve (N, BLOCK, columns + 2) with a Hann window's power transform: 1/6, 2/3, 1/6 along each axis."""
    down = (2 / 3) * planes + (np.roll(planes, 1, axis=1) + np.roll(planes, -1, axis=1)) / 6
    return np.asarray((2 / 3) * down[..., 1:-1] + (down[..., :-2] + down[..., 2:]) / 6)
