"""Models on test sets, image by image: nothing is made twice, and what was scored before is remembered."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError
from kukkiri.evaluation.cache import ScoreCache, Scores, file_digest
from kukkiri.evaluation.contenders import AdaptingModel, Contender, FromEachImage, Prepared, prepare
from kukkiri.evaluation.measures import BASE, MEASURES, Sample
from kukkiri.evaluation.scores import Evaluation, SetScore
from kukkiri.evaluation.sets import TestSet, find_sets, pair_lr
from kukkiri.metrics import PROTOCOLS, Protocol, Score
from kukkiri.profiling.cost import measure_cost

__all__ = ["Progress", "evaluate", "evaluate_many"]


@dataclass(frozen=True)
class Progress:
    """An image was scored."""

    done: int
    total: int
    model: str
    scale: int
    set: str
    image: str
    score: Score
    remembered: bool
    """It was not computed, but found in the cache."""


def evaluate(
    model: str,
    *,
    data: Path,
    scale: int,
    protocol: str = "y-matlab",
    degradation: str = "bicubic",
    ensemble: bool = False,
    threads: int | None = None,
    report: Callable[[str, str, Score], None] | None = None,
) -> Evaluation:
    """Score a model on the set in a folder, or on each set in its sub-folders.

    Args:
        model: id, preset, file, or an interpolation; see :class:`kukkiri.inference.Upscaler`.
        data: folder of HR images, or of folders of them.
        scale: HR pixels for one LR pixel along a side, at least 2.
        protocol: a key of ``PROTOCOLS``.
        degradation: how LR is made from HR, as text of a :class:`kukkiri.degradations.Degradation`; its noise is
            the same for every image and run (seed 0).
        ensemble: mean over the eight flips and turns.
        threads: of the engine.
        report: called with set, image and score as they come.

    Raises:
        ConfigError: unknown protocol, no images, or ``y-legacy`` with what it is not defined for.
        ModelError: unknown model, or one of another scale.
    """

    def tell(progress: Progress) -> None:
        if report is not None:
            report(progress.set, progress.image, progress.score)

    return evaluate_many(
        [model],
        data=data,
        scales=[scale],
        protocol=protocol,
        degradation=degradation,
        ensemble=ensemble,
        threads=threads,
        report=tell,
    )[0]


def evaluate_many(
    models: Sequence[str | AdaptingModel],
    *,
    data: Path | Sequence[TestSet],
    scales: Sequence[int],
    protocol: str = "y-matlab",
    degradation: str | None = None,
    lr: Path | None = None,
    metrics: Sequence[str] = BASE,
    ensemble: bool = False,
    threads: int | None = None,
    cost: bool = False,
    cache: Path | None = None,
    report: Callable[[Progress], None] | None = None,
) -> list[Evaluation]:
    """Score several models at several scales on several sets.

    Every LR image is made once and given to all models. With a cache, what was scored before is not computed
    again, and an interrupted run goes on where it stopped.

    Args:
        models: see :func:`evaluate`; without repetition. Also models that learn from every image.
        data: folder of HR images or of folders of them, or the sets themselves.
        scales: each at least 2; without repetition.
        protocol: see :func:`evaluate`.
        degradation: see :func:`evaluate`; bicubic when neither it nor ``lr`` is given.
        lr: folder of LR images to use instead of making them; see :func:`kukkiri.evaluation.pair_lr`.
        metrics: names from ``MEASURES``; PSNR and SSIM are there always.
        ensemble: see :func:`evaluate`.
        threads: see :func:`evaluate`.
        cost: measure what each model costs, in processes of their own.
        cache: folder of scores, see :class:`kukkiri.evaluation.ScoreCache`.
        report: called after each image.

    Returns:
        One evaluation for each scale and model: all models of the first scale, then of the next.

    Raises:
        ConfigError: see :func:`evaluate`; also an unknown measure, or both ``degradation`` and ``lr``, or an adapting
            model with what it cannot learn from, or whose cost is asked for.
        ImageError: an image cannot be read or does not fit its LR image.
        ModelError: see :func:`evaluate`.
    """
    plan = _Plan.check(
        models, scales, protocol=protocol, degradation=degradation, lr=lr, metrics=metrics, ensemble=ensemble
    )
    if cost and plan.adapting:
        raise ConfigError("the cost of a model that learns from every image is not that of its network. Drop --cost.")
    sets = find_sets(data) if isinstance(data, Path) else list(data)
    _refuse_repeated("set", [one.name for one in sets])
    for one in sets:
        _refuse_repeated(f"an image of {one.name} named", [path.stem for path in one.paths])
    run = _Run(plan, sets, threads=threads, cache=None if cache is None else ScoreCache(cache), report=report)
    found = []
    for scale in plan.scales:
        scored = run.at(scale)
        for model in plan.models:
            costs = measure_cost(model, scale=scale, ensemble=ensemble, threads=threads) if cost else None
            found.append(Evaluation(model, scale, protocol, plan.source, scored[model], costs))
    return found


@dataclass(frozen=True)
class _Plan:
    """What was asked for, checked."""

    models: tuple[str, ...]
    scales: tuple[int, ...]
    rule: Protocol
    degradation: Degradation | None
    lr: Path | None
    extras: tuple[str, ...]
    ensemble: bool
    adapting: Mapping[str, AdaptingModel]
    """Those of the models that learn, by name."""

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
        ensemble: bool,
    ) -> "_Plan":
        if protocol not in PROTOCOLS:
            raise ConfigError(f"unknown protocol {protocol!r}. Known: {', '.join(PROTOCOLS)}.")
        for scale in scales:
            if scale < 1:
                raise ConfigError(f"scale must be at least 1, got {scale}.")
        names = tuple(one if isinstance(one, str) else one.name for one in models)
        adapting = {one.name: one for one in models if not isinstance(one, str)}
        _refuse_repeated("model", names)
        _refuse_repeated("scale", scales)
        for name in metrics:
            if name not in BASE and name not in MEASURES:
                raise ConfigError(f"unknown metric {name!r}. Known: {', '.join((*BASE, *MEASURES))}.")
        if lr is not None and degradation is not None:
            raise ConfigError(f"LR is given ({lr}), so it cannot also be made by {degradation!r}. Drop one of them.")
        made = None if lr is not None else Degradation.parse(degradation or "bicubic")
        extras = tuple(dict.fromkeys(name for name in metrics if name in MEASURES))
        return cls(names, tuple(scales), PROTOCOLS[protocol], made, lr, extras, ensemble, adapting)

    @property
    def source(self) -> str:
        """Where LR comes from, for the reader."""
        return str(self.degradation) if self.lr is None else f"given: {self.lr.resolve().name}"


class _Run:
    """Goes through scales, sets, images and models, in this order."""

    def __init__(
        self,
        plan: _Plan,
        sets: Sequence[TestSet],
        *,
        threads: int | None,
        cache: ScoreCache | None,
        report: Callable[[Progress], None] | None,
    ) -> None:
        self.plan, self.sets = plan, sets
        self._threads, self._cache, self._report = threads, cache, report
        self._done = 0
        self._total = len(plan.models) * len(plan.scales) * sum(len(one.paths) for one in sets)

    def at(self, scale: int) -> dict[str, dict[str, SetScore]]:
        """For each model the scores of each set."""
        plan = self.plan
        sets = self.sets if plan.lr is None else [pair_lr(one, plan.lr, scale=scale) for one in self.sets]
        contenders = [self._contender(model, scale=scale) for model in plan.models]
        scored: dict[str, dict[str, SetScore]] = {model: {} for model in plan.models}
        for one in sets:
            table: dict[str, dict[str, Scores]] = {model: {} for model in plan.models}
            for model, name, scores in self._images(one, contenders, scale=scale):
                table[model][name] = scores
            for model, images in table.items():
                scored[model][one.name] = _set_score(one.name, images, plan.extras)
        return scored

    def _contender(self, model: str, *, scale: int) -> Contender | FromEachImage:
        plan = self.plan
        if model in plan.adapting:
            return FromEachImage(plan.adapting[model], plan.rule, plan.degradation, scale=scale)
        return Contender(model, plan.rule, scale=scale, ensemble=plan.ensemble, threads=self._threads)

    def _images(
        self, one: TestSet, contenders: Sequence[Contender | FromEachImage], *, scale: int
    ) -> Iterator[tuple[str, str, Scores]]:
        settings = [self._setting(contender, scale=scale) for contender in contenders] if self._cache else []
        for index, path in enumerate(one.paths):
            digest = file_digest(path, *one.lr_paths[index : index + 1]) if self._cache else ""
            images: Prepared | None = None
            for number, contender in enumerate(contenders):
                scores = self._cache.find(settings[number], digest) if self._cache else {}
                remembered = set(scores) >= {*BASE, *self.plan.extras}
                if not remembered:
                    images = images or prepare(
                        one.image(index, scale=scale), self.plan.rule, self.plan.degradation, scale=scale
                    )
                    scores = self._score(images, contender(images.lr), scale=scale)
                    if self._cache:
                        self._cache.keep(settings[number], digest, scores)
                self._tell(contender.name, scale, one.name, path.stem, scores, remembered=remembered)
                yield contender.name, path.stem, scores

    def _setting(self, contender: Contender | FromEachImage, *, scale: int) -> dict[str, object]:
        return {
            "model": contender.digest(),
            "ensemble": contender.ensemble,
            "threads": self._threads,
            "scale": scale,
            "protocol": self.plan.rule.name,
            "degradation": str(self.plan.degradation),
        }

    def _score(self, images: Prepared, sr: Any, *, scale: int) -> Scores:
        sample = Sample(images, sr, self.plan.rule, self.plan.degradation, scale)
        score = self.plan.rule.score(images.hr, sr, scale=scale)
        return {**vars(score), **{name: MEASURES[name].value(sample) for name in self.plan.extras}}

    def _tell(self, model: str, scale: int, name: str, image: str, scores: Scores, *, remembered: bool) -> None:
        self._done += 1
        if self._report is not None:
            score = _score(scores)
            self._report(Progress(self._done, self._total, model, scale, name, image, score, remembered))


def _set_score(name: str, images: dict[str, Scores], extras: Sequence[str]) -> SetScore:
    return SetScore(
        name,
        {image: _score(scores) for image, scores in images.items()},
        {extra: {image: scores[extra] for image, scores in images.items()} for extra in extras},
    )


def _score(scores: Scores) -> Score:
    psnr, ssim = (scores[name] for name in BASE)
    return Score(math.nan if psnr is None else psnr, math.nan if ssim is None else ssim)


def _refuse_repeated(what: str, values: Sequence[object]) -> None:
    if not values:
        raise ConfigError(f"no {what} was given. Give at least one.")
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{what} {value} was given twice. Name each once.")
