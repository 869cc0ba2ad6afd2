"""Blurs that compete to explain an image: none, a Gaussian, a disk, a line of motion, and a kernel of any shape.

Each family is fitted to the image's power spectrum (:mod:`kukkiri.degradations.spectrum_model`). The family with the
smallest misfit wins, but a simpler one keeps its place until another explains the image clearly better: a scene's own
orientations look like a slightly anisotropic blur, and its own softness like a slight one.

One comparison is decided before: bicubic downscaling leaves little power near the Nyquist frequency, and direct
subsampling of an image that is not blurred folds more of it there than a scene has. Where no blur at all explains the
spectrum about as well as that of bicubic downscaling, or a blur too slight to prevent aliases, the image is *aliased*,
and ``none``, which is on another grid, has to win clearly.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.alignment import kernel_covariance
from kukkiri.degradations.blur_kernels import Kernel, bicubic_kernel, disk_kernel, gaussian_kernel, motion_kernel
from kukkiri.degradations.estimate import estimate_kernel
from kukkiri.degradations.noise_estimation import estimate_noise
from kukkiri.degradations.spectrum_model import SpectrumFit, SpectrumModel

__all__ = [
    "STILL_ALIASED",
    "BlurCandidate",
    "BlurKind",
    "BlurRanking",
    "add_bicubic",
    "find_axes",
    "find_excess",
    "judge_kernel",
    "rank_blurs",
    "rank_spectrum",
]

BlurKind: TypeAlias = Literal["none", "gaussian", "anisotropic", "disk", "motion", "free", "given"]
"""``none``: no blur but that of bicubic downscaling; ``free``: any shape, from recurring patches."""

CLEAR = 0.05
"""Margin from which the second explanation is clearly worse."""
_SIZE = 31
_SMALLEST = 0.05  # variance that does not blur
_LARGEST = 6.0  # variance over scale^2
_HANDICAPS = {"none": 0.0, "gaussian": 0.25, "disk": 0.3, "motion": 0.5, "anisotropic": 0.5, "free": 0.7}
"""Share of the misfit that a family has to win over simpler ones, times the expected misfit: the more freedom and the
smaller the image, the larger. (An image of 144x144 pixels gave a Gaussian 7 % over no blur that was there.)"""
_ALIASED = 0.02
"""Share by which no blur at all, or a slight one, may explain an image worse than bicubic downscaling does, if it is
aliased. Of 52 photographs at x2, subsampled directly without a blur or with one of variance 0.2, all but one come to
-0.23 to 0.03; downscaled bicubically, all but one (whose stripes are aliased themselves) to 0.08 and more."""
STILL_ALIASED = 0.2
"""Variance of a blur that is too slight to prevent aliases."""
_HANDICAP_ALIASED = 1.0  # of ``none`` then
_NOISY = 5 / 255  # noise that fills the spectrum near Nyquist as aliases do; the share is 0 there, and below 0 beyond
_RESOLVED = 0.2  # variance below which the samples of a Gaussian hardly change
_MOST_EXPLAINED = 2.0
"""Misfit over the expected one up to which a blur explains an image; true ones have 0.9 to 2."""
_UNEXPLAINED = 1.3  # times that: none does; curved motions have 1.3 to 2.2
_ELONGATED = 1.3


@dataclass(frozen=True, eq=False)
class BlurCandidate:
    """One explanation of an image."""

    kind: BlurKind
    kernel: Kernel
    """In HR pixels, centred, sums to 1; of the blur alone, before the subsampling."""
    misfit: float
    """Root mean square of the logarithm of the image's spectrum over the predicted one; smaller explains more."""
    error: float
    """Standard error of a variance of the kernel in HR pixels squared, if the family is the right one."""
    text: str
    """In the notation of degradations, where the kernel has one."""

    def __str__(self) -> str:
        names = {"none": "no blur but that of bicubic downscaling", "free": "a blur of any shape from patches"}
        return names.get(self.kind, self.text)


@dataclass(frozen=True, eq=False)
class BlurRanking:
    """The explanations of an image."""

    candidates: tuple[BlurCandidate, ...]
    """The best first: by misfit, with a handicap for freedom."""
    expected: float
    """Misfit of the right blur, from the number of blocks in the image; 1 to 2 times it is common."""
    aliased: bool = False
    """The spectrum shows the aliases of direct subsampling, so the image does not lie on the bicubic grid."""

    @property
    def best(self) -> BlurCandidate:
        """The explanation that is taken."""
        return self.candidates[0]

    @property
    def none(self) -> BlurCandidate:
        """The explanation without a blur but that of bicubic downscaling."""
        return next(each for each in self.candidates if each.kind == "none")

    @property
    def excess(self) -> float:
        """Misfit of the best over what a right one may have; 1 at least."""
        return find_excess(self.best.misfit, expected=self.expected)

    @property
    def explained(self) -> bool:
        """Some family explains the image, if not exactly."""
        return self.excess < _UNEXPLAINED

    @property
    def rival(self) -> BlurCandidate | None:
        """The next best of another shape: the two Gaussians count as one."""
        gaussians = ("gaussian", "anisotropic")
        same = gaussians if self.best.kind in gaussians else (self.best.kind,)
        return next((each for each in self.candidates if each.kind not in same), None)

    @property
    def margin(self) -> float:
        """Share by which the rival's misfit is larger; negative where only its handicap keeps it behind."""
        return math.inf if self.rival is None else self.rival.misfit / self.best.misfit - 1

    def describe(self) -> list[dict[str, Any]]:
        """Describe it in JSON values."""
        return [{"kind": each.kind, "kernel": each.text, "misfit": round(each.misfit, 4)} for each in self.candidates]

    def __str__(self) -> str:
        if self.rival is None:
            return f"{self.best} explains the spectrum alone"
        share = f"{100 * abs(self.margin):.0f} % {'larger' if self.margin >= 0 else 'smaller'}"
        sure = "a clear second" if self.margin >= CLEAR else "hardly worse, so the shape of the blur is doubtful"
        return f"next best explanation: {self.rival}, misfit {share}: {sure}"


def rank_blurs(
    image: NDArray[np.uint8 | np.floating[Any]], *, scale: int, bicubic: bool = False, free: bool | None = None
) -> BlurRanking:
    """Explain an image by each family of blurs.

    Args:
        image: LR, (H, W) or (H, W, 1 or 3): uint8, or floats in [0, 1]; at least 64 pixels high and wide. Not one that
            was compressed with loss.
        scale: HR pixels for one LR pixel along a side.
        bicubic: the blur was followed by bicubic downscaling and not by direct subsampling; it is part of every
            explanation, and never of the kernels that are returned.
        free: search a kernel of any shape among recurring patches, too, which takes seconds; by default only where no
            family explains the image. Not with ``bicubic``.

    Raises:
        ImageError: the image is too small, or has one colour.
    """
    return rank_spectrum(SpectrumModel(image, scale=scale), image=image, bicubic=bicubic, free=free)


def rank_spectrum(
    model: SpectrumModel,
    *,
    image: NDArray[np.uint8 | np.floating[Any]],
    bicubic: bool = False,
    free: bool | None = None,
) -> BlurRanking:
    """Explain a spectrum that was computed from ``image``, see :func:`rank_blurs`."""
    scale = model.scale
    families = _Families(model, scale=scale, bicubic=bicubic)
    found = families.fit()
    poor = min(each.misfit for each in found) > _MOST_EXPLAINED * model.expected
    if not bicubic and (poor if free is None else free):
        found.append(_search_freely(image, model, scale=scale))
    none = next(each for each in found if each.kind == "none")
    aliased = not bicubic and _is_aliased(model, image, downscaled=none.misfit)
    handicaps = _HANDICAPS | ({"none": _HANDICAP_ALIASED} if aliased else {})
    ranked = sorted(found, key=lambda each: each.misfit * (1 + handicaps[each.kind] * model.expected))
    return BlurRanking(tuple(ranked), model.expected, aliased)


def _is_aliased(model: SpectrumModel, image: NDArray[np.uint8 | np.floating[Any]], *, downscaled: float) -> bool:
    """Aliases explain the spectrum about as well as bicubic downscaling does, and noise does not stand for them.

    Args:
        model: of the image.
        image: see :func:`rank_blurs`.
        downscaled: misfit of bicubic downscaling.
    """
    slight = (np.ones((1, 1)), gaussian_kernel(STILL_ALIASED, size=_SIZE))
    quiet = 1 - estimate_noise(image).noise_std / _NOISY
    return min(model.explain(kernel).misfit for kernel in slight) < (1 + _ALIASED * quiet) * downscaled


def find_excess(misfit: float, *, expected: float) -> float:
    """Divide a misfit by the most that the right blur may have; 1 at least."""
    return max(misfit / (_MOST_EXPLAINED * expected), 1.0)


def judge_kernel(
    image: NDArray[np.uint8 | np.floating[Any]], kernel: Kernel, *, scale: int, bicubic: bool = False
) -> float:
    """Return the misfit of a kernel that is given, to be compared with those of :func:`rank_blurs`.

    Raises:
        ImageError: the image is too small, or has one colour.
    """
    whole = add_bicubic(kernel, scale=scale) if bicubic else kernel
    return SpectrumModel(image, scale=scale).explain(whole).misfit


def add_bicubic(kernel: Kernel, *, scale: int) -> Kernel:
    """Join a blur with the bicubic downscaling after it to one kernel, for direct subsampling."""
    return _join(kernel, bicubic_kernel(scale, aligned=False))


class _Families:
    """The fits of one spectrum; each begins where a simpler one ended."""

    def __init__(self, model: SpectrumModel, *, scale: int, bicubic: bool) -> None:
        self.model, self.scale = model, scale
        self.after = bicubic_kernel(scale, aligned=False) if bicubic else None
        self.most = _LARGEST * scale**2

    def fit(self) -> list[BlurCandidate]:
        none = self.model.explain(bicubic_kernel(self.scale, aligned=False))
        round_fit = self._fit(_make_gaussian, (0.7 * self.scale,), (_SMALLEST,), (self.most,))
        variance = round_fit.values[0]
        bounds = (_SMALLEST, _SMALLEST, -self.most), (self.most, self.most, self.most)
        long_fit = self._fit(_make_anisotropic, (variance, variance, 0.0), *bounds, scene=round_fit.scene)
        first, second, angle = find_axes(*long_fit.values)
        text = f"gaussian:{variance:.3g}"
        return [
            BlurCandidate("none", np.ones((1, 1)), none.misfit, 0.0, "bicubic"),
            BlurCandidate("gaussian", _make_gaussian(variance), round_fit.misfit, self._find_error(round_fit), text),
            BlurCandidate(
                "anisotropic",
                _make_anisotropic(*long_fit.values),
                long_fit.misfit,
                math.sqrt(sum(error**2 for error in long_fit.errors) / 3),
                f"gaussian:{first:.3g},{second:.3g},{angle:.3g}",
            ),
            self._fit_disk(variance, scene=round_fit.scene),
            self._fit_motion(first, second, angle, scene=long_fit.scene),
        ]

    def _find_error(self, fit: SpectrumFit) -> float:
        """Standard error of a Gaussian's variance; of one that is too small to be resolved, the error at that size."""
        if fit.values[0] >= _RESOLVED:
            return fit.errors[0]
        bounds = (_SMALLEST,), (self.most,)
        return self._fit(_make_gaussian, (_RESOLVED,), *bounds, scene=fit.scene, iterations=0).errors[0]

    def _fit_disk(self, variance: float, *, scene: NDArray[np.float64]) -> BlurCandidate:
        """A disk has the variance radius^2 / 4; a Gaussian that stands for it comes out up to twice as wide."""
        largest = 2 * math.sqrt(self.most)
        begin = sorted({min(max(2 * math.sqrt(variance) * share, 0.7), largest) for share in (0.7, 1.0)})
        fits = [self._fit(_make_disk, (radius,), (0.5,), (largest,), scene=scene) for radius in begin]
        found = min(fits, key=lambda each: each.misfit)
        (radius,) = found.values
        error = found.errors[0] * radius / 2
        return BlurCandidate("disk", _make_disk(radius), found.misfit, error, f"disk:{radius:.3g}")

    def _fit_motion(self, first: float, second: float, angle: float, *, scene: NDArray[np.float64]) -> BlurCandidate:
        """A line has the variance length^2 / 12 along itself; its zeros make several lengths local minima."""
        longest = 4.0 * self.scale + 8
        excess = math.sqrt(12 * max(first - second / 2, 0.3))
        lengths = (0.7, 1.0, 1.4) if first > _ELONGATED * second else (1.0,)
        angles = (angle,) if first > _ELONGATED * second else (angle, angle + math.pi / 2)
        begin = itertools.product([min(max(excess * share, 1.3), longest) for share in lengths], angles)
        bounds = (1.0, -10.0), (longest, 10.0)
        fits = [self._fit(_make_motion, each, *bounds, scene=scene) for each in begin]
        found = min(fits, key=lambda each: each.misfit)
        length, turned = found.values
        turned -= math.pi * round(turned / math.pi)
        error = found.errors[0] * length / 6
        text = f"motion:{length:.3g},{turned:.3g}"
        return BlurCandidate("motion", _make_motion(length, turned), found.misfit, error, text)

    def _fit(
        self,
        make: Callable[..., Kernel],
        initial: tuple[float, ...],
        lower: tuple[float, ...],
        upper: tuple[float, ...],
        *,
        scene: NDArray[np.float64] | None = None,
        iterations: int = 25,
    ) -> SpectrumFit:
        after = self.after
        whole = make if after is None else lambda *values: _join(make(*values), after)
        return self.model.fit(whole, initial=initial, lower=lower, upper=upper, scene=scene, iterations=iterations)


def _search_freely(image: NDArray[np.uint8 | np.floating[Any]], model: SpectrumModel, *, scale: int) -> BlurCandidate:
    kernel = estimate_kernel(image, scale=scale).kernel
    xx, yy, _ = kernel_covariance(kernel)
    return BlurCandidate("free", kernel, model.explain(kernel).misfit, 0.1 * (xx + yy) / 2, "")


def _make_gaussian(variance: float) -> Kernel:
    return gaussian_kernel(variance, size=_SIZE)


def _make_anisotropic(xx: float, yy: float, xy: float) -> Kernel:
    return gaussian_kernel(*find_axes(xx, yy, xy), size=_SIZE)


def _make_disk(radius: float) -> Kernel:
    return disk_kernel(radius)


def _make_motion(length: float, angle: float) -> Kernel:
    return motion_kernel(length, angle)


def find_axes(xx: float, yy: float, xy: float) -> tuple[float, float, float]:
    """The two variances, the larger first, and the angle of its axis in (-pi/2, pi/2]."""
    (second, first), axes = np.linalg.eigh([[xx, xy], [xy, yy]])
    angle = math.atan2(axes[1, 1], axes[0, 1])
    return max(float(first), _SMALLEST), max(float(second), _SMALLEST), angle - math.pi * round(angle / math.pi)


def _join(first: Kernel, second: Kernel) -> Kernel:
    """Convolve two kernels, by FFT at full size."""
    shape = tuple(one + other - 1 for one, other in zip(first.shape, second.shape, strict=True))
    return np.asarray(np.fft.irfft2(np.fft.rfft2(first, shape) * np.fft.rfft2(second, shape), shape))
