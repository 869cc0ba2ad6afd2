"""The centre of a kernel: measured, moved, and aligned with the bicubic grid.

One convention holds everywhere in this package. LR pixel i of an image that is downscaled by s covers
the HR pixels s i ... s i + s - 1, so its centre lies at s i + (s - 1) / 2: MATLAB's ``imresize``, and
everything that is trained on bicubic pairs, agrees. Direct subsampling keeps HR pixel s i, so with a
centred kernel it is (s - 1) / 2 pixels too far up and left. The image *aligns* with the bicubic
one when the kernel's centre of mass lies (s - 1) / 2 pixels below and right of the kernel's anchor,
the pixel size // 2 (the middle of an odd kernel).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.blur_kernels import Kernel
from kukkiri.resampling import border_indices

__all__ = [
    "align_kernel",
    "aligned_centre",
    "centre_kernel",
    "centre_of_mass",
    "crop_kernel",
    "kernel_covariance",
    "lies_aligned",
    "move_kernel",
    "odd_sided",
    "shrink_kernel",
]


def centre_of_mass(kernel: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """(row, column) of the centre of mass, in pixels from the first."""
    total = kernel.sum()
    rows = float(kernel.sum(axis=1) @ np.arange(kernel.shape[0]) / total)
    return rows, float(kernel.sum(axis=0) @ np.arange(kernel.shape[1]) / total)


def kernel_covariance(kernel: NDArray[np.floating[Any]]) -> tuple[float, float, float]:
    """Second moments about the centre of mass in pixels squared: along x, along y, and mixed."""
    row, column = centre_of_mass(kernel)
    y, x = np.arange(kernel.shape[0])[:, None] - row, np.arange(kernel.shape[1])[None] - column
    total = float(kernel.sum())
    xx, yy, xy = (float((kernel * product).sum()) / total for product in (x * x, y * y, x * y))
    return xx, yy, xy


def aligned_centre(shape: tuple[int, int], scale: int) -> tuple[float, float]:
    """The centre of mass, (row, column), with which direct subsampling aligns with the bicubic grid."""
    return shape[0] // 2 + (scale - 1) / 2, shape[1] // 2 + (scale - 1) / 2


def lies_aligned(kernel: NDArray[np.floating[Any]], *, scale: int) -> bool:
    """True when the centre of mass is nearer to :func:`aligned_centre` than to the anchor, along both axes.

    Kernels that KernelGAN and FKP write are so: their LR images lie on the bicubic grid, though every scale-th pixel
    is kept.
    """
    centre, anchor = centre_of_mass(kernel), (kernel.shape[0] // 2, kernel.shape[1] // 2)
    aligned = (scale - 1) / 2
    return all(abs(at - middle - aligned) < abs(at - middle) for at, middle in zip(centre, anchor, strict=True))


def odd_sided(kernel: NDArray[np.floating[Any]]) -> Kernel:
    """Zeros before the first row or column of an even side, so that the anchor is pixel (size - 1) // 2 of the matrix.

    MATLAB's ``imfilter`` anchors an even kernel there; SciPy's ``correlate`` one pixel further, which moves an image
    away from the bicubic grid instead of towards it.
    """
    return np.pad(np.asarray(kernel, dtype=np.float64), [(1 - side % 2, 0) for side in kernel.shape])


def centre_kernel(kernel: NDArray[np.floating[Any]]) -> Kernel:
    """Move the centre of mass to the middle, (size - 1) / 2; the array grows as :func:`move_kernel` says."""
    return move_kernel(kernel, to=((kernel.shape[0] - 1) / 2, (kernel.shape[1] - 1) / 2))


def align_kernel(kernel: NDArray[np.floating[Any]], *, scale: int) -> Kernel:
    """Move the centre of mass to :func:`aligned_centre`; for odd kernels this is KernelGAN's ``kernel_shift``.

    For even kernels KernelGAN's target is half a pixel further, off the bicubic grid by as much. ZSSR's and MZSR's
    copies were written for Python 2; on Python 3 they are off by half a pixel for odd kernels.
    """
    return move_kernel(kernel, to=aligned_centre((kernel.shape[0], kernel.shape[1]), scale))


def move_kernel(kernel: NDArray[np.floating[Any]], *, to: tuple[float, float]) -> Kernel:
    """Shift a kernel by a cubic spline, so that its centre of mass is at ``to``.

    Args:
        kernel: (height, width).
        to: (row, column) in the given array.

    Returns:
        A larger array: zeros are added evenly on the four sides (one pixel more than the shift rounded up),
        so an odd side stays odd and the anchor is kept. Not normalized, as in KernelGAN; the sum changes by about
        1e-5 for a kernel that is nearly zero at its border.

    Reference: Bell-Kligler et al., KernelGAN, NeurIPS 2019, arXiv:1909.06581, ``kernel_shift``.
    """
    centre = centre_of_mass(kernel)
    shift = (to[0] - centre[0], to[1] - centre[1])
    padded = np.pad(np.asarray(kernel, dtype=np.float64), math.ceil(max(map(abs, shift))) + 1)
    rows, columns = (_shift_matrix(length, by) for length, by in zip(padded.shape, shift, strict=True))
    return rows @ padded @ columns.T


def shrink_kernel(
    kernel: NDArray[np.floating[Any]], *, by: tuple[float, float], about: tuple[float, float] | None = None
) -> Kernel:
    """Shrink a kernel along rows and columns towards a place, which becomes the middle.

    Args:
        kernel: (height, width).
        by: factors of (rows, columns), from 0 to 1; 0 leaves a single weight along that axis.
        about: (row, column) of the place; by default the centre of mass.

    Returns:
        An odd square with the sum of ``kernel``. Each weight is shared bilinearly among the pixels around its place,
        which keeps the centre of mass and adds at most a quarter to a variance.
    """
    middle = centre_of_mass(kernel) if about is None else about
    axes = list(zip(middle, kernel.shape, by, strict=True))
    radius = max(math.ceil(max(at, side - 1 - at) * part) for at, side, part in axes)
    size = 2 * radius + 3
    matrices = []
    for at, side, part in axes:
        position = radius + 1 + part * (np.arange(side) - at)
        first = np.floor(position).astype(np.int64)
        matrix = np.zeros((size, side))
        matrix[first, np.arange(side)] = 1 - (position - first)
        matrix[first + 1, np.arange(side)] += position - first
        matrices.append(matrix)
    return np.asarray(matrices[0] @ kernel @ matrices[1].T)


def crop_kernel(kernel: NDArray[np.floating[Any]], *, size: int) -> Kernel:
    """Cut or pad with zeros evenly to (size, size), anchor on anchor, and normalize."""
    result = np.zeros((size, size))
    source, target = [], []
    for length in kernel.shape:
        first = length // 2 - size // 2
        source.append(slice(max(first, 0), min(first + size, length)))
        target.append(slice(source[-1].start - first, source[-1].stop - first))
    result[target[0], target[1]] = kernel[source[0], source[1]]
    return np.asarray(result / result.sum())


def _shift_matrix(length: int, by: float) -> Kernel:
    """The matrix of a cubic B-spline shift: interpolate, then read at i - by; zero outside the samples."""
    sampling = np.zeros((length, length))
    for tap, weight in ((-1, 1 / 6), (0, 4 / 6), (1, 1 / 6)):
        np.add.at(
            sampling, (np.arange(length), border_indices(np.arange(length) + tap, length, border="reflect")), weight
        )
    positions = np.arange(length) - by
    first = np.floor(positions).astype(np.int64) - 1
    evaluation = np.zeros((length, length))
    for tap in range(4):
        distance = np.abs(positions - first - tap)
        near = 2 / 3 - distance**2 + distance**3 / 2
        weight = np.where(distance < 1, near, np.maximum(2 - distance, 0) ** 3 / 6)
        np.add.at(evaluation, (np.arange(length), border_indices(first + tap, length, border="reflect")), weight)
    evaluation[(positions < 0) | (positions > length - 1)] = 0
    return np.asarray(np.linalg.solve(sampling.T, evaluation.T).T)
