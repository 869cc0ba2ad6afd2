"""Does it help to read? Text degraded, upscaled by several models, read, and compared with what was written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, ModelError
from kukkiri.evaluation.statistics import bootstrap_interval, paired_difference
from kukkiri.inference import Upscaler
from kukkiri.ocr.error_rate import character_error_rate
from kukkiri.ocr.reader import check_reader, read_text
from kukkiri.ocr.rendering import TextImage
from kukkiri.ocr.scripts import SCRIPTS

__all__ = ["HR", "LR", "Reading", "TextScore", "score_text", "upscale_text"]

Array = NDArray[Any]
HR = "hr"
"""Instead of a model: the image before it was made smaller, the best that can be had."""
LR = "lr"
"""Instead of a model: the small image, read as it is."""
_DOTS_PER_INCH = 300  # of HR


@dataclass(frozen=True)
class Reading:
    """What was read from one image."""

    script: str
    kind: Literal["card", "line"]
    size: int
    """Height of the em square, in HR pixels."""
    truth: str
    read: str
    rate: float
    """Character error rate; 0 is perfect."""


@dataclass(frozen=True)
class TextScore:
    """How well images of text could be read after one model."""

    model: str
    scale: int
    degradation: str
    readings: dict[str, Reading]
    """By image."""

    def rates(self, script: str | None = None) -> list[float]:
        """Character error rates of all images, or of those of a script."""
        return [one.rate for one in self.readings.values() if script in (None, one.script)]

    def rate(self, script: str | None = None) -> float:
        """Mean character error rate over images."""
        return float(np.mean(self.rates(script)))

    def interval(self, script: str | None = None) -> tuple[float, float]:
        """95 % confidence interval of :meth:`rate`."""
        return bootstrap_interval(self.rates(script))

    def difference(self, other: "TextScore", script: str | None = None) -> tuple[float, float, float]:
        """Mean of this rate minus the other's, on the same images, with its 95 % confidence interval.

        Below 0: this one reads better.
        """
        return paired_difference(self.rates(script), other.rates(script))

    @property
    def scripts(self) -> list[str]:
        """Those of the images, in their order."""
        return list(dict.fromkeys(one.script for one in self.readings.values()))

    def to_json(self) -> dict[str, Any]:
        """Model, scale and degradation; mean and interval over all and by script; every reading."""
        return {
            "model": self.model,
            "scale": self.scale,
            "degradation": self.degradation,
            "cer": self.rate(),
            "interval": [end if end == end else None for end in self.interval()],
            "scripts": {name: self.rate(name) for name in self.scripts},
            "images": {name: vars(one) for name, one in self.readings.items()},
        }


def score_text(
    models: Sequence[str],
    images: Sequence[TextImage],
    *,
    scale: int,
    degradation: str = "bicubic",
    seed: int = 0,
    ensemble: bool = False,
    threads: int | None = None,
    report: Callable[[str, TextScore], None] | None = None,
) -> list[TextScore]:
    """Read the same images after each model.

    Args:
        models: what :class:`kukkiri.inference.Upscaler` takes, or ``hr`` and ``lr``.
        images: see :func:`kukkiri.ocr.render_images`.
        scale: HR pixels for one LR pixel along a side; 2, 3, 4, 6 or 12.
        degradation: text of a :class:`kukkiri.degradations.Degradation`.
        seed: of its noise; every model gets the same LR images.
        ensemble: mean over the eight flips and turns.
        threads: of the engine.
        report: called with the model and its score as they come.

    Raises:
        ConfigError: no images, a scale that their sides are no multiples of, or a wrong degradation.
        ModelError: an unknown model, or one of another scale.
        BackendError: Tesseract or a language is not installed.
    """
    if not images or not models:
        raise ConfigError("there is nothing to read: at least one image and one model are needed.")
    if scale < 2 or any(side % scale for one in images for side in one.hr.shape[:2]):
        raise ConfigError(f"scale {scale} does not divide the sides of the images, which are multiples of 12.")
    check_reader(list(dict.fromkeys(one.script for one in images)))
    degrade = Degradation.parse(degradation)
    contenders = [_contender(model, scale=scale, ensemble=ensemble, threads=threads) for model in models]
    small = [
        degrade.apply(one.hr, scale=scale, seed=np.random.default_rng([seed, place]))
        for place, one in enumerate(images)
    ]
    scores = []
    for model, upscale in zip(models, contenders, strict=True):
        shown = [upscale(one.hr, lr) for one, lr in zip(images, small, strict=True)]
        dots = _DOTS_PER_INCH // scale if model == LR else _DOTS_PER_INCH
        score = TextScore(model, scale, str(degrade), _read_all(images, shown, dots_per_inch=dots))
        if report is not None:
            report(model, score)
        scores.append(score)
    return scores


def upscale_text(
    model: str, image: TextImage, *, scale: int, degradation: str = "bicubic", seed: int = 0
) -> tuple[Array, Array]:
    """One image made smaller and larger again, (lr, sr), uint8; noise as for the first image of a set.

    Raises:
        KukkiriError: as :func:`score_text`.
    """
    lr = Degradation.parse(degradation).apply(image.hr, scale=scale, seed=np.random.default_rng([seed, 0]))
    return lr, _contender(model, scale=scale, ensemble=False, threads=None)(image.hr, lr)


def _contender(model: str, *, scale: int, ensemble: bool, threads: int | None) -> Callable[[Array, Array], Array]:
    """The function from (hr, lr) to what is read."""
    if model == HR:
        return lambda hr, lr: hr
    if model == LR:
        return lambda hr, lr: lr
    upscaler = Upscaler(model, scale=scale, ensemble=ensemble, threads=threads)
    if upscaler.engines and (len(upscaler.engines) > 1 or upscaler.engines[0].info.scale != scale):
        found = upscaler.engines[0].info.scale
        raise ModelError(f"{model} is a x{found} model, but scale {scale} was asked. Use one of x{scale}.")
    return lambda hr, lr: upscaler(lr)


def _read_all(images: Sequence[TextImage], shown: Sequence[Array], *, dots_per_inch: int) -> dict[str, Reading]:
    """Read in one run for each language and kind, which starts Tesseract ten times and not once an image."""
    texts: dict[str, str] = {}
    for script, kind in dict.fromkeys((one.script, one.kind) for one in images):
        group = [place for place, one in enumerate(images) if (one.script, one.kind) == (script, kind)]
        language = SCRIPTS[script].language
        read = read_text([shown[place] for place in group], language=language, kind=kind, dots_per_inch=dots_per_inch)
        texts.update({images[place].name: text for place, text in zip(group, read, strict=True)})
    return {
        one.name: Reading(
            one.script, one.kind, one.size, one.truth, texts[one.name], character_error_rate(one.truth, texts[one.name])
        )
        for one in images
    }
