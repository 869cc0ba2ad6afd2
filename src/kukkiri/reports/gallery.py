"""The images of a comparison: their choice, their crops, and the output of every model."""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation
from kukkiri.evaluation.contenders import Contender, TestPair, make_test_pair
from kukkiri.evaluation.scores import Evaluation
from kukkiri.evaluation.sets import TestSet
from kukkiri.images import rgb_to_y
from kukkiri.inference import Ensemble
from kukkiri.info import JSON
from kukkiri.metrics import PROTOCOLS, Score
from kukkiri.reports.data_uris import encode, thumbnail

__all__ = [
    "Gallery",
    "Key",
    "Shown",
    "Worst",
    "build_gallery",
    "choose_images",
    "densest_box",
    "disagreement",
    "make_contenders",
    "make_pair",
]

Array = NDArray[Any]
Key = tuple[str, str]
"""Set and image."""
_PROTOCOL = PROTOCOLS["y-matlab"]
_CROP = 96  # HR pixels: the search window is about as large as a crop
_PART = 288  # side of the part of an image that is shown when the page would become too large
_GAIN = 2  # amplification of the error images


@dataclass(frozen=True)
class Shown:
    """One image with the output of every model."""

    key: Key
    size: tuple[int, int]
    """(height, width) of the HR image."""
    part: tuple[int, int, int, int]
    """(top, left, height, width) of the part that is in the page."""
    focus: tuple[int, int]
    """(row, column) in that part, where the models differ most."""
    images: tuple[bytes, ...]
    """WebP, lossless: HR, then every model."""
    overview: bytes
    """WebP, small."""
    scores: tuple[Score, ...]
    """Of every model."""


@dataclass(frozen=True)
class Worst:
    """Worst case of a model: its largest error in the image of its lowest PSNR."""

    model: int
    key: Key
    score: Score
    place: tuple[int, int]
    """(row, column) of the part's top left corner in the HR image."""
    images: tuple[bytes, bytes, bytes]
    """WebP: HR, SR, and the error in luma, amplified by 2 around grey."""


@dataclass(frozen=True)
class Gallery:
    """All images of a report."""

    shown: tuple[Shown, ...]
    worst: tuple[Worst, ...]


def build_gallery(
    evaluations: Sequence[Evaluation],
    *,
    sets: Sequence[TestSet],
    count: int = 6,
    budget: int = 8_000_000,
    ensemble: Ensemble = False,
    threads: int | None = None,
    model_args: Mapping[str, Mapping[str, JSON]] | None = None,
    device: str | None = None,
    report: Callable[[str], None] | None = None,
) -> Gallery:
    """Run the models on the images where they differ most, and on the worst image of each.

    Args:
        evaluations: of the same sets at the same scale.
        sets: of the evaluations, with their LR images where those were given.
        count: images to show; those with the largest difference in PSNR between models come first.
        budget: bytes of images; beyond it, only parts of images are shown.
        ensemble: geometric self-ensemble, as in the evaluations.
        threads: of the engine.
        model_args: of each model that needs some, as in the evaluations.
        device: of torch weights, as in the evaluations.
        report: called with the name of each image.

    Raises:
        KukkiriError: an image or a model can no longer be read.
    """
    first = evaluations[0]
    models = make_contenders(
        evaluations, ensemble=ensemble, threads=threads, model_args=model_args or {}, device=device
    )
    chosen = choose_images(evaluations, count=count)
    lowest = [_lowest(evaluation) for evaluation in evaluations]
    shown: dict[Key, Shown] = {}
    worst: list[Worst] = []
    with ThreadPoolExecutor(2) as pool:
        for key in dict.fromkeys([*chosen, *lowest]):
            if report is not None:
                report("/".join(key))
            pair = make_pair(first, sets, key)
            results = [model(pair.lr) for model in models]
            scores = [evaluation.sets[key[0]].images[key[1]] for evaluation in evaluations]
            if key in chosen:
                shown[key] = _show(key, pair.hr, results, scores, budget=budget, pool=pool)
                budget -= sum(map(len, shown[key].images))
            for number, place in enumerate(lowest):
                if place == key:
                    worst.append(_fail(number, key, pair.hr, results[number], scores[number], scale=first.scale))
    return Gallery(tuple(shown[key] for key in chosen), tuple(sorted(worst, key=lambda case: case.model)))


def make_contenders(
    evaluations: Sequence[Evaluation],
    *,
    ensemble: Ensemble,
    threads: int | None,
    model_args: Mapping[str, Mapping[str, JSON]],
    device: str | None,
) -> list[Contender]:
    """Load the model of each evaluation again, for images in colour, whatever was measured."""
    return [
        Contender(
            evaluation.model,
            _PROTOCOL,
            scale=evaluation.scale,
            ensemble=ensemble,
            threads=threads,
            model_args=model_args.get(evaluation.model),
            device=device,
        )
        for evaluation in evaluations
    ]


def make_pair(evaluation: Evaluation, sets: Sequence[TestSet], key: Key) -> TestPair:
    """Make the HR and LR images of a key as the evaluation had them, in colour."""
    given = any(test_set.lr_paths for test_set in sets)
    degradation = None if given else Degradation.parse(evaluation.degradation)
    for test_set in sets:
        for index, path in enumerate(test_set.paths):
            if (test_set.name, path.stem) == key:
                image = test_set.image(index, scale=evaluation.scale)
                return make_test_pair(image, _PROTOCOL, degradation, scale=evaluation.scale)
    raise KeyError(key)


def choose_images(evaluations: Sequence[Evaluation], *, count: int) -> list[Key]:
    """Choose the images whose PSNR differs most between models; of a single model, those with the lowest."""

    def rank(key: Key) -> float:
        values = [evaluation.sets[key[0]].images[key[1]].psnr for evaluation in evaluations]
        finite = [value for value in values if math.isfinite(value)]
        if len(finite) < 2:
            return -finite[0] if finite else -math.inf
        return max(finite) - min(finite)

    keys = [(name, image) for name, scores in evaluations[0].sets.items() for image in scores.images]
    return sorted(keys, key=rank, reverse=True)[:count]


def _lowest(evaluation: Evaluation) -> Key:
    scores = {
        (name, image): score.psnr for name, scored in evaluation.sets.items() for image, score in scored.images.items()
    }
    return min(scores, key=scores.__getitem__)


def _show(
    key: Key, hr: Array, results: Sequence[Array], scores: Sequence[Score], *, budget: int, pool: ThreadPoolExecutor
) -> Shown:
    height, width = hr.shape[:2]
    size = min(_CROP, height, width)
    top, left = densest_box(disagreement(hr, results), size)
    row, column = top + size // 2, left + size // 2
    part = (0, 0, height, width)
    images = tuple(pool.map(encode, [hr, *results]))
    if sum(map(len, images)) > budget:
        start = [
            min(max(0, centre - _PART // 2), max(0, side - _PART)) for centre, side in ((row, height), (column, width))
        ]
        part = (start[0], start[1], min(_PART, height), min(_PART, width))
        images = tuple(pool.map(encode, [_cut(image, part) for image in (hr, *results)]))
    focus = (row - part[0], column - part[1])
    return Shown(key, (height, width), part, focus, images, thumbnail(hr), tuple(scores))


def _fail(model: int, key: Key, hr: Array, sr: Array, score: Score, *, scale: int) -> Worst:
    error = _luma(sr) - _luma(hr)
    counted = error**2
    counted[:scale], counted[-scale:], counted[:, :scale], counted[:, -scale:] = 0, 0, 0, 0
    size = min(_CROP, *error.shape)
    top, left = densest_box(counted, size)
    part = (top, left, size, size)
    grey = np.clip(np.floor(128.5 + _GAIN * 255.0 * error), 0, 255).astype(np.uint8)
    images = (encode(_cut(hr, part)), encode(_cut(sr, part)), encode(_cut(grey, part)))
    return Worst(model, key, score, (top, left), images)


def _cut(pixels: Array, part: tuple[int, int, int, int]) -> Array:
    top, left, height, width = part
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _luma(rgb: Array) -> NDArray[np.float64]:
    return np.asarray(rgb_to_y(rgb.astype(np.float64) / 255.0), dtype=np.float64)


def disagreement(hr: Array, results: Sequence[Array]) -> NDArray[np.float64]:
    """Difference of the models at each pixel: the variance of their luma; of a single model, its squared error.

    Args:
        hr: uint8, (H, W, 3).
        results: uint8, (H, W, 3) each.

    Returns:
        (H, W).
    """
    planes = [_luma(image) for image in results]
    if len(planes) == 1:
        return np.asarray((planes[0] - _luma(hr)) ** 2)
    mean = sum(planes) / len(planes)
    return np.asarray(sum((plane - mean) ** 2 for plane in planes) / len(planes))


def densest_box(values: NDArray[np.float64], size: int) -> tuple[int, int]:
    """(top, left) of the square of ``size`` with the largest sum; the first of equal ones."""
    total = np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    top, left = np.unravel_index(int(np.argmax(sums)), sums.shape)
    return int(top), int(left)
