"""Scoring of models on test sets: every LR image is made once, and known scores come from a cache."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.evaluation.cache import ScoreCache, file_digest, metric_key
from kukkiri.evaluation.contenders import AdaptedContender, AdaptingModel, Contender, TestPair, make_test_pair
from kukkiri.evaluation.scores import ALWAYS, Evaluation, Scores, SetScore
from kukkiri.evaluation.sets import TestSet, find_sets, pair_lr
from kukkiri.inference import Ensemble
from kukkiri.inference.choosing import runs_on_torch
from kukkiri.info import JSON
from kukkiri.metrics import METRICS, PROTOCOLS, Protocol, Score
from kukkiri.profiling import measure_cost

__all__ = ["ImageScored", "evaluate", "evaluate_many"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageScored:
    """Report of progress: an image was scored."""

    done: int
    total: int
    model: str
    scale: int
    set: str
    image: str
    score: Score
    remembered: bool
    """The score was found in the cache, not computed."""


def evaluate(
    model: str,
    *,
    data: Path,
    scale: int,
    protocol: str = "y-matlab",
    degradation: str = "bicubic",
    ensemble: Ensemble = False,
    threads: int | None = None,
    model_args: Mapping[str, JSON] | None = None,
    device: str | None = None,
    report: Callable[[str, str, Score], None] | None = None,
) -> Evaluation:
    """Score a model on the set in a folder, or on each set in its sub-folders.

    Args:
        model: id, preset, file, or an interpolation; see :class:`kukkiri.inference.Upscaler`.
        data: folder of HR images, or of folders of them.
        scale: HR pixels for one LR pixel along a side, at least 2.
        protocol: a key of ``PROTOCOLS``.
        degradation: makes LR from HR; text of a :class:`kukkiri.degradations.Degradation`, whose noise is the same
            for every image and run (seed 0).
        ensemble: geometric self-ensemble: the mean over 2, 4 or 8 flipped and rotated copies; ``True``: 8.
        threads: of the engine.
        model_args: what a file of others does not tell, see :class:`kukkiri.Upscaler`.
        device: of torch weights, see :class:`kukkiri.Upscaler`; the CPU by default, as for published numbers.
        report: called with set, image and score after each image.

    Raises:
        ConfigError: unknown protocol, no images, or ``y-legacy`` with anything but bicubic LR or a luma network.
        ModelError: unknown model, or one of another scale.
    """

    def forward(scored: ImageScored) -> None:
        if report is not None:
            report(scored.set, scored.image, scored.score)

    return evaluate_many(
        [model],
        data=data,
        scales=[scale],
        protocol=protocol,
        degradation=degradation,
        ensemble=ensemble,
        threads=threads,
        model_args={model: model_args or {}},
        device=device,
        report=forward,
    )[0]


def evaluate_many(
    models: Sequence[str | AdaptingModel],
    *,
    data: Path | Sequence[TestSet],
    scales: Sequence[int],
    protocol: str = "y-matlab",
    degradation: str | None = None,
    lr: Path | None = None,
    metrics: Sequence[str] = ALWAYS,
    ensemble: Ensemble = False,
    threads: int | None = None,
    model_args: Mapping[str, Mapping[str, JSON]] | None = None,
    cost: bool = False,
    cache: Path | None = None,
    device: str | None = None,
    report: Callable[[ImageScored], None] | None = None,
) -> list[Evaluation]:
    """Score several models at several scales on several sets.

    Every LR image is made once and given to all models. With a cache, known scores are not computed again, and an
    interrupted run continues where it stopped.

    Args:
        models: see :func:`evaluate`; without repetition. Also models that are fitted to every image.
        data: folder of HR images or of folders of them, or the sets themselves.
        scales: each at least 2; without repetition.
        protocol: see :func:`evaluate`.
        degradation: see :func:`evaluate`; bicubic when neither it nor ``lr`` is given.
        lr: folder of LR images to use instead of making them; see :func:`kukkiri.evaluation.pair_lr`.
        metrics: keys of ``METRICS``; PSNR and SSIM are always included.
        ensemble: see :func:`evaluate`.
        threads: see :func:`evaluate`.
        model_args: see :func:`evaluate`, for each model that needs some.
        cost: also measure the cost of each model, in a process of its own.
        cache: folder of scores, see :class:`kukkiri.evaluation.ScoreCache`.
        device: see :func:`evaluate`. A warning names the models that run on the CPU anyway. Adapting models have a
            device of their own, and the cost is that on the CPU.
        report: called after each image.

    Returns:
        One evaluation for each scale and model: all models of the first scale, then of the next.

    Raises:
        ConfigError: see :func:`evaluate`; also an unknown metric, or both ``degradation`` and ``lr``, or an adapting
            model with given LR, with a protocol on luma, or with ``cost``.
        ImageError: an image cannot be read or does not fit its LR image.
        ModelError: see :func:`evaluate`.
    """
    plan = _Plan.check(
        models, scales, protocol=protocol, degradation=degradation, lr=lr, metrics=metrics, ensemble=ensemble
    )
    _check_device(device, plan)
    if cost and plan.adapting:
        raise ConfigError("the cost of a model that is fitted to every image is not that of its network. Drop --cost.")
    sets = find_sets(data) if isinstance(data, Path) else list(data)
    _refuse_repeated("set", [test_set.name for test_set in sets])
    for test_set in sets:
        _refuse_repeated(f"an image of {test_set.name} named", [path.stem for path in test_set.paths])
    evaluator = _Evaluator(
        plan,
        sets,
        threads=threads,
        model_args=model_args or {},
        cache=None if cache is None else ScoreCache(cache),
        device=device,
        report=report,
    )
    found = []
    for scale in plan.scales:
        scored = evaluator.score(scale)
        for model in plan.models:
            arguments = (model_args or {}).get(model)
            costs = None
            if cost:
                costs = measure_cost(model, scale=scale, ensemble=ensemble, threads=threads, model_args=arguments)
            found.append(Evaluation(model, scale, protocol, plan.source, scored[model], costs))
    return found


@dataclass(frozen=True)
class _Plan:
    """The checked request."""

    models: tuple[str, ...]
    scales: tuple[int, ...]
    protocol: Protocol
    degradation: Degradation | None
    lr: Path | None
    metrics: tuple[str, ...]
    """Keys of ``METRICS``: PSNR and SSIM, then the further ones in the order of the request."""
    ensemble: Ensemble
    adapting: Mapping[str, AdaptingModel]
    """Those of the models that are fitted to every image, by name."""

    @classmethod
    def check(
        cls,
        models: Sequence[str | AdaptingModel],
        scales: Sequence[int],
        *,
        protocol: str,
        degradation: str | None,
        lr: Path | None,
        metrics: Sequence[str],
        ensemble: Ensemble,
    ) -> "_Plan":
        if protocol not in PROTOCOLS:
            raise ConfigError(f"unknown protocol {protocol!r}{did_you_mean(protocol, PROTOCOLS)}")
        for scale in scales:
            if scale < 1:
                raise ConfigError(f"scale must be at least 1, got {scale}.")
        names = tuple(model if isinstance(model, str) else model.name for model in models)
        adapting = {model.name: model for model in models if not isinstance(model, str)}
        _refuse_repeated("model", names)
        _refuse_repeated("scale", scales)
        for name in metrics:
            if name not in METRICS:
                raise ConfigError(f"unknown metric {name!r}{did_you_mean(name, METRICS)}")
        if lr is not None and degradation is not None:
            raise ConfigError(f"LR is given ({lr}), so it cannot also be made by {degradation!r}. Drop one of them.")
        parsed = None if lr is not None else Degradation.parse(degradation or "bicubic")
        ordered = tuple(dict.fromkeys((*ALWAYS, *metrics)))
        return cls(names, tuple(scales), PROTOCOLS[protocol], parsed, lr, ordered, ensemble, adapting)

    @property
    def source(self) -> str:
        """Origin of the LR images, for the reader."""
        return str(self.degradation) if self.lr is None else f"given: {self.lr.resolve().name}"


class _Evaluator:
    """Loops over sets, images and models, in this order."""

    def __init__(
        self,
        plan: _Plan,
        sets: Sequence[TestSet],
        *,
        threads: int | None,
        model_args: Mapping[str, Mapping[str, JSON]],
        cache: ScoreCache | None,
        device: str | None,
        report: Callable[[ImageScored], None] | None,
    ) -> None:
        self.plan, self.sets = plan, sets
        self._threads, self._cache, self._report = threads, cache, report
        self._model_args, self._device = model_args, device
        self._done = 0
        self._total = len(plan.models) * len(plan.scales) * sum(len(test_set.paths) for test_set in sets)

    def score(self, scale: int) -> dict[str, dict[str, SetScore]]:
        """Scores of each set by model."""
        plan = self.plan
        sets = self.sets if plan.lr is None else [pair_lr(test_set, plan.lr, scale=scale) for test_set in self.sets]
        contenders = [self._contender(model, scale=scale) for model in plan.models]
        scored: dict[str, dict[str, SetScore]] = {model: {} for model in plan.models}
        for test_set in sets:
            table: dict[str, dict[str, Scores]] = {model: {} for model in plan.models}
            for model, name, scores in self._score_set(test_set, contenders, scale=scale):
                table[model][name] = scores
            for model, images in table.items():
                scored[model][test_set.name] = SetScore(test_set.name, images)
        return scored

    def _contender(self, model: str, *, scale: int) -> Contender | AdaptedContender:
        plan = self.plan
        if model in plan.adapting:
            return AdaptedContender(plan.adapting[model], plan.protocol, plan.degradation, scale=scale)
        return Contender(
            model,
            plan.protocol,
            scale=scale,
            ensemble=plan.ensemble,
            threads=self._threads,
            model_args=self._model_args.get(model),
            device=self._device,
        )

    def _score_set(
        self, test_set: TestSet, contenders: Sequence[Contender | AdaptedContender], *, scale: int
    ) -> Iterator[tuple[str, str, Scores]]:
        settings = [self._setting(contender, scale=scale) for contender in contenders] if self._cache else []
        for index, path in enumerate(test_set.paths):
            digest = file_digest(path, *test_set.lr_paths[index : index + 1]) if self._cache else ""
            pair: TestPair | None = None
            for number, contender in enumerate(contenders):
                scores = self._remembered(settings[number], digest) if self._cache else None
                remembered = scores is not None
                if scores is None:
                    pair = pair or make_test_pair(
                        test_set.image(index, scale=scale), self.plan.protocol, self.plan.degradation, scale=scale
                    )
                    sample = pair.sample(contender(pair.lr), self.plan.protocol, scale=scale)
                    scores = {name: METRICS[name].value(sample) for name in self.plan.metrics}
                    if self._cache:
                        self._remember(settings[number], digest, scores)
                self._tell(contender.name, scale, test_set.name, path.stem, scores, remembered=remembered)
                yield contender.name, path.stem, scores

    def _setting(self, contender: Contender | AdaptedContender, *, scale: int) -> dict[str, object]:
        return {
            "model": contender.digest(),
            "ensemble": contender.runs,
            "threads": self._threads,
            "scale": scale,
            "protocol": self.plan.protocol.name,
            "degradation": str(self.plan.degradation),
        }

    def _remembered(self, setting: dict[str, object], image: str) -> Scores | None:
        """The scores of an image, when the cache has all that were asked for."""
        known = self._cache.find(setting, image) if self._cache else {}
        keys = {name: metric_key(name) for name in self.plan.metrics}
        if any(key is None or key not in known for key in keys.values()):
            return None
        return {name: known[key] for name, key in keys.items() if key is not None}

    def _remember(self, setting: dict[str, object], image: str, scores: Scores) -> None:
        if self._cache:
            kept = {key: value for name, value in scores.items() if (key := metric_key(name)) is not None}
            self._cache.keep(setting, image, kept)

    def _tell(self, model: str, scale: int, name: str, image: str, scores: Scores, *, remembered: bool) -> None:
        self._done += 1
        if self._report is not None:
            score = SetScore(name, {image: scores}).images[image]
            self._report(ImageScored(self._done, self._total, model, scale, name, image, score, remembered))


def _check_device(device: str | None, plan: _Plan) -> None:
    """Refuse a device that no model runs on, and warn of models that do not run on it."""
    if device in (None, "cpu", "auto"):
        return
    others = [model for model in plan.models if model not in plan.adapting and not runs_on_torch(model)]
    if others and len(others) == len(plan.models):
        raise ConfigError(
            f"no model here runs on {device}, which is for torch weights (.safetensors, .pth), got "
            f"{', '.join(others)}. Drop the device."
        )
    for model in others:
        _log.warning("%s runs on the CPU; the device %s is for torch weights", model, device)


def _refuse_repeated(kind: str, values: Sequence[object]) -> None:
    if not values:
        raise ConfigError(f"no {kind} was given. Give at least one.")
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{kind} {value} was given twice. Name each once.")
