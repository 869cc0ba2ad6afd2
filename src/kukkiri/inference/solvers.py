"""Solvers: the networks that are conditioned on a blur, which they invert, and the choice of one."""

import dataclasses
from collections.abc import Sequence
from os import fspath
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kukkiri import pretrained
from kukkiri.degradations import DegradationEstimate, DegradationRequest, compute_condition, read_degradation
from kukkiri.degradations.estimators import require_ikc
from kukkiri.errors import ConfigError, ModelError
from kukkiri.inference.choosing import SOLVERS, Choice, ask_for_kernel
from kukkiri.inference.conditioned import (
    ConditionableEngine,
    ConditionedEngine,
    EstimatingEngine,
    condition_engine,
    find_condition,
)
from kukkiri.inference.options import Degrades
from kukkiri.inference.presets import PRESETS
from kukkiri.info import Condition

__all__ = ["Degrading", "as_degradation", "find_solver", "list_solvers", "prepare", "refuse_with_degradation"]

_SRMD, _DPSR = "srmd", "dpsr"
_NEED_WEIGHTS = {
    "usrnet": "Name their file: --model usrnet_tiny.pth.",
    _DPSR: "Name the file of DPSR's network, or of a denoiser with the noise it was trained for: --model dncnn_25.pth "
    "--model-args prior_noise=0.098.",
}


class Degrading(NamedTuple):
    """A choice whose networks are conditioned on a degradation, or will be."""

    choice: Choice
    known: DegradationEstimate | None
    """``None``: each image tells its own."""
    request: DegradationRequest | None
    """That each image answers, with the network's subsampling; ``None``: the degradation is known."""


def as_degradation(given: Degrades) -> DegradationRequest | DegradationEstimate | None:
    """Read what a caller gave: a kernel in words, a file or a matrix is a request with the usual options."""
    if given is None or isinstance(given, DegradationRequest | DegradationEstimate):
        return given
    return DegradationRequest(given if isinstance(given, np.ndarray) else fspath(given))


def refuse_with_degradation(*, ensemble: bool, size: bool, weights: bool, dial: bool) -> None:
    """Refuse the options that mean nothing beside a degradation.

    Raises:
        ConfigError: one of them was given.
    """
    if ensemble:
        raise ConfigError(
            "the self-ensemble flips the image, and the kernel and its grid would have to be flipped, too, which no "
            "network was trained for. Drop ensemble or the kernel."
        )
    if size:
        raise ConfigError(
            "a blur is inverted at the scale of its network. Give scale instead of a size, or resize later."
        )
    if weights:
        raise ConfigError("weights chooses among networks without a condition. Drop weights or the kernel.")
    if dial:
        raise ConfigError("vivid and denoise choose among networks without a condition. Drop them or the kernel.")


def list_solvers(*, noise: bool = False) -> dict[tuple[int, str], str]:
    """List the shipped networks that invert a given blur: their ids by scale and subsampling.

    Args:
        noise: those that are conditioned on the noise, too, else those of the kernel only.
    """
    found = {}
    for name in pretrained.list_initializations():
        about = pretrained.read_card(name)["adaptation"]
        if not noise and about.get("kernel_conditioned") and pretrained.holds(name, ".onnx"):
            found[int(about["scale"]), str(about["subsample"])] = name
    for name in pretrained.list_conditioned():
        card = pretrained.read_card(name)
        about = card["conditioned"]
        if about["kind"] == "covariance" and bool(about["noise"]) == noise:
            found[int(card["scale"]), str(about["subsample"])] = name
    return found


def find_prior() -> str | None:
    """Find the shipped denoiser that is the prior of plug-and-play solvers, for any scale and kernel."""
    names = pretrained.list_conditioned()
    return next((name for name in names if pretrained.read_card(name)["conditioned"]["kind"] == "noise"), None)


def find_solver(
    model: object, degradation: DegradationRequest | DegradationEstimate, *, scale: float | None
) -> str | None:
    """Find the shipped solver that a name stands for; ``None``: another model was named.

    ``context`` is conditioned on the kernel only, which is better where there is no noise, ``srmd`` on the noise, too,
    and ``dpsr`` is a denoiser that serves every whole scale. A preset is ``context``; ``srmd`` when the noise is given
    or to be estimated, and at scales without a ``context``; and ``dpsr`` at scale 1.

    Raises:
        ModelError: none is shipped for the scale and the subsampling, or a solver whose weights have to be given.
    """
    names = (*PRESETS, *SOLVERS)
    if not isinstance(model, str) or model not in names or (model in _NEED_WEIGHTS and Path(model).is_file()):
        return None
    if isinstance(degradation, DegradationRequest):
        asked = degradation.subsample or ("bicubic" if degradation.is_bicubic else "direct")
    else:
        asked = degradation.subsample
        scale = degradation.scale if scale is None else scale
    wanted = 2 if scale is None else scale
    prior = find_prior()
    if prior is not None and (model == _DPSR or (model in PRESETS and (wanted, asked) == (1, "direct"))):
        return prior
    if model in _NEED_WEIGHTS:
        raise ModelError(f"{model}: no weights of it are shipped. {_NEED_WEIGHTS[model]}")
    noisy = model == _SRMD or (model in PRESETS and bool(degradation.noise_std))
    known = list_solvers(noise=noisy)
    if model in PRESETS and not noisy:
        known = list_solvers(noise=True) | known
    if (wanted, asked) in known:
        return known[int(wanted), asked]
    listed = ", ".join(f"x{each} {subsample}" for each, subsample in sorted(known))
    if not noisy:
        raise ModelError(
            f"no kernel-conditioned network is shipped for x{wanted:g} and {asked} subsampling, but: {listed}. "
            "Choose another scale, or learn from the image with kukkiri adapt."
        )
    raise ModelError(
        f"no network that is conditioned on kernel and noise is shipped for x{wanted:g} and {asked} subsampling, but: "
        f"{listed}. Leave the noise out, or name the file of official weights, as ncnn or KAIR stores them: --model "
        "srmd_x4.bin --model-args basis=FILE."
    )


def prepare(choice: Choice, degradation: DegradationRequest | DegradationEstimate | None) -> Degrading:
    """Join the networks of a choice with the degradation that a user gave.

    Raises:
        ConfigError: the degradation does not fit the network.
        ModelError: the network is not conditioned on one, or needs one and there is none.
    """
    conditions = [find_condition(engine) for engine in choice.engines]
    if degradation is None:
        if any(conditions):
            raise ask_for_kernel(choice.name)
        return Degrading(choice, None, None)
    estimating = choice.engines[0] if choice.engines else None
    find_covariance = None
    if isinstance(estimating, EstimatingEngine):
        find_covariance = estimating.find_covariance
        choice = dataclasses.replace(choice, engines=(estimating.solver,))
        conditions = [estimating.solver.info.condition]
    engine, condition = _require_solver(choice, conditions)
    scale = engine.info.scale
    if isinstance(degradation, DegradationRequest) and degradation.estimator == "ikc":
        require_ikc(find_covariance, model=choice.name)
    _check_subsampling(choice, condition, degradation)
    if isinstance(degradation, DegradationRequest):
        if degradation.asks_image:
            request = dataclasses.replace(degradation, subsample=condition.subsample)
            if request.estimates_noise and not condition.noise:
                raise ConfigError(
                    f"{choice.name}: is conditioned on the kernel only, so an estimate of the noise would change "
                    "nothing. Leave the noise out, or use a model that takes it: --model srmd."
                )
            blank = np.ones((1, 1))  # so that what the file lacks is said before any image is read
            noise_std = 0.0 if isinstance(request.noise_std, str) else request.noise_std
            compute_condition(condition, blank, scale=scale, noise_std=noise_std)
            blind = ConditionedEngine(engine, None, find_covariance=find_covariance)
            return Degrading(_with_engine(choice, blind), None, request)
        degradation = read_degradation(degradation, scale=scale, subsample=condition.subsample)
    if degradation.scale != scale:
        raise ConfigError(
            f"{choice.name}: is a x{scale} model, but the degradation is for x{degradation.scale}. Estimate it "
            "again for this scale."
        )
    return Degrading(_with_engine(choice, condition_engine(engine, degradation)), degradation, None)


def _require_solver(choice: Choice, conditions: Sequence[Condition | None]) -> tuple[ConditionableEngine, Condition]:
    """Return the one network of a choice and its condition.

    Raises:
        ConfigError: it is to be run several times, or to another scale.
        ModelError: it has no condition.
    """
    condition = conditions[0] if conditions else None
    engine = choice.engines[0] if conditions else None
    if condition is None or not isinstance(engine, ConditionableEngine):
        listed = ", ".join(sorted({*list_solvers().values(), *list_solvers(noise=True).values()}))
        raise ModelError(
            f"{choice.name}: is not conditioned on a blur, so a kernel would change nothing. Drop the kernel, or use "
            f"one of {listed}."
        )
    if len(choice.engines) != 1 or choice.scale != engine.info.scale:
        raise ConfigError(
            f"{choice.name}: inverts a blur at x{engine.info.scale} only, but x{choice.scale:g} was asked. Use scale "
            f"{engine.info.scale}."
        )
    return engine, condition


def _check_subsampling(
    choice: Choice, condition: Condition, degradation: DegradationRequest | DegradationEstimate
) -> None:
    """Check that a network was trained on the subsampling that was asked for, if any.

    Raises:
        ConfigError: it was trained on another.
    """
    asked = degradation.subsample
    if isinstance(degradation, DegradationRequest) and degradation.is_bicubic:
        asked = "bicubic"
    if asked not in (None, condition.subsample):
        raise ConfigError(
            f"{choice.name}: was trained on {condition.subsample} subsampling, but {asked} was asked. Choose another "
            "model, or drop the subsampling."
        )


def _with_engine(choice: Choice, engine: ConditionedEngine) -> Choice:
    return dataclasses.replace(choice, engines=(engine,))
