"""Blurs of which only the size shows, and that only roughly: in small images at large scales, and slight ones.

A power spectrum of few blocks hardly tells a blur from a scene of few details. What is known of scenes helps: their
exponents gamma differ little. So the variance v of a round Gaussian gets the probability

    p(v)  ~  misfit(v)^-sharpness  exp(-(gamma(v) - 2.6)^2 / (2 * 0.75^2)),

misfit(v) and gamma(v) from a fit of the scene alone with the Gaussian of that variance. Its mean less half its standard
deviation is the estimate: networks that invert a blur lose much with one that is too wide, and little with one that is
too narrow.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.alignment import kernel_covariance
from kukkiri.degradations.blur_candidates import BlurCandidate, BlurRanking
from kukkiri.degradations.blur_kernels import gaussian_kernel
from kukkiri.degradations.spectrum_model import SpectrumModel

__all__ = ["CautiousBlur", "estimate_cautiously", "is_slight_beside_bicubic", "narrow_slight"]

_VARIANCES = (0.0375, 0.075, 0.125, 0.1875, 0.25, 0.3125, 0.40625, 0.5, 0.625, 0.8125)  # over scale^2
_EXPONENT, _EXPONENT_SPREAD = 2.6, 0.75  # of the scenes in twelve photographs, with their true blurs
_SHARPNESS = 60.0
"""Set so that the standard deviation is what the mean is off by, 1.1 HR pixels squared at x4, on twelve photographs of
360x360 pixels blurred by DIV2KRK's recipe."""
_BLURRED = 0.25
"""Over scale^2: the mean less the standard deviation has to be above it. Of sixteen photographs of 360x360 pixels that
were downscaled to a quarter without a blur none is: they come to 0.05 to 0.25."""
_SLIGHTEST, _SLIGHT, _PLAIN_TO_SEE = 0.125, 0.25, 0.5
"""Variances over scale^2: above the first it is a blur, up to the second it is narrowed by the whole excess, from the
third on, where Set5 shows no bias, not at all."""
_EXCESS = 0.07
"""Variance over scale^2, 0.28 at x2: Set5's ``bird`` comes out at 0.97 to 1.21 for 0.56 to 0.8."""
_SIZE = 31


@dataclass(frozen=True)
class CautiousBlur:
    """The variance of a round Gaussian, in HR pixels squared."""

    mean: float
    spread: float
    """Standard deviation."""
    share: float
    """Probability that the image is blurred clearly more than by bicubic downscaling."""
    candidate: BlurCandidate
    """The Gaussian of the estimate, narrower than the mean."""
    scale: int

    @property
    def blurred(self) -> bool:
        """The image is blurred clearly more than by bicubic downscaling."""
        return self.mean - self.spread > _BLURRED * self.scale**2


def estimate_cautiously(model: SpectrumModel) -> CautiousBlur:
    """Estimate the variance of a round Gaussian from what is known of scenes."""
    scale = model.scale
    grid = np.array(_VARIANCES) * scale**2
    misfits, exponents = [], []
    scene: NDArray[np.float64] | None = None
    for variance in grid:
        kernel = gaussian_kernel(float(variance), size=_SIZE)
        fit = model.explain(kernel, scene=scene)
        scene = fit.scene
        misfits.append(fit.misfit)
        exponents.append(fit.exponent)
    fine = np.linspace(grid[0], grid[-1], 200)
    unlikely = np.interp(fine, grid, exponents) - _EXPONENT
    energy = _SHARPNESS * np.interp(fine, grid, np.log(misfits)) + (unlikely / _EXPONENT_SPREAD) ** 2 / 2
    weights = np.exp(energy.min() - energy)
    weights /= weights.sum()
    mean = float(weights @ fine)
    spread = float(np.sqrt(weights @ (fine - mean) ** 2))
    found = max(mean - spread / 2, float(grid[0]))
    kernel = gaussian_kernel(found, size=_SIZE)
    return CautiousBlur(
        mean=mean,
        spread=spread,
        share=float(weights[fine > _BLURRED * scale**2].sum()),
        candidate=BlurCandidate("gaussian", kernel, model.explain(kernel).misfit, spread, f"gaussian:{found:.3g}"),
        scale=scale,
    )


def narrow_slight(found: BlurCandidate, model: SpectrumModel) -> BlurCandidate:
    """Narrow a slight round Gaussian that won against no blur; return any other blur as it is."""
    variance = kernel_covariance(found.kernel)[0] / model.scale**2
    if found.kind != "gaussian" or not _SLIGHTEST < variance < _PLAIN_TO_SEE:
        return found
    excess = _EXCESS * min((_PLAIN_TO_SEE - variance) / (_PLAIN_TO_SEE - _SLIGHT), 1.0)
    narrowed = max(variance - excess, _SLIGHTEST / 2) * model.scale**2
    kernel = gaussian_kernel(narrowed, size=_SIZE)
    return replace(found, kernel=kernel, misfit=model.explain(kernel).misfit, text=f"gaussian:{narrowed:.3g}")


def is_slight_beside_bicubic(ranking: BlurRanking, *, scale: int) -> bool:
    """The blur before a bicubic downscaling that won is so slight that an image without one may show as much."""
    found = ranking.best
    added = kernel_covariance(found.kernel)[0] - kernel_covariance(ranking.none.kernel)[0]
    return found.kind != "none" and bool(added < _SLIGHTEST * scale**2)
