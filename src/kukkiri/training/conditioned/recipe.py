"""Recipes of conditioned training: the distribution of kernels, noise and scales that the network is conditioned on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from kukkiri.errors import ConfigError
from kukkiri.training.recipe import Recipe, check_choice

__all__ = ["CONDITIONED_CHOICES", "KERNEL_KINDS", "ConditionedRecipe"]

CONDITIONED_CHOICES: dict[str, tuple[str, ...]] = {
    "border": ("cut", "wrap"),
    "rounding": ("none", "before", "after"),
    "subsample": ("bicubic", "direct"),
}
"""The values of fields that have a few."""
KERNEL_KINDS = ("gaussian", "isotropic", "motion", "none")
"""The keys of :attr:`ConditionedRecipe.kernels`."""

_UNUSED = ("lr", "hr", "validation_sets", "validation_degradation", "centre", "cache")


@dataclass(frozen=True, kw_only=True)
class ConditionedRecipe(Recipe):
    """A run of conditioned training, whose TOML file says ``kind = "conditioned"``. The defaults are SRMD's.

    Every patch of an update is degraded by a kernel and a noise of its own, and the network is given them in the form
    that it declares: the vector of its :class:`kukkiri.info.Condition`, a kernel, a standard deviation, or a scale.
    """

    fixed_fields: ClassVar[tuple[str, ...]] = (
        *("kernels", "kernel_size", "variances", "subsample", "basis", "basis_kernels"),
    )

    kernels: Mapping[str, float] = field(default_factory=dict)
    """Shares of the kinds of blur kernels: ``gaussian`` (any covariance), ``isotropic`` (its sigma is uniform),
    ``motion`` (a shaking hand), ``none``; empty: ``gaussian`` only."""
    kernel_size: int = 15
    """Height and width of the kernels in HR pixels, odd."""
    variances: tuple[float, float] = (0.1, 10.0)
    """Of Gaussian kernels, in HR pixels squared: the first is uniform between these two, the second between the lower
    one and the first; of ``isotropic`` their roots are the range of sigma."""
    shifted: bool = False
    """Move the centre of each Gaussian kernel by (t - 1) / 2 pixels, where t is one of ``scales``, as in USRNet's
    training."""
    subsample: str = "bicubic"
    """After the blur: ``bicubic``, or ``direct`` (pixels [0::scale])."""
    border: str = "cut"
    """``cut``: patches have a margin, which takes the effects of borders and is cut off. ``wrap``: patches are blurred
    as if they were periodic, which networks that use Fourier transforms expect."""
    noise_levels: tuple[float, float] = (0.0, 0.0)
    """Standard deviation of the white noise, uniform between these two levels of 255."""
    noise_free: float = 0.0
    """Share of the patches that have no noise."""
    rounding: str = "before"
    """Rounding of LR to 8 bit: ``before`` the noise, ``after`` it (as in files), ``none``."""
    scales: tuple[float, ...] = ()
    """Scales of the updates, one sampled for each; only for networks that take the scale. Empty: ``scale``."""
    hr_patch: int = 0
    """Height and width of a patch in HR pixels, rounded down to what the scale divides; 0: ``patch`` LR pixels."""
    basis: str = ""
    """File of the principal components that kernels are projected on; empty: they are computed from
    ``basis_kernels`` kernels of the recipe, and saved with the weights."""
    basis_kernels: int = 10_000
    """Kernels that the principal components are computed from."""
    validation_degradations: tuple[str, ...] = ()
    """Texts of degradations, such as ``gaussian:2.0+bicubic+noise:0.02``. Empty: variance 2 with ``subsample``."""
    validation_scales: tuple[float, ...] = ()
    """Scales that are scored; empty: ``scale``."""
    validation_images: int = 6
    """Number of images of the folder that are used, the first ones by name."""
    validation_side: int = 240
    """Height and width, in HR pixels, of the central crop that is used of each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in CONDITIONED_CHOICES.items():
            check_choice(name, getattr(self, name), known)
        self._check_kernels()
        low, high = self.noise_levels
        if not 0 <= low <= high <= 255:
            raise ConfigError(f"noise_levels must be two levels in ascending order, 0 to 255, got {[low, high]}.")
        if not 0 <= self.noise_free <= 1:
            raise ConfigError(f"noise_free must be in [0, 1], got {self.noise_free}.")
        for name in ("validation_images", "validation_side", "basis_kernels"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}.")
        self._check_scales()
        unused = [name for name in _UNUSED if getattr(self, name)]
        unused += ["degradation"] if self.degradation != "bicubic" else []
        unused += ["variants"] if self.variants != 1 else []
        unused += ["initialization"] if self.initialization in ("whitened", "widened") else []
        if unused:
            raise ConfigError(f"{', '.join(unused)}: not supported by conditioned training. Remove it.")

    def _check_kernels(self) -> None:
        for name in self.kernels:
            check_choice("kind in kernels", name, KERNEL_KINDS)
        shares = self.kernel_shares.values()
        if not (all(math.isfinite(share) and share >= 0 for share in shares) and sum(shares) > 0):
            raise ConfigError(f"kernels are shares from 0, at least one above it, got {dict(self.kernels)}.")
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise ConfigError(f"kernel_size must be odd and positive, got {self.kernel_size}.")
        if "motion" in self.kernels and self.kernel_size < 5:
            raise ConfigError(f"kernel_size must be at least 5 for motion, got {self.kernel_size}.")
        low, high = self.variances
        if not 0 < low <= high < math.inf:
            raise ConfigError(f"variances must be two positive numbers in ascending order, got {[low, high]}.")

    def _check_scales(self) -> None:
        for name in ("scales", "validation_scales"):
            for scale in getattr(self, name):
                if not 1 <= scale <= 16:
                    raise ConfigError(f"{name} must be 1 to 16, got {list(getattr(self, name))}.")
        if self.hr_patch < 0 or (self.hr_patch and self.hr_patch < max(self.drawn_scales)):
            raise ConfigError(f"hr_patch must be 0 or at least the largest scale, got {self.hr_patch}.")

    @property
    def kernel_shares(self) -> dict[str, float]:
        """The shares of the kinds of kernels."""
        return dict(self.kernels) or {"gaussian": 1.0}

    @property
    def blurs(self) -> bool:
        """Some kernels are blurs."""
        return set(self.kernel_shares) != {"none"}

    @property
    def drawn_scales(self) -> tuple[float, ...]:
        """The scales of the updates."""
        return self.scales or (float(self.scale),)
