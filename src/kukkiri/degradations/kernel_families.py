"""Families of kernels: principal components, and KernelGAN's clean-up and doubling of an estimate."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.blur_kernels import Kernel

__all__ = ["KernelBasis", "double_scale_kernel", "suppress_small_weights"]


@dataclass(frozen=True, eq=False)
class KernelBasis:
    """The principal components of a family of kernels, which give a short code for each member.

    Reference: Zhang et al., SRMD, CVPR 2018, arXiv:1712.06116, section 3.2: 15 components of 15x15
    kernels, without removing the mean; IKC and DAN keep 10 of 21x21.
    """

    components: Kernel
    """(count, height, width), orthonormal, the strongest first; each sums to at least 0."""
    mean: Kernel
    """(height, width); zero when the mean was not removed."""
    energy: float
    """Share of the family's energy (or variance) that the components hold, in [0, 1]."""

    @classmethod
    def fit(
        cls, kernels: Iterable[NDArray[np.floating[Any]]], *, count: int, remove_mean: bool = False
    ) -> "KernelBasis":
        """Find the components.

        Args:
            kernels: at least ``count`` of them, all of one shape.
            count: components to keep.
            remove_mean: classical PCA; otherwise SRMD's.

        Raises:
            ValueError: too few kernels.
        """
        family = np.stack([np.asarray(kernel, dtype=np.float64) for kernel in kernels])
        flat = family.reshape(len(family), -1)
        if not 1 <= count <= min(flat.shape):
            raise ValueError(f"count must be 1 to {min(flat.shape)} for {len(flat)} kernels, got {count}")
        mean = flat.mean(axis=0) if remove_mean else np.zeros(flat.shape[1])
        _, singular, right = np.linalg.svd(flat - mean, full_matrices=False)
        chosen = right[:count]
        chosen = chosen * np.where(chosen.sum(axis=1) < 0, -1.0, 1.0)[:, None]  # the sign is arbitrary: fix it
        shape = family.shape[1:]
        energy = float((singular[:count] ** 2).sum() / (singular**2).sum())
        return cls(components=chosen.reshape(count, *shape), mean=mean.reshape(shape), energy=energy)

    def encode(self, kernel: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """The code of one kernel, (count,)."""
        return np.asarray(np.tensordot(self.components, kernel - self.mean, axes=2))

    def decode(self, code: NDArray[np.floating[Any]]) -> Kernel:
        """The kernel nearest to a code; its sum is 1 only to the accuracy of the basis."""
        return self.mean + np.tensordot(code, self.components, axes=1)


def suppress_small_weights(kernel: NDArray[np.floating[Any]], *, keep: int = 40) -> Kernel:
    """Subtract 0.75 of the (keep + 1)-th largest weight, cut at 0, normalize: KernelGAN's ``zeroize_negligible_val``.

    Raises:
        ValueError: the kernel has no more than ``keep`` weights.
    """
    if not 1 <= keep < kernel.size:
        raise ValueError(f"keep must be 1 to {kernel.size - 1}, got {keep}")
    floor = 0.75 * np.partition(kernel, -keep - 1, axis=None)[-keep - 1]
    kept = np.maximum(np.asarray(kernel, dtype=np.float64) - floor, 0.0)
    return np.asarray(kept / kept.sum())


def double_scale_kernel(kernel: NDArray[np.floating[Any]]) -> Kernel:
    """The kernel of scale 4 from that of scale 2, for an image that is downscaled twice alike: k * (k dilated by 2).

    Args:
        kernel: (K, K) for scale 2, odd K at least 3.

    Returns:
        (2K - 1, 2K - 1) for scale 4: a border of K // 2 pixels is cut off, the rest normalized.

    Reference: Bell-Kligler et al., KernelGAN, NeurIPS 2019, supplementary material, ``analytic_kernel``.
    """
    size = kernel.shape[0]
    if kernel.shape != (size, size) or size < 3 or size % 2 == 0:
        raise ValueError(f"the kernel must be square with an odd side of at least 3, got {kernel.shape}")
    full = np.zeros((3 * size - 2, 3 * size - 2))
    for row, column in np.ndindex(size, size):
        full[2 * row : 2 * row + size, 2 * column : 2 * column + size] += kernel[row, column] * kernel
    margin = size // 2
    inner = full[margin:-margin, margin:-margin]
    return np.asarray(inner / inner.sum())
