"""The degradation that a solver is conditioned on: a blur kernel, a subsampling, noise, and how sure they are.

An *estimator* (:func:`kukkiri.degradations.estimate_degradation`) finds it in the image, or a person gives it; a
*solver*, a network that is conditioned on it, inverts it.
"""

import math
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.alignment import kernel_covariance
from kukkiri.degradations.blur_candidates import BlurKind, BlurRanking
from kukkiri.degradations.blur_kernels import Kernel, as_kernel
from kukkiri.degradations.degradation import Degradation
from kukkiri.degradations.grammar import parse_steps
from kukkiri.degradations.kernel_files import KERNEL_SUFFIXES, find_kernel_path, load_kernel
from kukkiri.degradations.steps import STEPS
from kukkiri.degradations.steps.blurs import Blur
from kukkiri.degradations.steps.subsampling import Direct
from kukkiri.errors import ConfigError, did_you_mean

__all__ = [
    "DegradationEstimate",
    "DegradationRequest",
    "Estimator",
    "GridSubsampling",
    "check_kernel_name",
    "read_degradation",
]

Estimator: TypeAlias = Literal["spectrum", "patches", "kernelgan", "ikc"]
"""``spectrum``: a Gaussian, a disk or a motion, whichever explains the power spectrum; ``patches``: any shape from
recurring patches, in seconds; ``kernelgan``: any shape from a network that is trained on the image, in minutes (torch);
``ikc``: IKC's predictor and corrector for the network that upscales, which are named with it (torch)."""
GridSubsampling: TypeAlias = Literal["direct", "bicubic"]

_FOUND = {
    "given": "given",
    "spectrum": "found in the spectrum",
    "patches": "found from patches",
    "kernelgan": "found by KernelGAN",
    "ikc": "found by IKC",
}
_LARGEST = 201
"""Side of the kernels that can be given; the check of a result takes seconds beyond."""


@dataclass(frozen=True, eq=False)
class DegradationEstimate:
    """A degradation that is known or was found: blur by a kernel, then subsampling, then white noise."""

    kernel: Kernel
    """In HR pixels, centred, sums to 1; of the blur alone, before the subsampling."""
    scale: int
    """HR pixels for one LR pixel along a side."""
    subsample: GridSubsampling = "direct"
    """``direct``: every scale-th pixel from the first, so that LR lies (scale - 1) / 2 HR pixels up and left of the
    bicubic grid; ``bicubic``: on it."""
    noise_std: float = 0.0
    """Of the white noise in LR, in [0, 1]."""
    confidence: float = 1.0
    """In [0, 1]; 1 for a kernel that was given. Of ``spectrum``: 1/2 where the standard error of the covariance is
    0.06 scale HR pixels squared, and less where no blur explains the spectrum; from a small image at a large scale, the
    probability that it is blurred clearly more than by bicubic downscaling; of ``patches``: the share of the patches'
    distances that the kernel removes; of ``kernelgan`` and ``ikc``: less where the kernel does not explain the
    spectrum."""
    found_by: Literal["given"] | Estimator = "given"
    text: str = ""
    """The kernel in the notation of degradations, where it has one."""
    kind: BlurKind = "given"
    """Family of the kernel; ``none``: the image shows no blur but that of bicubic downscaling."""
    ranking: BlurRanking | None = None
    """All explanations of the image, for ``spectrum``."""

    @property
    def covariance(self) -> tuple[float, float, float]:
        """Second moments of the kernel (xx, yy, xy) in HR pixels squared."""
        return kernel_covariance(self.kernel)

    @property
    def widths(self) -> tuple[float, float]:
        """Standard deviations along the kernel's axes in HR pixels, the larger first."""
        xx, yy, xy = self.covariance
        small, large = np.linalg.eigvalsh([[xx, xy], [xy, yy]])
        return math.sqrt(max(large, 0.0)), math.sqrt(max(small, 0.0))

    @property
    def degradation(self) -> Degradation:
        """The same as steps, without the noise; ``direct`` is not aligned."""
        return Degradation.from_kernel(self.kernel, method=self.subsample)

    def describe(self) -> dict[str, Any]:
        """Describe it in JSON values."""
        return {
            "kernel": self.text,
            "widths": [round(width, 3) for width in self.widths],
            "subsample": self.subsample,
            "scale": self.scale,
            "noise_std": round(self.noise_std, 5),
            "confidence": round(self.confidence, 3),
            "found_by": self.found_by,
            "kind": self.kind,
            "matrix": None if self.text else np.round(self.kernel, 6).tolist(),
            "candidates": [] if self.ranking is None else self.ranking.describe(),
        }

    def __str__(self) -> str:
        first, second = self.widths
        found = _FOUND[self.found_by]
        noise = f", noise of {255 * self.noise_std:.1f} of 255 levels" if self.noise_std else ""
        sure = "" if self.found_by == "given" else f", confidence {self.confidence:.2f}"
        if self.kind == "none":
            return f"no blur beyond that of bicubic downscaling {found}{noise}{sure}"
        name = f" ({self.text})" if self.text else ""
        return (
            f"blur {found}: {first:.2f} x {second:.2f} pixels of the result wide{name}, {self.subsample} "
            f"subsampling{noise}{sure}"
        )


@dataclass(frozen=True, eq=False)
class DegradationRequest:
    """A degradation that is to be found in an image, or one in a person's words.

    Raises:
        ConfigError: a field has an impossible value.
    """

    kernel: str | NDArray[np.floating[Any]] = "estimate"
    """``estimate``; ``bicubic``: no blur but that of the subsampling; a blur such as ``gaussian:2.0`` or
    ``gaussian:L1,L2,THETA`` (variances in HR pixels squared), ``disk:2``; a file; or a matrix."""
    subsample: GridSubsampling | None = None
    """``None``: that of the network."""
    estimator: Estimator = "spectrum"
    noise_std: float | Literal["estimate"] = 0.0
    """White noise of the image in [0, 1], for networks that are conditioned on it; ``estimate``: of each image."""
    seed: int = 0
    """Of an estimator that is trained: the same seed gives the same kernel on the same machine."""

    def __post_init__(self) -> None:
        if self.subsample not in (None, *get_args(GridSubsampling)):
            known = get_args(GridSubsampling)
            raise ConfigError(f"unknown subsampling {self.subsample!r}{did_you_mean(str(self.subsample), known)}")
        if self.estimator not in get_args(Estimator):
            known = get_args(Estimator)
            raise ConfigError(f"unknown estimator {self.estimator!r}{did_you_mean(str(self.estimator), known)}")
        number = isinstance(self.noise_std, int | float) and not isinstance(self.noise_std, bool)
        if self.noise_std != "estimate" and not (number and 0 <= float(self.noise_std) <= 1):
            raise ConfigError(
                f"noise is a standard deviation from 0 to 1, where white is 1, got {self.noise_std}. Divide levels of "
                "8 bit by 255: 5 levels are 0.0196."
            )
        if not isinstance(self.seed, Integral) or isinstance(self.seed, bool) or self.seed < 0:
            raise ConfigError(f"the seed of an estimator is a whole number from 0, got {self.seed!r}.")
        if self.is_bicubic and self.subsample == "direct":
            raise ConfigError("the kernel bicubic is that of bicubic subsampling, but direct was asked. Drop one.")

    @property
    def estimated(self) -> bool:
        """The image tells the kernel."""
        return isinstance(self.kernel, str) and self.kernel == "estimate"

    @property
    def estimates_noise(self) -> bool:
        """The image tells its noise."""
        return self.noise_std == "estimate"

    @property
    def asks_image(self) -> bool:
        """Each image has its own degradation."""
        return self.estimated or self.estimates_noise

    @property
    def is_bicubic(self) -> bool:
        """There is no blur but that of bicubic subsampling."""
        return isinstance(self.kernel, str) and self.kernel == "bicubic"

    def __str__(self) -> str:
        parts = [self.kernel if isinstance(self.kernel, str) else "a matrix"]
        parts += [self.subsample] if self.subsample else []
        parts += [self.estimator] if self.estimated else []
        noise = self.noise_std if isinstance(self.noise_std, str) else f"{self.noise_std:g}"
        parts += [f"noise {noise}"] if self.noise_std else []
        return " ".join([*parts, *([f"seed {self.seed}"] if self.seed else [])])


def read_degradation(request: DegradationRequest, *, scale: int, subsample: GridSubsampling) -> DegradationEstimate:
    """Read a degradation that is given in words.

    Args:
        request: not one that is to be estimated.
        scale: of the network.
        subsample: of the network.

    Raises:
        ConfigError: the text or the file is no blur kernel.
        BackendError: a ``.mat`` file without SciPy installed.
    """
    text = "" if not isinstance(request.kernel, str) else request.kernel
    if request.is_bicubic:
        kernel: Kernel = np.ones((1, 1))
    elif not isinstance(request.kernel, str):
        try:
            kernel = as_kernel(request.kernel)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the array cannot be used as a kernel: {error}.") from error
    elif (path := find_kernel_path(text)) is not None:
        kernel = load_kernel(path)
    else:
        kernel = _read_blur(text, scale=scale)
    if max(kernel.shape) > _LARGEST:
        raise ConfigError(
            f"the kernel has {kernel.shape[0]}x{kernel.shape[1]} pixels, at most {_LARGEST}x{_LARGEST} can be used. "
            "Cut what is nearly zero off, or give a narrower blur."
        )
    noise_std = 0.0 if isinstance(request.noise_std, str) else request.noise_std  # an image tells it later
    return DegradationEstimate(kernel, scale, subsample, noise_std, text=text)


def check_kernel_name(text: str) -> None:
    """Refuse a text that begins with no step of a degradation.

    Args:
        text: of a kernel, neither ``estimate`` nor ``bicubic``.

    Raises:
        ConfigError: it is a file of another suffix, or an unknown word.
    """
    endings = ", ".join(KERNEL_SUFFIXES)
    if Path(text).is_file():
        raise ConfigError(
            f"{text}: the name of a kernel file ends in {endings}. Rename it, or write file:{text} for numbers in text."
        )
    name = text.partition("+")[0].partition(":")[0]
    if name not in STEPS:
        known = ["estimate", "bicubic", *(each for each, step in STEPS.items() if issubclass(step, Blur))]
        raise ConfigError(
            f"unknown kernel {text!r}{did_you_mean(name, known)} A blur has numbers, as "
            f"gaussian:2.0 has; a file ({endings}) is a kernel, too."
        )


def _read_blur(text: str, *, scale: int) -> Kernel:
    """Read a blur such as ``gaussian:2.0``, or several joined by ``+``."""
    check_kernel_name(text)
    try:
        steps = parse_steps(text)
    except ConfigError as error:
        raise ConfigError(
            f"unknown kernel {text!r}: {error} Give estimate, bicubic, a blur such as gaussian:2.0, or a file "
            f"({', '.join(KERNEL_SUFFIXES)})."
        ) from error
    if any(step.subsamples for step in steps):
        raise ConfigError(
            f"{text!r} is more than a blur. Give the kernel alone, such as gaussian:2.0, and the subsampling by "
            "itself: --subsample direct or bicubic."
        )
    degradation = Degradation((*steps, Direct()))
    try:
        if degradation.linear:
            return degradation.effective_kernel(scale=scale)
    except ValueError:
        pass
    raise ConfigError(f"{text!r} is not a blur. Give a kernel such as gaussian:2.0, without noise, JPEG and the like.")
