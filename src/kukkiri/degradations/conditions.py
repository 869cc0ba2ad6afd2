"""The numbers that a conditioned network is given, computed from a blur kernel; see :class:`kukkiri.info.Condition`."""

import base64
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.alignment import centre_kernel, crop_kernel, kernel_covariance, odd_sided
from kukkiri.degradations.blur_kernels import Kernel
from kukkiri.degradations.kernel_files import load_matrix
from kukkiri.errors import ConfigError, ModelError
from kukkiri.info import Condition

__all__ = ["compute_condition", "pack_basis", "read_basis", "read_covariance", "unpack_basis"]

_MOST_LOST = 0.05  # of a kernel's weight, cut off at its borders
_CODE_UNIT = 1.25  # the code of a covariance is about -1 to 1 for the kernels of training, up to 2.5 scale


def compute_condition(
    condition: Condition, kernel: NDArray[np.floating[Any]], *, scale: int, noise_std: float = 0.0
) -> NDArray[np.float32]:
    """Compute the condition of a kernel, (length,).

    Args:
        condition: what the network was trained with.
        kernel: in HR pixels, any size; its centre of mass is moved to the middle.
        scale: of the network.
        noise_std: of the white noise of LR, in [0, 1].

    Raises:
        ConfigError: noise for a network that is not conditioned on it, or a kernel that is larger than it takes.
        ModelError: the basis of the components is missing or damaged.
    """
    if noise_std and not condition.noise:
        raise ConfigError(
            f"noise of {noise_std:g} was given, but the network is conditioned on the kernel only. Leave the noise out."
        )
    if condition.kind == "covariance":
        xx, yy, xy = (moment / (_CODE_UNIT * scale) for moment in kernel_covariance(kernel))
        numbers = [xx - 1, yy - 1, xy]
    elif condition.kind == "kernel":
        side = math.isqrt(condition.length - condition.noise)
        centred = centre_kernel(odd_sided(kernel))
        _check_fits(centred, side=side)
        numbers = list(crop_kernel(centred, size=side).ravel())
    elif condition.kind == "noise":
        numbers = []
    else:
        basis = unpack_basis(condition)
        centred = crop_kernel(centre_kernel(odd_sided(kernel)), size=basis.shape[1])
        numbers = list(np.tensordot(basis, centred, axes=2))
    return np.asarray([*numbers, noise_std] if condition.noise else numbers, dtype=np.float32)


def _check_fits(kernel: Kernel, *, side: int) -> None:
    """Refuse a centred kernel of which the middle (side, side) holds too little."""
    rows, columns = (slice(max((length - side) // 2, 0), (length + side) // 2) for length in kernel.shape)
    weights = np.abs(kernel)
    lost = 1 - float(weights[rows, columns].sum() / weights.sum())
    if lost > _MOST_LOST:
        raise ConfigError(
            f"the kernel is larger than the {side}x{side} pixels that the network takes: {100 * lost:.0f} % of its "
            "weight lies outside. Give a smaller one, or upscale without a kernel."
        )


def read_covariance(code: NDArray[np.floating[Any]], *, scale: int) -> tuple[float, float, float]:
    """Read the covariance (xx, yy, xy) in HR pixels squared from a condition of the kind ``covariance``.

    Args:
        code: its first three numbers, or more.
        scale: of the network.
    """
    xx, yy, xy = (_CODE_UNIT * scale * float(number) for number in (code[0] + 1, code[1] + 1, code[2]))
    return xx, yy, xy


def read_basis(path: str | Path) -> Kernel:
    """Read the principal components of blur kernels, (count, side, side).

    Args:
        path: ``.npy``, ``.npz`` or ``.mat`` with one array: (count, side, side), or a matrix (count, side * side) whose
            rows hold the columns of a kernel one after the other, as MATLAB has them (KAIR's ``srmd_pca_matlab.mat``).

    Raises:
        ConfigError: the file cannot be read, or holds another shape.
        BackendError: a ``.mat`` file without SciPy installed.
    """
    values = load_matrix(path, names=("P", "basis"), dimensions=(2, 3))
    side = math.isqrt(values.shape[1]) if values.ndim == 2 else values.shape[1]
    if values.ndim == 2 and side * side == values.shape[1]:
        values = values.reshape(-1, side, side).swapaxes(1, 2)
    if values.ndim != 3 or values.shape[1:] != (side, side) or side % 2 == 0 or not np.isfinite(values).all():
        raise ConfigError(
            f"{path}: not the components of kernels: expected (count, side, side) with an odd side, or (count, "
            f"side * side), got {values.shape}."
        )
    return np.asarray(values, dtype=np.float64)


def pack_basis(basis: NDArray[np.floating[Any]]) -> str:
    """Write (count, side, side) as the text of :attr:`kukkiri.info.Condition.basis`."""
    return base64.b64encode(np.ascontiguousarray(basis, dtype="<f4").tobytes()).decode("ascii")


def unpack_basis(condition: Condition) -> Kernel:
    """Read the basis of a condition, (count, side, side).

    Raises:
        ModelError: it is missing or damaged.
    """
    if not condition.basis:
        raise ModelError(
            "the network is conditioned on the principal components of kernels, which its file does not hold. Give "
            "them: --model-args basis=FILE (.npy or .mat), in Python model_args={'basis': FILE}."
        )
    count = condition.length - condition.noise
    try:
        values = np.frombuffer(base64.b64decode(condition.basis, validate=True), dtype="<f4")
        side = math.isqrt(values.size // count)
        return np.asarray(values.reshape(count, side, side), dtype=np.float64)
    except ValueError as error:
        raise ModelError(f"the basis of the network's condition is damaged ({error}). Get the file again.") from error
