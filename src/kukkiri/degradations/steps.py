"""The steps of a degradation: small frozen descriptions, each with its text form.

A step says what is done; :mod:`kukkiri.degradations.degradation` does it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import blur_kernels
from kukkiri.degradations.alignment import aligned_centre, move_kernel
from kukkiri.degradations.blur_kernels import Kernel, as_kernel
from kukkiri.degradations.kernel_files import load_kernel
from kukkiri.degradations.linear import SUBSAMPLERS, Subsampling
from kukkiri.errors import ConfigError
from kukkiri.resampling import Border

__all__ = [
    "BLURS",
    "Blur",
    "Jpeg",
    "Noise",
    "Poisson",
    "RealPhoto",
    "Resize",
    "Round",
    "SavedPhoto",
    "Step",
    "Subsample",
    "number",
]

_LARGEST = 501


@dataclass(frozen=True)
class _Family:
    """How many values a kernel family takes, and what makes the kernel of them."""

    fewest: int
    most: int
    values: str
    make: Callable[..., Kernel] | None = None
    gaussian_like: bool = False
    """Its default size grows with its width."""


def _with_beta(make: Callable[..., Kernel], *values: float, **options: Any) -> Kernel:
    return make(*values[:3], beta=values[3], **options)


BLURS = {
    "gaussian": _Family(1, 3, "VARIANCE[,VARIANCE[,ANGLE]]", blur_kernels.gaussian_kernel, True),
    "gaussian-sigma": _Family(1, 3, "SIGMA[,SIGMA[,ANGLE]]", blur_kernels.gaussian_kernel_from_sigmas, True),
    "generalized": _Family(
        4, 4, "VARIANCE,VARIANCE,ANGLE,BETA", partial(_with_beta, blur_kernels.generalized_gaussian_kernel), True
    ),
    "plateau": _Family(4, 4, "VARIANCE,VARIANCE,ANGLE,BETA", partial(_with_beta, blur_kernels.plateau_kernel), True),
    "disk": _Family(1, 1, "RADIUS", blur_kernels.disk_kernel),
    "motion": _Family(1, 2, "LENGTH[,ANGLE]", blur_kernels.motion_kernel),
    "sinc": _Family(1, 1, "CUTOFF", blur_kernels.sinc_kernel),
    "shake": _Family(1, 1, "SEED"),
    "array": _Family(1, _LARGEST**2, "WEIGHT,...,rows=ROWS"),
    "file": _Family(0, 0, "PATH"),
}
"""Every kernel family by the name it has in the text form."""


@dataclass(frozen=True)
class Blur:
    """Correlate with a kernel."""

    family: str
    """A key of ``BLURS``."""
    values: tuple[float, ...] = ()
    """The family's parameters, or the weights of an array row by row."""
    size: int | None = None
    """Side of the kernel; None: 21 or, for wide Gaussians, 8 sigma; what the disk or the path needs; 25 for a shake."""
    border: Border = "symmetric"
    """What lies outside the image."""
    rows: int | None = None
    """Rows of an array; None for the other families."""
    path: str = ""
    """File of a ``file``; empty for the other families."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(float(value) for value in self.values))
        family = BLURS.get(self.family)
        if family is None:
            raise ConfigError(f"unknown blur {self.family!r}. Known: {', '.join(BLURS)}.")
        if not family.fewest <= len(self.values) <= family.most:
            raise ConfigError(f"{self.family} got {len(self.values)} values, expected {self.family}:{family.values}.")
        if self.border not in get_args(Border):
            raise ConfigError(f"unknown border {self.border!r}. Known: {', '.join(get_args(Border))}.")
        if self.size is not None and not 1 <= self.size <= _LARGEST:
            raise ConfigError(f"{self.family}: size must be 1 to {_LARGEST}, got {self.size}.")
        if self.size is not None and self.family in ("array", "file"):
            raise ConfigError(f"{self.family}: the kernel has its own size. Drop size={self.size}.")
        if (self.family == "array") != (self.rows is not None) or (self.family == "file") != bool(self.path):
            raise ConfigError(f"{self.family}: expected {self.family}:{family.values}.")
        if self.family != "file":
            try:
                self.kernel()
            except ValueError as problem:
                raise ConfigError(f"{self}: {problem}.") from problem

    @classmethod
    def from_array(cls, kernel: NDArray[Any], *, border: Border = "symmetric") -> "Blur":
        """A blur by any matrix, normalized."""
        weights = as_kernel(kernel)
        return cls("array", tuple(weights.ravel().tolist()), rows=len(weights), border=border)

    def kernel(self, *, aligned_to: int | None = None) -> Kernel:
        """The kernel, which sums to 1.

        Args:
            aligned_to: a scale: put the centre where direct subsampling by it agrees with the bicubic
                grid. Closed forms are sampled there, other kernels moved by a spline.
        """
        family = BLURS[self.family]
        if family.make is not None:
            size = self.size or self._default_size(family)
            options: dict[str, Any] = {} if size is None else {"size": size}
            if aligned_to is not None:
                # an odd size has its anchor in the middle; in an even one the anchor is half a pixel beyond
                shift = (aligned_to - 1) / 2 + (0.5 if size is not None and size % 2 == 0 else 0.0)
                options["offset"] = (shift, shift)
            return family.make(*self.values, **options)
        match self.family:
            case "file":
                kernel = load_kernel(self.path)
            case "shake":
                rng = np.random.default_rng(abs(int(self.values[0])))
                kernel = blur_kernels.sample_motion_kernel(rng, size=self.size or 25)
            case _:
                if self.rows is None or self.rows < 1 or len(self.values) % self.rows:
                    raise ValueError(f"{len(self.values)} weights do not fill {self.rows} rows")
                kernel = as_kernel(np.reshape(self.values, (self.rows, -1)))
        if aligned_to is None:
            return kernel
        return as_kernel(move_kernel(kernel, to=aligned_centre((kernel.shape[0], kernel.shape[1]), aligned_to)))

    def _default_size(self, family: _Family) -> int | None:
        if not family.gaussian_like:
            return None
        widths = [value for value in self.values[:2] if value > 0]
        sigma = max(widths, default=1.0)
        if self.family != "gaussian-sigma":
            sigma = math.sqrt(sigma)
        return min(max(21, 2 * math.ceil(min(4 * sigma, _LARGEST)) + 1), _LARGEST)

    def __str__(self) -> str:
        parts = [quote(self.path, safe="/\\:. ~-_")] if self.path else [number(value) for value in self.values]
        if self.rows is not None:
            parts.append(f"rows={self.rows}")
        if self.size is not None:
            parts.append(f"size={self.size}")
        if self.border != "symmetric":
            parts.append(f"border={self.border}")
        return f"{self.family}:{','.join(parts)}"


@dataclass(frozen=True)
class Subsample:
    """Shrink to the low-resolution size."""

    method: Subsampling = "bicubic"
    """``direct`` keeps pixels [0::scale], the others are MATLAB's ``imresize``."""
    aligned: bool = False
    """``direct`` only: move the kernel before it, so that the image aligns with the bicubic one."""

    def __post_init__(self) -> None:
        if self.method not in get_args(Subsampling):
            raise ConfigError(f"unknown subsampling {self.method!r}. Known: {', '.join(get_args(Subsampling))}.")
        if self.aligned and self.method != "direct":
            raise ConfigError(f"{self.method} is aligned by itself. Drop ':aligned'.")

    def __str__(self) -> str:
        return f"{self.method}:aligned" if self.aligned else self.method


@dataclass(frozen=True)
class Resize:
    """Resize on the way, by any factor; the subsampling step that follows goes to the final size."""

    factor: float
    """Output pixels for one input pixel along a side."""
    method: str = "bicubic"
    """``nearest``, ``bilinear``, ``bicubic`` or ``lanczos``."""
    antialias: bool = True
    """Stretch the kernel when shrinking."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", float(self.factor))
        if not (0.01 <= self.factor <= 100):
            raise ConfigError(f"resize: the factor must be 0.01 to 100, got {self.factor}.")
        if self.method not in SUBSAMPLERS:
            raise ConfigError(f"resize: unknown method {self.method!r}. Known: {', '.join(SUBSAMPLERS)}.")

    def __str__(self) -> str:
        parts = [number(self.factor)]
        if self.method != "bicubic":
            parts.append(self.method)
        if not self.antialias:
            parts.append("aliased")
        return f"resize:{','.join(parts)}"


@dataclass(frozen=True)
class Noise:
    """White Gaussian noise."""

    std: float
    """Standard deviation in [0, 1]."""
    grey: bool = False
    """The same in every channel."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", float(self.std))
        if not 0 <= self.std <= 10:
            raise ConfigError(f"noise: the standard deviation must be 0 to 10 (white is 1), got {self.std}.")

    def __str__(self) -> str:
        return f"noise:{number(self.std)}{',grey' if self.grey else ''}"


@dataclass(frozen=True)
class Poisson:
    """Shot noise."""

    peak: float
    """Photons in a white pixel."""
    grey: bool = False
    """The same in every channel."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "peak", float(self.peak))
        if not 0 < self.peak <= 1e9:
            raise ConfigError(f"poisson: the photons at white must be above 0 and at most 1e9, got {self.peak}.")

    def __str__(self) -> str:
        return f"poisson:{number(self.peak)}{',grey' if self.grey else ''}"


@dataclass(frozen=True)
class Jpeg:
    """Save as JPEG and read back."""

    quality: int
    """1 to 100."""
    chroma: int | None = None
    """444: chroma at full size, 420: at half size; None: 420 below quality 90."""

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ConfigError(f"jpeg: the quality must be 1 to 100, got {self.quality}.")
        if self.chroma not in (None, 420, 444):
            raise ConfigError(f"jpeg: the chroma must be 420 or 444, got {self.chroma}.")

    def __str__(self) -> str:
        return f"jpeg:{self.quality}" + ("" if self.chroma is None else f",{self.chroma}")


@dataclass(frozen=True)
class Round:
    """Clamp and round to 8 bit on the way."""

    def __str__(self) -> str:
        return "8bit"


@dataclass(frozen=True)
class RealPhoto:
    """Random blur, resizing, noise and JPEG, drawn anew for every seed; includes the subsampling."""

    orders: int = 2
    """How often the chain is run through: 1 or 2."""

    def __post_init__(self) -> None:
        if self.orders not in (1, 2):
            raise ConfigError(f"real: the order must be 1 or 2, got {self.orders}.")

    def __str__(self) -> str:
        return "real" if self.orders == 2 else f"real:{self.orders}"


@dataclass(frozen=True)
class SavedPhoto:
    """Slight blur, the subsampling, a little noise and JPEG, drawn anew for every seed: milder than ``real``."""

    def __str__(self) -> str:
        return "photo"


Step = Blur | Subsample | Resize | Noise | Poisson | Jpeg | Round | RealPhoto | SavedPhoto


def number(value: float) -> str:
    """The shortest decimal that reads back as the same float, without a plus sign."""
    return repr(value).replace("e+", "e")
