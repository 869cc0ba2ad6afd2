"""Blind super-resolution of one image: its degradation is estimated, given to a network, and the result is checked."""

import dataclasses
from dataclasses import dataclass

from kukkiri.degradations import (
    DegradationEstimate,
    DegradationRequest,
    FindCovariance,
    NoiseEstimate,
    estimate_degradation,
    estimate_noise,
    find_jpeg_grid,
    judge_kernel,
    rank_blurs,
    read_degradation,
)
from kukkiri.degradations.degradation_estimate import GridSubsampling
from kukkiri.degradations.estimators import as_slight_blur
from kukkiri.errors import ImageError
from kukkiri.images import Image
from kukkiri.inference.conditioned import ConditionedEngine
from kukkiri.inference.consistency import Consistency, check_consistency
from kukkiri.inference.engine import Engine

__all__ = ["CONFIDENT", "Answer", "FoundDegradation", "answer_request", "find_degradation", "tell_given", "tell_grid"]

CONFIDENT = 0.3
"""Least confidence of an estimate that is used."""
_WORSE = {"disk": 1.12, "motion": 1.12}  # misfit of a given kernel over the best one's that contradicts it: zeros of
_WORSE_OTHERS = (
    1.3  # the transform tell a shape, while widths of Gaussians are less sure (1.17 for a true one was seen)
)
_NOISY = 2.0 / 255  # noise that costs a network without a condition on it what deblurring gains
_LEAST_SIDE = 64
_ASSUMED = "the size of the blur is uncertain, but aliases of direct subsampling show, so a slight one is assumed"
_PLAIN = "so the image is upscaled as one that is not blurred"


@dataclass(frozen=True)
class Answer:
    """The degradation of an image, or the reason why there is none."""

    notes: tuple[str, ...]
    """Lines for the user."""
    estimate: DegradationEstimate | None = None
    engine: ConditionedEngine | None = None
    """The network, conditioned on the estimate; ``None``: the estimate is not to be trusted."""
    noisy: bool = False
    """The image has noise that this network would amplify, and one that is conditioned on it may take its place."""


@dataclass(frozen=True)
class FoundDegradation:
    """The estimate of an image's degradation, and the doubt in it."""

    estimate: DegradationEstimate | None
    """``None``: the image does not allow one."""
    doubt: str | None = None
    """Reason not to use it; ``None``: it can be trusted."""
    noise: NoiseEstimate | None = None
    """Of the image, where it was asked for."""
    unexplained: bool = False
    """No blur of a known shape explains the image."""
    lossy: bool = False
    """The image was compressed with loss."""
    assumed: bool = False
    """The blur is a slight one in place of one that is too uncertain, as the image shows aliases."""

    @property
    def remedy(self) -> str:
        """Words for the user after the doubt."""
        return "; a kernel can be given" if self.lossy else ""

    @property
    def rival(self) -> tuple[str, ...]:
        """A line on the second-best explanation, where there is one."""
        if self.assumed:
            return (_ASSUMED,)
        ranking = None if self.estimate is None or self.unexplained else self.estimate.ranking
        return () if ranking is None else (str(ranking),)


def answer_request(image: Image, engine: Engine, request: DegradationRequest) -> Answer:
    """Estimate the degradation of an image, and check that the network's result gives the image back.

    Args:
        image: LR.
        engine: one that takes a condition.
        request: with the network's subsampling.

    Raises:
        ConfigError: an estimator that does not fit the subsampling.
    """
    if not isinstance(engine, ConditionedEngine):
        raise TypeError(f"expected a conditioned engine, got {type(engine).__name__}")
    scale, subsample = engine.info.scale, request.subsample or "direct"
    if not request.estimated:
        return _answer_noise(image, engine, read_degradation(request, scale=scale, subsample=subsample))
    found = find_degradation(image, request, scale=scale, subsample=subsample, find_covariance=engine.find_covariance)
    estimate = found.estimate
    if estimate is None or found.doubt is not None:
        return Answer((f"{found.doubt}, {_PLAIN}{found.remedy}", *found.rival), estimate)
    if (amplified := _tell_noise(image, engine, noise_std=estimate.noise_std)) is not None:
        return Answer(
            (f"{estimate}; {amplified}, {_PLAIN}; a model that takes noise can be named",), estimate, noisy=True
        )
    conditioned = engine.with_condition(estimate)
    checked = check_consistency(image, conditioned, estimate)
    if checked.contradicted:
        reason = f"the result, degraded again, differs from the image (LR consistency {checked.found:.1f} dB)"
        return Answer((f"{estimate}: with it {reason}, {_PLAIN}",), estimate)
    summary = f"{estimate}, LR consistency {checked.found:.1f} dB"
    noise = () if found.noise is None else (str(found.noise),)
    notes = (summary, *noise, *_judge(checked), *tell_grid(estimate), *found.rival)
    return Answer(notes, estimate, conditioned)


def find_degradation(
    image: Image,
    request: DegradationRequest,
    *,
    scale: int,
    subsample: GridSubsampling,
    find_covariance: FindCovariance | None = None,
) -> FoundDegradation:
    """Estimate the degradation of an image, and say why the estimate is not to be trusted, if it is not.

    Args:
        image: LR.
        request: one that is to be estimated.
        scale: HR pixels for one LR pixel along a side.
        subsample: that the image is said to have come by.
        find_covariance: of the estimator ``ikc``.

    Raises:
        ConfigError: an estimator that does not fit the subsampling, or lacks its networks.
        BackendError: an estimator that needs torch, which is missing.
    """
    if image.lossy:
        return FoundDegradation(None, "the image was compressed with loss, which hides its blur", lossy=True)
    if find_jpeg_grid(image.colour) is not None:
        return FoundDegradation(None, "the image shows the grid of JPEG, which hides its blur", lossy=True)
    try:
        noise = estimate_noise(image.colour) if request.estimates_noise else None
        estimate = estimate_degradation(
            image.colour,
            scale=scale,
            subsample=subsample,
            estimator=request.estimator,
            noise_std=noise.noise_std if noise is not None else float(request.noise_std),
            seed=request.seed,
            find_covariance=find_covariance,
        )
    except ImageError as error:
        return FoundDegradation(None, str(error).rstrip("."))
    slight = as_slight_blur(estimate) if estimate.confidence < CONFIDENT else None
    if slight is not None:
        return FoundDegradation(slight, noise=noise, assumed=True)
    doubt = None
    unexplained = estimate.ranking is not None and not estimate.ranking.explained
    if estimate.ranking is not None and unexplained:
        doubt = f"no blur of a known shape explains the image ({estimate.ranking.best} least badly)"
    elif estimate.kind == "none":
        doubt = str(estimate)
    elif estimate.confidence < CONFIDENT:
        doubt = f"{estimate}: too uncertain"
    return FoundDegradation(estimate, doubt, noise=noise, unexplained=unexplained)


def _answer_noise(image: Image, engine: ConditionedEngine, given: DegradationEstimate) -> Answer:
    """Estimate the noise of an image whose kernel is given."""
    if image.lossy or find_jpeg_grid(image.colour) is not None:
        lost = "the image was compressed with loss, which removes noise"
    else:
        try:
            noise = estimate_noise(image.colour)
        except ImageError as error:
            lost = str(error).rstrip(".")
        else:
            estimate = dataclasses.replace(given, noise_std=min(noise.noise_std, 1.0))
            conditioned = engine.with_condition(estimate)
            return Answer((*tell_given(image, conditioned, estimate), str(noise)), estimate, conditioned)
    conditioned = engine.with_condition(given)
    note = f"{lost}, so none is assumed; it can be given"
    return Answer((*tell_given(image, conditioned, given), note), given, conditioned)


def tell_given(image: Image, engine: Engine, estimate: DegradationEstimate) -> tuple[str, ...]:
    """Check a degradation that was given, and write lines for the user: it is used whatever the check says."""
    found = check_consistency(image, engine, estimate)
    summary = f"{estimate}, LR consistency {found.found:.1f} dB"
    wrong = "the kernel does not explain this image: the result, degraded again, differs from it"
    lines = (wrong,) if found.contradicted else _judge(found)
    noise = _tell_noise(image, engine, noise_std=estimate.noise_std)
    remedy = () if noise is None else (f"{noise}: estimate the noise, too (--noise estimate), or use no kernel",)
    return (summary, *lines, *remedy, *tell_grid(estimate), *_tell_better(image, estimate))


def _tell_noise(image: Image, engine: Engine, *, noise_std: float) -> str | None:
    """Say that an image holds noise that a network which is not conditioned on it, or on none, would amplify."""
    condition = engine.info.condition
    if image.lossy or condition is None or condition.kind != "covariance" or noise_std or min(image.size) < _LEAST_SIDE:
        return None
    noise = estimate_noise(image.colour)
    return f"{noise}, which {engine.info.name} would amplify" if noise.noise_std > _NOISY else None


def _judge(found: Consistency) -> tuple[str, ...]:
    if not found.unneeded:
        return ()
    return (f"bicubic downscaling explains the image as well ({found.bicubic:.1f} dB): try it without a kernel, too",)


def tell_grid(estimate: DegradationEstimate) -> tuple[str, ...]:
    """A line on the shift of the result that direct subsampling causes, where it does."""
    if estimate.subsample != "direct" or estimate.scale == 1:
        return ()
    shift = (estimate.scale - 1) / 2
    return (f"direct subsampling: the result lies {shift:g} pixels up and left of that of plain upscaling",)


def _tell_better(image: Image, estimate: DegradationEstimate) -> tuple[str, ...]:
    """Say which blur the spectrum speaks for, where it speaks against the kernel that was given."""
    if image.lossy:
        return ()
    bicubic = estimate.subsample == "bicubic"
    try:
        ranking = rank_blurs(image.colour, scale=estimate.scale, bicubic=bicubic, free=False)
    except ImageError:  # too small to tell
        return ()
    misfit = judge_kernel(image.colour, estimate.kernel, scale=estimate.scale, bicubic=bicubic)
    if misfit < _WORSE.get(ranking.best.kind, _WORSE_OTHERS) * ranking.best.misfit:
        return ()
    share = misfit / ranking.best.misfit
    line = (
        f"the spectrum of the image speaks for {ranking.best} instead: the misfit of the given kernel is {share:.1f} "
        f"times as large ({misfit:.2f})"
    )
    return (line,)
