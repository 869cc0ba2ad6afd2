"""Estimators of a degradation: from the image's power spectrum, from patches that recur in it, or registered ones."""

from collections.abc import Callable
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri import engine_loaders
from kukkiri.degradations.alignment import centre_kernel, odd_sided
from kukkiri.degradations.blur_candidates import (
    STILL_ALIASED,
    BlurCandidate,
    BlurRanking,
    add_bicubic,
    find_axes,
    find_excess,
    rank_spectrum,
)
from kukkiri.degradations.blur_kernels import Kernel, bicubic_kernel, gaussian_kernel
from kukkiri.degradations.cautious_blur import estimate_cautiously, is_slight_beside_bicubic, narrow_slight
from kukkiri.degradations.degradation_estimate import (
    DegradationEstimate,
    DegradationRequest,
    Estimator,
    GridSubsampling,
)
from kukkiri.degradations.estimate import estimate_kernel
from kukkiri.degradations.estimate_gaussian import BLOCK
from kukkiri.degradations.spectrum_model import SpectrumModel
from kukkiri.errors import ConfigError

__all__ = ["FindCovariance", "as_slight_blur", "estimate_degradation", "require_ikc"]

FindCovariance = Callable[[NDArray[np.uint8 | np.floating[Any]]], tuple[float, float, float]]
"""A function from an image (H, W, 1 or 3) to the covariance (xx, yy, xy) of its blur in HR pixels squared."""

_SURE = 0.05  # standard error, in units of 1.25 scale, of an estimate of confidence 1/2
_NO_BETTER = 0.99  # of the misfit of no blur: a slight blur that was narrowed explains no more
_LARGE_SCALE = 3  # from which a blur and a scene of few details look alike
_SMALL = 16 * BLOCK**2  # pixels, 256x256


def estimate_degradation(
    image: NDArray[np.uint8 | np.floating[Any]],
    *,
    scale: int,
    subsample: GridSubsampling = "direct",
    estimator: Estimator = "spectrum",
    noise_std: float = 0.0,
    seed: int = 0,
    find_covariance: FindCovariance | None = None,
) -> DegradationEstimate:
    """Estimate the blur of a low-resolution image.

    Args:
        image: (H, W) or (H, W, 1 or 3): uint8, or floats in [0, 1]; at least 64 pixels high and wide. Not one that was
            compressed with loss, which removes the frequencies that are measured.
        scale: HR pixels for one LR pixel along a side.
        subsample: that the image is said to have come by, which the image itself does not tell.
        estimator: see :data:`Estimator`.
        noise_std: of the image; it is only handed on, see :func:`kukkiri.degradations.estimate_noise`.
        seed: of an estimator that is trained.
        find_covariance: of the estimator ``ikc``, whose networks are a user's, see :data:`FindCovariance`.

    Returns:
        The kernel, centred: a shift of the whole image leaves no trace. Its ``kind`` is ``none`` where bicubic
        downscaling alone explains the image.

    Raises:
        ConfigError: an estimator of any shape and bicubic subsampling, whose blur cannot be taken off its kernel;
            ``ikc`` without its networks; or an argument with an impossible value.
        BackendError: an estimator that needs torch, which is missing.
        ImageError: no such image, or one that is too small or has no texture.
    """
    DegradationRequest("estimate", subsample, estimator, noise_std, seed)  # which checks them
    if not isinstance(scale, Integral) or isinstance(scale, bool) or scale < 1:
        raise ConfigError(f"a blur is estimated for a whole scale from 1, got {scale!r}.")
    if estimator == "ikc":
        return _estimate_by_networks(image, find_covariance, scale=scale, subsample=subsample, noise_std=noise_std)
    if estimator != "spectrum" and subsample != "direct":
        raise ConfigError(f"the estimator {estimator} is for direct subsampling. Use the estimator spectrum.")
    registered = engine_loaders.find_estimator(estimator)
    if registered is not None:
        kernel = centre_kernel(odd_sided(registered(image, scale, seed)))
        model = SpectrumModel(image, scale=scale)
        sure = _confirm(model, kernel)
        return DegradationEstimate(kernel, scale, subsample, noise_std, sure, estimator, kind="free")
    if estimator == "patches":
        shape = estimate_kernel(image, scale=scale)
        removed = 1 - shape.distances[-1] / max(shape.distances[0], 1e-12)
        sure = min(max(removed, 0.0), 1.0)
        return DegradationEstimate(shape.kernel, scale, subsample, noise_std, sure, estimator, kind="free")
    ranking, sure = _rank(image, scale=scale, bicubic=subsample == "bicubic")
    best = ranking.best
    return DegradationEstimate(
        _find_kernel(best, scale=scale, subsample=subsample),
        scale,
        subsample,
        noise_std,
        sure,
        estimator,
        text=best.text,
        kind=best.kind,
        ranking=ranking,
    )


def require_ikc(find_covariance: FindCovariance | None, *, model: str = "the estimator ikc") -> FindCovariance:
    """Return the estimator of IKC's networks.

    Args:
        find_covariance: of the network that upscales.
        model: name of that network, for the message.

    Raises:
        ConfigError: there is none.
    """
    if find_covariance is None:
        raise ConfigError(
            f"{model}: has no predictor and corrector, which estimate the blur for a network. Name the network and "
            "give both: --model weights.safetensors --model-args predictor=FILE corrector=FILE, or take the estimator "
            "spectrum."
        )
    return find_covariance


def as_slight_blur(estimate: DegradationEstimate) -> DegradationEstimate | None:
    """Replace the blur of an aliased image by a slight one, which is safe where its size is uncertain.

    Returns:
        ``None``: the image shows no aliases of direct subsampling, or nothing explains it.
    """
    ranking = estimate.ranking
    if ranking is None or not ranking.aliased or not ranking.explained or estimate.subsample != "direct":
        return None
    kernel = gaussian_kernel(STILL_ALIASED)
    return replace(estimate, kernel=kernel, text=f"gaussian:{STILL_ALIASED:g}", kind="gaussian")


def _rank(image: NDArray[np.uint8 | np.floating[Any]], *, scale: int, bicubic: bool) -> tuple[BlurRanking, float]:
    """Explain the spectrum, and say how sure the best explanation is; what it hardly tells is taken cautiously."""
    model = SpectrumModel(image, scale=scale)
    ranking = rank_spectrum(model, image=image, bicubic=bicubic)
    sure = _find_confidence(ranking, scale=scale)
    if bicubic:
        return (ranking, sure) if not is_slight_beside_bicubic(ranking, scale=scale) else (_prefer_none(ranking), 1.0)
    if scale < _LARGE_SCALE:
        narrowed = narrow_slight(ranking.best, model)
        found = replace(ranking, candidates=(narrowed, *ranking.candidates[1:]))
        unneeded = narrowed is not ranking.best and narrowed.misfit >= found.none.misfit * _NO_BETTER
        if unneeded and not found.aliased:
            return _prefer_none(found), 1.0
        return found, sure
    few = image.shape[0] * image.shape[1] < _SMALL
    cautious = estimate_cautiously(model) if few and ranking.best.kind in ("none", "gaussian", "anisotropic") else None
    if cautious is None or not cautious.blurred:
        return ranking, sure
    others = (each for each in ranking.candidates if each.kind != "gaussian")
    return replace(ranking, candidates=(cautious.candidate, *others)), cautious.share


def _prefer_none(ranking: BlurRanking) -> BlurRanking:
    """Put no blur before the others."""
    others = (each for each in ranking.candidates if each.kind != "none")
    return replace(ranking, candidates=(ranking.none, *others))


def _estimate_by_networks(
    image: NDArray[np.uint8 | np.floating[Any]],
    find_covariance: FindCovariance | None,
    *,
    scale: int,
    subsample: GridSubsampling,
    noise_std: float,
) -> DegradationEstimate:
    """Make the Gaussian of a covariance that networks found; the spectrum tells how sure it is."""
    first, second, angle = find_axes(*require_ikc(find_covariance)(image))
    kernel = gaussian_kernel(first, second, angle)
    model = SpectrumModel(image, scale=scale)
    sure = _confirm(model, add_bicubic(kernel, scale=scale) if subsample == "bicubic" else kernel)
    text = f"gaussian:{first:.3g},{second:.3g},{angle:.3g}"
    return DegradationEstimate(kernel, scale, subsample, noise_std, sure, "ikc", text=text, kind="anisotropic")


def _confirm(model: SpectrumModel, kernel: Kernel) -> float:
    """Compute the confidence in a kernel by how well it explains the spectrum."""
    return 1 / find_excess(model.explain(kernel).misfit, expected=model.expected) ** 4


def _find_kernel(best: BlurCandidate, *, scale: int, subsample: GridSubsampling) -> Kernel:
    if best.kind == "none" and subsample == "direct":
        return bicubic_kernel(scale, aligned=False)
    return best.kernel


def _find_confidence(ranking: BlurRanking, *, scale: int) -> float:
    """Lower where the spectrum does not determine the variances, and where no family explains the spectrum."""
    spread = ranking.best.error / (1.25 * scale)
    return 1 / (1 + (spread / _SURE) ** 2) / ranking.excess**4
