"""Engines of solvers that are given the blur kernel itself: USRNet, DPSR, and any denoiser as a prior.

They take the kernel as a condition of the kind ``kernel``, see :class:`kukkiri.info.Condition`, and look at the whole
image: tiles are for images that memory cannot hold.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError, ModelError
from kukkiri.inference.conditioned import ConditionableEngine
from kukkiri.inference.engine import Footprint
from kukkiri.inference.half_quadratic import iterate
from kukkiri.info import Condition, ModelInfo

__all__ = ["KernelEngine", "describe_solver", "is_prior", "make_plug_and_play", "read_scale"]

Batch = NDArray[np.float32]
Solve = Callable[[Batch, NDArray[np.float64], float], NDArray[Any]]
_SIDE = 25  # of the kernels, as in USRNet's training
_SOLVER_BYTES = 1600  # of float64 spectra and features, for one HR pixel


class KernelEngine:
    """A solver that is given a kernel and a noise level for each image."""

    def __init__(self, solve: Solve, *, info: ModelInfo) -> None:
        """Wrap a solver.

        Args:
            solve: maps (H, W, 3) in [0, 1], a kernel in HR pixels and the noise to (scale*H, scale*W, 3).
            info: its descriptor, with a condition of the kind ``kernel``.
        """
        self._solve, self.info = solve, info
        self.footprint = Footprint(linear=_SOLVER_BYTES * info.scale**2)

    def run(self, batch: Batch) -> Batch:
        """Refuse to run without a kernel.

        Raises:
            ModelError: always.
        """
        raise ModelError(f"{self.info.name}: is conditioned on the blur. Give it: --kernel estimate.")

    def run_conditioned(self, batch: Batch, condition: Batch) -> Batch:
        """Map lr (N, 3, H, W) and its condition (N, length) to sr."""
        results = []
        for image, numbers in zip(batch, condition, strict=True):
            kernel = numbers[:-1].reshape(_SIDE, _SIDE).astype(np.float64)
            lr = np.ascontiguousarray(image.transpose(1, 2, 0))
            results.append(self._solve(lr, kernel / kernel.sum(), float(numbers[-1])).transpose(2, 0, 1))
        return np.stack(results).astype(np.float32)


def describe_solver(
    name: str, network: str, scale: int, *, subsample: str = "direct", sha256: str = "", licence: str = ""
) -> ModelInfo:
    """Describe a solver that is given a kernel and the noise."""
    condition = Condition(
        kind="kernel",
        length=_SIDE**2 + 1,
        subsample="bicubic" if subsample == "bicubic" else "direct",
        noise=True,
    )
    return ModelInfo(
        name=name,
        network=network,
        scale=scale,
        colour="rgb",
        receptive_field=None,
        licence=licence,
        sha256=sha256,
        condition=condition,
    )


def is_prior(info: ModelInfo) -> bool:
    """True for a denoiser, which is given the noise and does not upscale."""
    return info.scale == 1 and info.condition is not None and info.condition.kind == "noise"


def make_plug_and_play(denoiser: ConditionableEngine, *, scale: int) -> KernelEngine:
    """Make the plug-and-play solver of a denoiser, see :mod:`kukkiri.inference.half_quadratic`.

    Args:
        denoiser: see :func:`is_prior`.
        scale: 1 deblurs.
    """

    def remove_noise(image: Batch, noise_std: float) -> Batch:
        clean: Batch = denoiser.run_conditioned(image[None], np.array([[noise_std]], dtype=np.float32))[0]
        return clean

    def solve(lr: Batch, kernel: NDArray[np.float64], noise_std: float) -> NDArray[Any]:
        planes = np.ascontiguousarray(lr.transpose(2, 0, 1))
        sr = iterate(planes, kernel, prior=remove_noise, scale=scale, noise_std=noise_std or None)
        return sr.transpose(1, 2, 0).clip(0, 1)

    about = denoiser.info
    info = describe_solver(about.name, "plug-and-play", scale, sha256=about.sha256, licence=about.licence)
    return KernelEngine(solve, info=info)


def read_scale(name: str, scale: float | None) -> int:
    """Read the scale that is asked of a solver of any whole scale; 2 when none is.

    Raises:
        ConfigError: it is not whole.
    """
    if scale is not None and not float(scale).is_integer():
        raise ConfigError(f"{name}: solves for a whole scale, got {scale:g}.")
    return 2 if scale is None else int(scale)
