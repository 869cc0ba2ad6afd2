"""Blur estimated from an image for ``--kernel estimate``, on the grid that fits the method or initialization."""

from os import PathLike
from typing import NamedTuple

from kukkiri.adaptation.assumed_degradation import degradation_of
from kukkiri.adaptation.meta_initialization import Initialization, find_initialization, load_initialization
from kukkiri.degradations import Degradation, DegradationEstimate, DegradationRequest
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.inference.blind import find_degradation, tell_grid

__all__ = ["EstimatedDegradation", "estimate_degradation"]


class EstimatedDegradation(NamedTuple):
    """The degradation that adaptation assumes, and what led to it."""

    degradation: Degradation
    """``bicubic`` where the estimate is not to be trusted."""
    estimate: DegradationEstimate | None
    """That was used; ``None``: none."""
    notes: tuple[str, ...]
    """Lines for the user."""


def estimate_degradation(
    image: Image,
    *,
    scale: int,
    subsample: str = "direct",
    method: str | None = None,
    initialization: str | PathLike[str] | Initialization | None = None,
) -> EstimatedDegradation:
    """Estimate the blur of an image for :func:`kukkiri.adaptation.adapt`.

    No blur, a Gaussian, a disk and a motion compete, as for :class:`kukkiri.Upscaler`, and an estimate that is not to
    be trusted is not used. A power spectrum does not contain the position of the pixels. An initialization that was
    trained on ``direct`` subsampling gets the kernel as it was trained with: the result is then shifted by
    (scale - 1) / 2 of its pixels, which nothing shows. In every other case the kernel is aligned, so that nothing is
    shifted.

    Args:
        image: the LR image.
        scale: at least 2.
        subsample: must be ``direct``, because the estimate contains the blur of downscaling.
        method: that will adapt; see ``adapt``.
        initialization: id or file of the one that will adapt, or a loaded one.

    Raises:
        ConfigError: another subsampling, or a scale below 2.
        ModelError: the initialization cannot be read.
    """
    if subsample != "direct":
        raise ConfigError(
            f"kernel estimate contains the blur of downscaling, so subsample must be direct, got {subsample}."
        )
    if scale < 2:
        raise ConfigError(f"adaptation needs a whole scale from 2, got {scale}.")
    found = find_degradation(image, DegradationRequest(noise_std="estimate"), scale=scale, subsample="direct")
    estimate = found.estimate
    if estimate is None or found.doubt is not None:
        note = f"{found.doubt}, so bicubic downscaling is assumed{found.remedy}"
        return EstimatedDegradation(Degradation.parse("bicubic"), None, (note, *found.rival))
    notes = (str(estimate), *found.rival)
    direct = _as_degradation(estimate, aligned=False)
    if initialization is not None:
        if not isinstance(initialization, Initialization):
            initialization = load_initialization(initialization, scale=scale, subsample="bicubic")
        on_direct = initialization.subsample == "direct"
    else:
        on_direct = method != "zssr" and find_initialization(direct, scale=scale, network=method) is not None
    if not on_direct:
        return EstimatedDegradation(_as_degradation(estimate, aligned=True), estimate, notes)
    return EstimatedDegradation(direct, estimate, (*notes, *tell_grid(estimate)))


def _as_degradation(estimate: DegradationEstimate, *, aligned: bool) -> Degradation:
    if estimate.text:
        return degradation_of(f"{estimate.text}+direct{':aligned' if aligned else ''}")
    return Degradation.from_kernel(estimate.kernel, method="direct", aligned=aligned)
