"""The degradation that adaptation assumes to have made an image, from what a user gives."""

from os import PathLike, fspath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation, lies_aligned, load_kernel, odd_sided
from kukkiri.degradations.degradation_estimate import check_kernel_name
from kukkiri.degradations.kernel_files import find_kernel_path
from kukkiri.errors import ConfigError, did_you_mean

__all__ = ["degradation_of"]


def degradation_of(
    kernel: str | PathLike[str] | NDArray[np.generic],
    *,
    scale: int | None = None,
    subsample: Literal["direct", "bicubic"] = "direct",
) -> Degradation:
    """Return the degradation that ``adapt`` assumes for its ``kernel``, ``scale`` and ``subsample``.

    A matrix or file whose centre of mass lies near (scale - 1) / 2 below and right of the anchor, as in the kernels of
    KernelGAN and FKP, gives ``direct:aligned``: the LR image lies on the bicubic grid. Without a scale, and for a whole
    degradation, nothing is recognized.

    Raises:
        ConfigError: the text or the file is not a kernel, or has steps that are not linear.
    """
    if subsample not in ("direct", "bicubic"):
        raise ConfigError(f"unknown subsampling {subsample!r}{did_you_mean(subsample, ('direct', 'bicubic'))}")
    if isinstance(kernel, np.ndarray):
        try:
            return _from_matrix(kernel, scale=scale, subsample=subsample)
        except ValueError as error:
            raise ConfigError(f"the array cannot be used as a kernel: {error}.") from error
    text = fspath(kernel)
    if text == "bicubic":
        return Degradation.parse(text)
    if (path := find_kernel_path(text)) is not None:
        return _from_matrix(load_kernel(path), scale=scale, subsample=subsample)
    check_kernel_name(text)
    degradation = Degradation.parse(text if "+" in text else f"{text}+{subsample}")
    if not degradation.linear:
        raise ConfigError(
            f"{degradation}: adaptation assumes a linear degradation, blur and subsampling. Drop noise, JPEG and 8bit."
        )
    return degradation


def _from_matrix(kernel: NDArray[Any], *, scale: int | None, subsample: Literal["direct", "bicubic"]) -> Degradation:
    degradation = Degradation.from_kernel(kernel, method=subsample)
    if scale is None or subsample != "direct" or not lies_aligned(odd_sided(np.asarray(kernel)), scale=scale):
        return degradation
    return Degradation.from_kernel(kernel, method=subsample, aligned=True)
