"""Blur kernels in closed form: Gaussians and their relatives, motion, disk, sinc, and bicubic as a matrix.

Every kernel is a float64 array that sums to 1, sampled in HR pixels and applied by *correlation*
(``scipy.ndimage.correlate``, ``torch.nn.functional.conv2d``): flip it with :func:`flip_kernel` where a
paper convolves. Its centre is the middle of the array, (size - 1) / 2, plus ``offset``. Angles are in
radians, from the x axis (to the right) towards the y axis (downwards).

Gaussians are given by the eigenvalues of their covariance, so by *variances* in HR pixels squared, as
in MZSR, SRMD, KernelGAN and USRNet's training; IKC, DAN and DASR give sigmas, see
:func:`gaussian_kernel_from_sigmas`.
"""

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kukkiri.resampling import KERNELS

__all__ = [
    "Kernel",
    "as_kernel",
    "bicubic_kernel",
    "disk_kernel",
    "flip_kernel",
    "gaussian_kernel",
    "gaussian_kernel_from_sigmas",
    "generalized_gaussian_kernel",
    "motion_kernel",
    "plateau_kernel",
    "sample_gaussian_kernel",
    "sample_motion_kernel",
    "sinc_kernel",
]

Kernel = NDArray[np.float64]
Floats = TypeVar("Floats", bound=NDArray[np.floating[Any]])
_J1_NODES = 512  # the trapezoid rule on the Bessel integral is exact to rounding up to arguments of about this


def gaussian_kernel(
    variance: float,
    second: float | None = None,
    angle: float = 0.0,
    *,
    size: int = 21,
    offset: tuple[float, float] = (0.0, 0.0),
) -> Kernel:
    """A Gaussian by the eigenvalues of its covariance.

    Args:
        variance: along ``angle``, in pixels squared, positive.
        second: across it; by default the same (isotropic).
        angle: of the first axis, radians.
        size: side of the array; 15 and 21 differ by less than 0.001 dB up to a variance of 4.
        offset: (down, right) of the centre from the middle of the array, in pixels.

    Returns:
        (size, size); sampled at the pixel centres, normalized over the array.

    Raises:
        ValueError: a variance or the size is not positive.

    Reference: Soh et al., MZSR, CVPR 2020, arXiv:2002.12213, section 3.
    """
    distance = _mahalanobis(variance, second, angle, size=size, offset=offset)
    return _normalized(np.exp(-0.5 * (distance - distance.min())))  # so that the largest never underflows


def gaussian_kernel_from_sigmas(
    sigma: float,
    second: float | None = None,
    angle: float = 0.0,
    *,
    size: int = 21,
    offset: tuple[float, float] = (0.0, 0.0),
) -> Kernel:
    """:func:`gaussian_kernel` by standard deviations in pixels; isotropic, it is MATLAB's ``fspecial('gaussian')``."""
    return gaussian_kernel(sigma**2, None if second is None else second**2, angle, size=size, offset=offset)


def sample_gaussian_kernel(rng: np.random.Generator, *, scale: int, size: int = 15) -> Kernel:
    """MZSR's kernel distribution: angle in [0, pi], first variance in [1, 2.5 scale], second in [1, first].

    Reference: Soh et al., MZSR, CVPR 2020, arXiv:2002.12213, section 4.1.
    """
    angle = rng.uniform(0.0, math.pi)
    first = rng.uniform(1.0, 2.5 * scale)
    return gaussian_kernel(first, rng.uniform(1.0, first), angle, size=size)


def generalized_gaussian_kernel(
    variance: float,
    second: float | None = None,
    angle: float = 0.0,
    *,
    beta: float,
    size: int = 21,
    offset: tuple[float, float] = (0.0, 0.0),
) -> Kernel:
    """exp(-0.5 d^beta) of the squared Mahalanobis distance d: beta 1 is the Gaussian, a larger beta is flatter.

    Reference: Liu et al., "Estimating generalized Gaussian blur kernels for out-of-focus image deblurring",
    IEEE TCSVT 2020; parametrized as in Wang et al., Real-ESRGAN, ICCVW 2021, arXiv:2107.10833.
    """
    distance = _mahalanobis(variance, second, angle, size=size, offset=offset)
    exponent = distance ** _positive(beta, "beta")
    return _normalized(np.exp(-0.5 * (exponent - exponent.min())))


def plateau_kernel(
    variance: float,
    second: float | None = None,
    angle: float = 0.0,
    *,
    beta: float,
    size: int = 21,
    offset: tuple[float, float] = (0.0, 0.0),
) -> Kernel:
    """1 / (1 + d^beta) of the squared Mahalanobis distance d, as in Real-ESRGAN (arXiv:2107.10833)."""
    distance = _mahalanobis(variance, second, angle, size=size, offset=offset)
    return _normalized(1.0 / (1.0 + distance ** _positive(beta, "beta")))


def disk_kernel(radius: float, *, size: int | None = None, offset: tuple[float, float] = (0.0, 0.0)) -> Kernel:
    """A lens out of focus: every pixel weighs the exact area that a disk covers in it.

    Args:
        radius: pixels, positive.
        size: side of the array; by default the smallest odd one that holds the disk.
        offset: (down, right) of the centre, in pixels.
    """
    _positive(radius, "radius")
    if size is None:
        size = 2 * math.ceil(radius - 0.5 + max(map(abs, offset))) + 1
    rows, columns = (np.arange(size + 1, dtype=np.float64) - size / 2 - shift for shift in offset)
    corner = _disk_area(columns[None, :], rows[:, None], radius)
    return _normalized(corner[1:, 1:] - corner[:-1, 1:] - corner[1:, :-1] + corner[:-1, :-1])


def motion_kernel(
    length: float, angle: float = 0.0, *, size: int | None = None, offset: tuple[float, float] = (0.0, 0.0)
) -> Kernel:
    """A straight, even movement: weights fall from 1 to 0 within one pixel of the path (``fspecial('motion')``).

    Args:
        length: pixels that a point covers, at least 1.
        angle: of the path, radians.
        size: side of the array; by default the smallest odd one that holds the path at any angle.
        offset: (down, right) of the centre, in pixels.
    """
    if not length >= 1:
        raise ValueError(f"length must be at least 1, got {length}")
    if size is None:
        size = 2 * math.ceil((length - 1) / 2 + max(map(abs, offset))) + 1
    y, x = _grid(size, offset)
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    beyond = np.maximum(np.abs(along) - (length - 1) / 2, 0.0)
    return _normalized(np.maximum(1.0 - np.hypot(across, beyond), 0.0))


def sample_motion_kernel(rng: np.random.Generator, *, size: int = 25, steps: int = 500) -> Kernel:
    """A shaking hand: a random walk with inertia and jerks, rendered with bilinear weights, centred by its mass.

    Args:
        rng: the source of randomness.
        size: side of the array, at least 5; the path fills at most 0.7 of it.
        steps: points of the path.

    Reference: Boracchi & Foi, "Modeling the performance of image restoration from motion blur",
    IEEE TIP 21(8), 2012; the walk here is simpler (no centripetal term).
    """
    if size < 5:
        raise ValueError(f"size must be at least 5, got {size}")
    inertia = rng.uniform(0.7, 0.99)
    jerk = rng.uniform(0.0, 0.01)
    velocity = np.exp(1j * rng.uniform(0.0, 2 * math.pi))
    path = np.zeros(steps, dtype=np.complex128)
    for step in range(1, steps):
        if rng.uniform() < jerk:
            velocity *= np.exp(1j * (math.pi + rng.normal()))
        velocity = inertia * velocity + (1 - inertia) * 4 * (rng.normal() + 1j * rng.normal())
        path[step] = path[step - 1] + velocity
    path -= path.mean()
    extent = max(np.abs(path.real).max(), np.abs(path.imag).max(), 1e-9)
    path *= rng.uniform(0.15, 0.35) * size / extent
    kernel = np.zeros((size, size))
    rows, columns = (part + (size - 1) / 2 for part in (path.imag, path.real))
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = rows - top, columns - left
    for row, weight_y in ((top, 1 - down), (top + 1, down)):
        for column, weight_x in ((left, 1 - right), (left + 1, right)):
            np.add.at(kernel, (row, column), weight_y * weight_x)
    return _normalized(kernel)


def sinc_kernel(cutoff: float, *, size: int = 21, offset: tuple[float, float] = (0.0, 0.0)) -> Kernel:
    """The ideal circular low-pass: it rings. cutoff J1(cutoff r) / (2 pi r).

    Args:
        cutoff: radians per pixel, in (0, pi].
        size: side of the array.
        offset: (down, right) of the centre, in pixels.

    Reference: Wang et al., Real-ESRGAN, ICCVW 2021, arXiv:2107.10833, Eq. 6.
    """
    if not 0 < cutoff <= math.pi:
        raise ValueError(f"cutoff must be above 0 and at most pi, got {cutoff}")
    y, x = _grid(size, offset)
    radius = np.hypot(x, y)
    at_centre = radius < 1e-9
    radius = np.where(at_centre, 1.0, radius)
    kernel = np.where(
        at_centre, cutoff**2 / (4 * math.pi), cutoff * _bessel_j1(cutoff * radius) / (2 * math.pi * radius)
    )
    return _normalized(kernel)


def bicubic_kernel(scale: int, *, aligned: bool = True) -> Kernel:
    """MATLAB's antialiased bicubic downscaling as a matrix, for direct subsampling at phase 0.

    Away from the border, correlating with it and taking pixels [0::scale] is exactly ``imresize(., 1/scale)``.

    Args:
        scale: at least 1.
        aligned: keep the centre (scale - 1) / 2 right of and below the middle, as bicubic does;
            otherwise in the middle, which shifts the image by as much.

    Returns:
        (size, size), odd size, with negative lobes.
    """
    if scale < 1:
        raise ValueError(f"scale must be at least 1, got {scale}")
    centre = (scale - 1) / 2 if aligned else 0.0
    radius = math.ceil(2 * scale + centre)
    weights = KERNELS["cubic"].function((np.arange(-radius, radius + 1) - centre) / scale)
    used = radius - min(np.flatnonzero(weights)[0], 2 * radius - np.flatnonzero(weights)[-1])
    weights = weights[radius - used : radius + used + 1]
    return _normalized(np.outer(weights, weights))


def as_kernel(values: ArrayLike) -> Kernel:
    """Check that an array can be a kernel, and return it normalized in float64.

    Args:
        values: (height, width), real, finite, their sum positive; some may be negative. It is divided by its sum.

    Raises:
        ValueError: the array cannot be a kernel.
    """
    if np.iscomplexobj(values):
        raise ValueError("a kernel holds real numbers, got complex ones")
    kernel = np.asarray(values, dtype=np.float64)
    if kernel.ndim != 2 or 0 in kernel.shape:
        raise ValueError(f"a kernel is a matrix, got shape {kernel.shape}")
    if not np.isfinite(kernel).all():
        raise ValueError("a kernel holds finite numbers")
    largest = np.abs(kernel).max()
    scaled = kernel / max(largest, 1e-300)  # whose sum does not overflow
    if abs(scaled.sum()) < 1e-12:
        raise ValueError("the kernel sums to 0, so it cannot be normalized")
    if scaled.sum() < 0:
        raise ValueError("the kernel sums to a negative number, which would turn light into dark")
    return _normalized(kernel if largest < 1e300 else scaled)


def flip_kernel(kernel: Floats) -> Floats:
    """Rotate a kernel by 180 degrees: correlation with the result is convolution with the kernel."""
    return np.ascontiguousarray(kernel[::-1, ::-1])  # type: ignore[return-value]


def _grid(size: int, offset: tuple[float, float]) -> tuple[Kernel, Kernel]:
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    axis = np.arange(size, dtype=np.float64) - (size - 1) / 2
    return (axis - offset[0])[:, None], (axis - offset[1])[None, :]


def _mahalanobis(
    variance: float, second: float | None, angle: float, *, size: int, offset: tuple[float, float]
) -> Kernel:
    """Squared distance from the centre in units of the axes."""
    first, across = _positive(variance, "variance"), _positive(variance if second is None else second, "variance")
    y, x = _grid(size, offset)
    cosine, sine = math.cos(angle), math.sin(angle)
    distance: Kernel = (x * cosine + y * sine) ** 2 / first + (y * cosine - x * sine) ** 2 / across
    return distance


def _positive(value: float, name: str) -> float:
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be positive and finite, got {value}")
    return value


def _normalized(kernel: Kernel) -> Kernel:
    return np.asarray(kernel / kernel.sum())


def _disk_area(x: Kernel, y: Kernel, radius: float) -> Kernel:
    """Area of the disk in the rectangle between the origin and (x, y), odd in both."""
    sign = np.sign(x) * np.sign(y)
    x, y = np.minimum(np.abs(x), radius), np.minimum(np.abs(y), radius)
    flat = np.sqrt(np.maximum(radius**2 - y**2, 0.0))  # up to here the rectangle's height is y, then the circle's

    def under_circle(t: Kernel) -> Kernel:
        root = np.sqrt(np.maximum(radius**2 - t**2, 0.0))
        return np.asarray(0.5 * (t * root + radius**2 * np.arcsin(np.clip(t / radius, -1.0, 1.0))))

    inside = x <= flat
    return np.asarray(sign * np.where(inside, x * y, flat * y + under_circle(x) - under_circle(np.minimum(flat, x))))


def _bessel_j1(x: Kernel) -> Kernel:
    """Bessel's J1 from its integral: mean of cos(t - x sin t) over half a period of t."""
    t = (np.arange(_J1_NODES) + 0.5) * (math.pi / _J1_NODES)
    return np.asarray(np.cos(t - np.asarray(x)[..., None] * np.sin(t)).mean(axis=-1))
