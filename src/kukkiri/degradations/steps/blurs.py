"""Blurs: correlation with a kernel that has a closed form, is sampled from a seed, or is given as numbers.

A blur is its kernel and a border. One more closed form is a class with a ``name``, its numbers as fields, and
:meth:`ClosedFormBlur.evaluate`.
"""

import dataclasses
import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, get_args
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import ArrayLike

from kukkiri.degradations import blur_kernels
from kukkiri.degradations.alignment import aligned_centre, move_kernel, odd_sided
from kukkiri.degradations.arguments import Arguments, write_number, write_step
from kukkiri.degradations.blur_kernels import Kernel, as_kernel
from kukkiri.degradations.kernel_files import load_kernel
from kukkiri.degradations.operators import Correlation
from kukkiri.degradations.step import LinearStep, Stage
from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.resampling import Border

__all__ = [
    "ArrayBlur",
    "Blur",
    "ClosedFormBlur",
    "DiskBlur",
    "FileBlur",
    "GaussianBlur",
    "GaussianSigmaBlur",
    "GeneralizedGaussianBlur",
    "MotionBlur",
    "PlateauBlur",
    "ShakeBlur",
    "SincBlur",
]

_LARGEST = 501
_SIZE = "[,size=N][,border=BORDER]"


@dataclass(frozen=True)
class Blur(LinearStep):
    """Correlate with a kernel."""

    border: Border = field(default="symmetric", kw_only=True)
    """Rule for pixels outside the image."""

    def __post_init__(self) -> None:
        if self.border not in get_args(Border):
            raise ConfigError(f"unknown border {self.border!r}{did_you_mean(self.border, get_args(Border))}")

    @abstractmethod
    def kernel(self, *, aligned_to: int | None = None) -> Kernel:
        """The kernel, which sums to 1.

        Args:
            aligned_to: a scale: put the centre where direct subsampling by it agrees with the bicubic
                grid. Closed forms are sampled there, other kernels moved by a spline.
        """

    def operator(self, stage: Stage) -> Correlation:
        """The correlation."""
        return Correlation(self.kernel(aligned_to=stage.scale if stage.aligned else None), border=self.border)

    def _check_kernel(self) -> None:
        try:
            self.kernel()
        except ValueError as problem:
            raise ConfigError(f"{self}: {problem}.") from problem

    def _border_text(self) -> str:
        return "" if self.border == "symmetric" else f"border={self.border}"


@dataclass(frozen=True)
class _SizedBlur(Blur):
    """A kernel of any size, from numbers: the fields that are not keyword-only, the last ones perhaps None."""

    name: ClassVar[str]
    """In the text form."""
    size: int | None = field(default=None, kw_only=True)
    """Side of the kernel; None: what the kernel needs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for parameter, value in self._numbers().items():
            object.__setattr__(self, parameter, float(value))
        if self.size is not None and not 1 <= self.size <= _LARGEST:
            raise ConfigError(f"{self.name}: size must be 1 to {_LARGEST}, got {self.size}.")
        self._check_kernel()

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the numbers, ``size=`` and ``border=``."""
        numbers = [number for number in dataclasses.fields(cls) if not number.kw_only]
        fewest = sum(number.default is dataclasses.MISSING for number in numbers)
        values = arguments.numbers(fewest, len(numbers))
        return cls(*values, size=arguments.whole_option("size"), **_border_option(arguments))

    def __str__(self) -> str:
        size = "" if self.size is None else f"size={self.size}"
        return write_step(self.name, *map(write_number, self._numbers().values()), size, self._border_text())

    def _numbers(self) -> dict[str, float]:
        names = [number.name for number in dataclasses.fields(self) if not number.kw_only]
        values = {name: getattr(self, name) for name in names}
        given = {name: value for name, value in values.items() if value is not None}
        if list(given) != names[: len(given)]:
            raise ConfigError(f"{self.name}: a number before {list(given)[-1]} is missing, got {values}.")
        return given


@dataclass(frozen=True)
class ClosedFormBlur(_SizedBlur):
    """A kernel that can be sampled around any centre."""

    @abstractmethod
    def evaluate(self, *, size: int | None, offset: tuple[float, float]) -> Kernel:
        """Sample the kernel.

        Args:
            size: side of the array; None: what the kernel needs.
            offset: (down, right) of the centre from the middle of the array, in pixels.

        Raises:
            ValueError: a number is impossible.
        """

    def default_size(self) -> int | None:
        """Side of the kernel when none is given; None: :meth:`evaluate` knows."""
        return None

    def kernel(self, *, aligned_to: int | None = None) -> Kernel:
        """The kernel, see :meth:`Blur.kernel`; an aligned one is sampled around its new centre."""
        size = self.size or self.default_size()
        if aligned_to is None:
            return self.evaluate(size=size, offset=(0.0, 0.0))
        # an odd size has its anchor in the middle; in an even one the anchor is half a pixel beyond
        shift = (aligned_to - 1) / 2 + (0.5 if size is not None and size % 2 == 0 else 0.0)
        return self.evaluate(size=size, offset=(shift, shift))


@dataclass(frozen=True)
class GaussianBlur(ClosedFormBlur):
    """A Gaussian by the eigenvalues (HR pixels squared) and the angle (radians, from right to down) of its covariance.

    As in MZSR, SRMD and KernelGAN.
    """

    name: ClassVar[str] = "gaussian"
    usage: ClassVar[str] = f":VARIANCE[,VARIANCE[,ANGLE]]{_SIZE}"
    examples: ClassVar[tuple[str, ...]] = ("gaussian:2.0", "gaussian:4.0,1.0,-0.5,size=15,border=wrap")
    variance: float
    """Along the angle, HR pixels squared."""
    second: float | None = None
    """Across it; None: the same."""
    angle: float | None = None
    """Of the first axis in radians, from right to down; None: 0."""

    def evaluate(self, *, size: int | None, offset: tuple[float, float]) -> Kernel:
        """Sample the kernel, see :func:`kukkiri.degradations.gaussian_kernel`."""
        return blur_kernels.gaussian_kernel(
            self.variance, self.second, self.angle or 0.0, size=size or self.default_size(), offset=offset
        )

    def default_size(self) -> int:
        """21, or 8 sigma if that is more."""
        return _gaussian_size(self.variance, self.second)


@dataclass(frozen=True)
class GaussianSigmaBlur(ClosedFormBlur):
    """A Gaussian by standard deviations (HR pixels): IKC, DAN, DASR, ``fspecial``."""

    name: ClassVar[str] = "gaussian-sigma"
    usage: ClassVar[str] = f":SIGMA[,SIGMA[,ANGLE]]{_SIZE}"
    examples: ClassVar[tuple[str, ...]] = ("gaussian-sigma:1.6,size=7,border=replicate", "gaussian-sigma:1.3,2.0,0.4")
    sigma: float
    """Along the angle, HR pixels."""
    second: float | None = None
    """Across it; None: the same."""
    angle: float | None = None
    """Of the first axis in radians; None: 0."""

    def evaluate(self, *, size: int | None, offset: tuple[float, float]) -> Kernel:
        """Sample the kernel, see :func:`kukkiri.degradations.gaussian_kernel_from_sigmas`."""
        return blur_kernels.gaussian_kernel_from_sigmas(
            self.sigma, self.second, self.angle or 0.0, size=size or self.default_size(), offset=offset
        )

    def default_size(self) -> int:
        """21, or 8 sigma if that is more."""
        widest = max((value for value in (self.sigma, self.second or 0.0) if value > 0), default=1.0)
        return _size_for(widest)


@dataclass(frozen=True)
class GeneralizedGaussianBlur(ClosedFormBlur):
    """More pointed (BETA below 1) or flatter than a Gaussian: Real-ESRGAN."""

    name: ClassVar[str] = "generalized"
    usage: ClassVar[str] = f":VARIANCE,VARIANCE,ANGLE,BETA{_SIZE}"
    examples: ClassVar[tuple[str, ...]] = ("generalized:2.0,1.0,0.3,0.7",)
    variance: float
    """Along the angle, HR pixels squared."""
    second: float
    """Across it."""
    angle: float
    """Of the first axis in radians."""
    beta: float
    """Exponent; 1 is the Gaussian."""

    def evaluate(self, *, size: int | None, offset: tuple[float, float]) -> Kernel:
        """Sample the kernel, see :func:`kukkiri.degradations.generalized_gaussian_kernel`."""
        return blur_kernels.generalized_gaussian_kernel(
            self.variance, self.second, self.angle, beta=self.beta, size=size or self.default_size(), offset=offset
        )

    def default_size(self) -> int:
        """As for a Gaussian of these variances."""
        return _gaussian_size(self.variance, self.second)


@dataclass(frozen=True)
class PlateauBlur(ClosedFormBlur):
    """A plateau that falls off by a power: Real-ESRGAN."""

    name: ClassVar[str] = "plateau"
    usage: ClassVar[str] = f":VARIANCE,VARIANCE,ANGLE,BETA{_SIZE}"
    examples: ClassVar[tuple[str, ...]] = ("plateau:2.0,1.0,0.3,1.5",)
    variance: float
    """Along the angle, HR pixels squared."""
    second: float
    """Across it."""
    angle: float
    """Of the first axis in radians."""
    beta: float
    """Exponent."""

    def evaluate(self, *, size: int | None, offset: tuple[float, float]) -> Kernel:
        """Sample the kernel, see :func:`kukkiri.degradations.plateau_kernel`."""
        return blur_kernels.plateau_kernel(
            self.variance, self.second, self.angle, beta=self.beta, size=size or self.default_size(), offset=offset
        )

    def default_size(self) -> int:
        """As for a Gaussian of these variances."""
        return _gaussian_size(self.variance, self.second)


@dataclass(frozen=True)
class DiskBlur(ClosedFormBlur):
    """A lens out of focus; the radius in HR pixels."""

    name: ClassVar[str] = "disk"
    usage: ClassVar[str] = f":RADIUS{_SIZE}"
    examples: ClassVar[tuple[str, ...]] = ("disk:2.2", "disk:3.0,size=11")
    radius: float
    """HR pixels."""

    def evaluate(self, *, size: int | None, offset: tuple[float, float]) -> Kernel:
        """Sample the kernel, see :func:`kukkiri.degradations.disk_kernel`."""
        return blur_kernels.disk_kernel(self.radius, size=size, offset=offset)


@dataclass(frozen=True)
class MotionBlur(ClosedFormBlur):
    """A straight, even movement; the length in HR pixels."""

    name: ClassVar[str] = "motion"
    usage: ClassVar[str] = f":LENGTH[,ANGLE]{_SIZE}"
    examples: ClassVar[tuple[str, ...]] = ("motion:6.0", "motion:6.0,0.6,size=12")
    length: float
    """HR pixels that a point covers."""
    angle: float | None = None
    """Of the path in radians; None: 0."""

    def evaluate(self, *, size: int | None, offset: tuple[float, float]) -> Kernel:
        """Sample the kernel, see :func:`kukkiri.degradations.motion_kernel`."""
        return blur_kernels.motion_kernel(self.length, self.angle or 0.0, size=size, offset=offset)


@dataclass(frozen=True)
class SincBlur(ClosedFormBlur):
    """The ideal low pass, which rings; the cutoff in radians per pixel."""

    name: ClassVar[str] = "sinc"
    usage: ClassVar[str] = f":CUTOFF{_SIZE}"
    examples: ClassVar[tuple[str, ...]] = ("sinc:1.5", "sinc:2.0,size=9")
    cutoff: float
    """Radians per pixel."""

    def evaluate(self, *, size: int | None, offset: tuple[float, float]) -> Kernel:
        """Sample the kernel, see :func:`kukkiri.degradations.sinc_kernel`."""
        return blur_kernels.sinc_kernel(self.cutoff, size=size or self.default_size(), offset=offset)

    def default_size(self) -> int:
        """21."""
        return 21


@dataclass(frozen=True)
class ShakeBlur(_SizedBlur):
    """A shaking hand, whose path the seed determines."""

    name: ClassVar[str] = "shake"
    usage: ClassVar[str] = f":SEED{_SIZE}"
    examples: ClassVar[tuple[str, ...]] = ("shake:5.0", "shake:7.0,size=15")
    seed: float
    """Of the path; its whole part counts."""

    def kernel(self, *, aligned_to: int | None = None) -> Kernel:
        """The kernel, see :meth:`Blur.kernel` and :func:`kukkiri.degradations.sample_motion_kernel`."""
        rng = np.random.default_rng(abs(int(self.seed)))
        return _aligned(blur_kernels.sample_motion_kernel(rng, size=self.size or 25), aligned_to)


@dataclass(frozen=True)
class ArrayBlur(Blur):
    """Any matrix row by row, normalized."""

    usage: ClassVar[str] = ":WEIGHT,...,rows=ROWS[,border=BORDER]"
    examples: ClassVar[tuple[str, ...]] = ("array:0.25,0.5,0.25,rows=1", "array:1.0,2.0,3.0,4.0,rows=2,border=reflect")
    weights: tuple[float, ...]
    """Row by row."""
    rows: int

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "weights", tuple(map(float, self.weights)))
        self._check_kernel()

    @classmethod
    def from_kernel(cls, kernel: ArrayLike, *, border: Border = "symmetric") -> Self:
        """The blur by a matrix."""
        weights = as_kernel(kernel)
        return cls(tuple(weights.ravel().tolist()), rows=len(weights), border=border)

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the weights, ``rows=`` and ``border=``."""
        weights = arguments.numbers(1, _LARGEST**2)
        rows = arguments.whole_option("rows")
        if rows is None:
            raise arguments.error("the number of rows is missing")
        return cls(weights, rows, **_border_option(arguments))

    def __str__(self) -> str:
        return write_step("array", *map(write_number, self.weights), f"rows={self.rows}", self._border_text())

    def kernel(self, *, aligned_to: int | None = None) -> Kernel:
        """The kernel, see :meth:`Blur.kernel`."""
        if self.rows < 1 or len(self.weights) % self.rows:
            raise ValueError(f"{len(self.weights)} weights do not fill {self.rows} rows")
        return _aligned(odd_sided(as_kernel(np.reshape(self.weights, (self.rows, -1)))), aligned_to)


@dataclass(frozen=True)
class FileBlur(Blur):
    """A kernel in a ``.npy``, ``.npz``, ``.mat`` or text file, read when it is used."""

    usage: ClassVar[str] = ":PATH[,border=BORDER]"
    examples: ClassVar[tuple[str, ...]] = ()  # a file would have to be there
    path: str
    """Of the file, see :func:`kukkiri.degradations.load_kernel`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.path:
            raise ConfigError("'file' names no kernel. Write file:PATH.")

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the path, in which other characters than letters may be percent-encoded, and ``border=``."""
        return cls(unquote(arguments.first()), **_border_option(arguments))

    def __str__(self) -> str:
        path = quote(self.path, safe="/\\:. ~-_")
        if path != path.strip():
            path = path.replace(" ", "%20")  # blanks around a step are not read
        return write_step("file", path, self._border_text())

    def kernel(self, *, aligned_to: int | None = None) -> Kernel:
        """The kernel, see :meth:`Blur.kernel`.

        Raises:
            ConfigError: the file cannot be read, or holds none.
        """
        return _aligned(odd_sided(load_kernel(self.path)), aligned_to)


def _border_option(arguments: Arguments) -> dict[str, Any]:
    border = arguments.option("border")
    return {} if border is None else {"border": border}


def _aligned(kernel: Kernel, scale: int | None) -> Kernel:
    """The kernel moved by a spline for direct subsampling by ``scale``; as it is when that is None."""
    if scale is None:
        return kernel
    return as_kernel(move_kernel(kernel, to=aligned_centre((kernel.shape[0], kernel.shape[1]), scale)))


def _gaussian_size(variance: float, second: float | None) -> int:
    widest = max((value for value in (variance, second or 0.0) if value > 0), default=1.0)
    return _size_for(math.sqrt(widest))


def _size_for(sigma: float) -> int:
    return min(max(21, 2 * math.ceil(min(4 * sigma, _LARGEST)) + 1), _LARGEST)
