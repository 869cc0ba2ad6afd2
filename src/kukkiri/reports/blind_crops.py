"""The crops of a blind comparison: the same places of the outputs of several models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError
from kukkiri.evaluation.scores import Evaluation
from kukkiri.evaluation.sets import TestSet
from kukkiri.inference import Ensemble
from kukkiri.info import JSON
from kukkiri.reports.data_uris import encode
from kukkiri.reports.gallery import Key, choose_images, densest_box, disagreement, make_contenders, make_pair

__all__ = ["MOST_MODELS", "BlindCrop", "build_blind_crops"]

MOST_MODELS = 4
"""More would ask for more pairs than anybody answers with care."""
_SIDE = 128  # HR pixels
_PLACES = 3  # of each image


@dataclass(frozen=True)
class BlindCrop:
    """One place in the output of every model."""

    key: Key
    place: tuple[int, int]
    """(row, column) of the top left corner in the HR image."""
    side: int
    """HR pixels."""
    images: tuple[bytes, ...]
    """WebP, lossless, of every model."""


def build_blind_crops(
    evaluations: Sequence[Evaluation],
    *,
    sets: Sequence[TestSet],
    count: int = 6,
    ensemble: Ensemble = False,
    threads: int | None = None,
    model_args: Mapping[str, Mapping[str, JSON]] | None = None,
    device: str | None = None,
    report: Callable[[str], None] | None = None,
) -> tuple[BlindCrop, ...]:
    """Run the models on some images, and cut each where their outputs differ most, at up to three places.

    Args:
        evaluations: two to four, of the same sets at the same scale.
        sets: of the evaluations, with their LR images where those were given.
        count: images; those with the largest difference in PSNR between models come first.
        ensemble: geometric self-ensemble, as in the evaluations.
        threads: of the engine.
        model_args: of each model that needs some, as in the evaluations.
        device: of torch weights, as in the evaluations.
        report: called with the name of each image.

    Raises:
        ConfigError: another number of models.
        KukkiriError: an image or a model can no longer be read.
    """
    if not 2 <= len(evaluations) <= MOST_MODELS:
        raise ConfigError(f"a blind comparison takes two to {MOST_MODELS} models, got {len(evaluations)}.")
    contenders = make_contenders(
        evaluations, ensemble=ensemble, threads=threads, model_args=model_args or {}, device=device
    )
    crops = []
    for key in choose_images(evaluations, count=count):
        if report is not None:
            report("/".join(key))
        pair = make_pair(evaluations[0], sets, key)
        results = [contender(pair.lr) for contender in contenders]
        for place, side in _find_places(disagreement(pair.hr, results)):
            cut = (slice(place[0], place[0] + side), slice(place[1], place[1] + side))
            images = tuple(encode(np.ascontiguousarray(image[cut])) for image in results)
            crops.append(BlindCrop(key, place, side, images))
    return tuple(crops)


def _find_places(values: NDArray[Any]) -> list[tuple[tuple[int, int], int]]:
    """The squares that hold most of the difference and do not overlap, with their sides."""
    side = min(_SIDE, *values.shape)
    free, places = values.astype(np.float64), list[tuple[int, int]]()
    for _ in range(_PLACES):
        place = densest_box(free, side)
        if not _is_free(place, side, places):
            break
        places.append(place)
        free[place[0] : place[0] + side, place[1] : place[1] + side] = -float(values.sum()) - 1  # never again
    return [(place, side) for place in places]


def _is_free(place: tuple[int, int], side: int, taken: Sequence[tuple[int, int]]) -> bool:
    return all(max(abs(place[0] - row), abs(place[1] - column)) >= side for row, column in taken)
