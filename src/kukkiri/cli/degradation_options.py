"""``--kernel`` and its companions: the blur that made an image, for networks that are conditioned on it."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from kukkiri.cli.parameters import UsageError
from kukkiri.degradations import DegradationRequest
from kukkiri.degradations.degradation_estimate import Estimator, GridSubsampling

__all__ = ["DEFAULT_DEGRADATION", "DegradationOptions"]


@Parameter(name="*", group=Group("Blurred images", sort_key=3))
@dataclass(frozen=True, kw_only=True)
class DegradationOptions:
    """The degradation that a network is conditioned on."""

    kernel: str | None = None
    """blur that made the image, which a kernel-conditioned network inverts: estimate (of each image its own), bicubic,
    a blur such as gaussian:2.0 or gaussian:L1,L2,THETA (variances in pixels of the result squared, angle in radians),
    or a kernel file (.npy, .npz, .mat, .txt)."""
    subsample: GridSubsampling | None = None
    """subsampling after the blur: direct (every scale-th pixel) or bicubic; the model's when not given, else direct."""
    estimator: Annotated[Estimator | None, Parameter(show_default=False)] = None
    """way to estimate the kernel: spectrum (a Gaussian, a disk or a motion, at once; the default), patches (any shape,
    seconds), kernelgan (any shape, minutes, needs torch), ikc (a Gaussian, by the predictor and corrector of the
    model: --model-args predictor=FILE corrector=FILE)."""
    kernel_seed: int | None = None
    """seed of --estimator kernelgan, 0 when not given."""
    noise: float | Literal["estimate"] | None = None
    """standard deviation of the image's noise, from 0 to 1, or estimate (of each image its own), for models that take
    it: srmd, which a preset then stands for, USRNet, a denoiser."""

    def read(self) -> DegradationRequest | None:
        """Read the options.

        Raises:
            ConfigError: a value is impossible.
            UsageError: an option needs ``--kernel``, or ``--kernel estimate``.
        """
        if self.kernel is None:
            for name in ("subsample", "estimator", "kernel_seed", "noise"):
                if getattr(self, name) is not None:
                    option = name.replace("_", "-")
                    raise UsageError(f"--{option} is about a blur. Give it with --kernel, such as --kernel estimate.")
            return None
        if self.estimator is not None and self.kernel != "estimate":
            raise UsageError(f"--estimator is for --kernel estimate, but --kernel {self.kernel} was given. Drop one.")
        if self.kernel_seed is not None and self.estimator != "kernelgan":
            raise UsageError("--kernel-seed is for --estimator kernelgan, which is trained on the image. Drop it.")
        return DegradationRequest(
            self.kernel, self.subsample, self.estimator or "spectrum", self.noise or 0.0, self.kernel_seed or 0
        )


DEFAULT_DEGRADATION = DegradationOptions()
