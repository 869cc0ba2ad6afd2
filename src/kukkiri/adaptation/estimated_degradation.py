"""Blur estimated from an image for ``--kernel estimate``, on the grid that fits the method or initialization."""

from kukkiri.adaptation.adapting import degradation_of
from kukkiri.adaptation.meta_initialization import find_initialization, load_initialization
from kukkiri.degradations import Degradation, GaussianEstimate, estimate_gaussian
from kukkiri.errors import ConfigError
from kukkiri.images import Image

__all__ = ["estimate_degradation"]


def estimate_degradation(
    image: Image, *, scale: int, subsample: str = "direct", method: str | None = None, initialization: str | None = None
) -> tuple[Degradation, GaussianEstimate]:
    """Estimate the blur of an image for :func:`kukkiri.adaptation.adapt`.

    A power spectrum does not contain the position of the pixels. An initialization that was trained on ``direct``
    subsampling gets the kernel as it was trained with: the result is then shifted by (scale - 1) / 2 of its pixels,
    which nothing shows. In every other case the kernel is aligned, so that nothing is shifted.

    Args:
        image: the LR image, at least 64x64 pixels.
        scale: at least 2.
        subsample: must be ``direct``, because the estimate contains the blur of downscaling.
        method: that will adapt; see ``adapt``.
        initialization: id or file of the one that will adapt.

    Raises:
        ConfigError: another subsampling, or a scale below 2.
        ImageError: the image is too small.
        ModelError: the initialization cannot be read.
    """
    if subsample != "direct":
        raise ConfigError(
            f"--kernel estimate contains the blur of downscaling, so --subsample must be direct, got {subsample}."
        )
    if scale < 2:
        raise ConfigError(f"adaptation needs a whole scale from 2, got {scale}.")
    estimate = estimate_gaussian(image.colour, scale=scale)
    direct = degradation_of(f"{estimate}+direct")
    if initialization is not None:
        trained_on = load_initialization(initialization, scale=scale, subsample="bicubic").subsample
        on_direct = trained_on == "direct"
    else:
        on_direct = method != "zssr" and find_initialization(direct, scale=scale, network=method) is not None
    return direct if on_direct else degradation_of(f"{estimate}+direct:aligned"), estimate
