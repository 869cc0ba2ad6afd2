"""Character error rates by model: rendered text is degraded, upscaled, read by Tesseract and compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, ModelError
from kukkiri.evaluation.statistics import bootstrap_interval, paired_difference
from kukkiri.inference import Ensemble, Upscaler
from kukkiri.inference.choosing import runs_on_torch
from kukkiri.ocr.error_rate import character_error_rate
from kukkiri.ocr.reader import check_reader, read_text
from kukkiri.ocr.rendering import TextImage
from kukkiri.ocr.scripts import SCRIPTS

__all__ = ["HR", "LR", "Reading", "TextScore", "score_text", "upscale_text"]

Array = NDArray[Any]
HR = "hr"
"""Instead of a model: the image before degradation, an upper bound."""
LR = "lr"
"""Instead of a model: the LR image, read without upscaling."""
_DOTS_PER_INCH = 300  # of HR


@dataclass(frozen=True)
class Reading:
    """Text that was read from one image."""

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
    """Character error rates of one model."""

    model: str
    scale: int
    degradation: str
    readings: dict[str, Reading]
    """By image."""

    def rates(self, script: str | None = None) -> list[float]:
        """Character error rates of all images, or of those of one script."""
        return [reading.rate for reading in self.readings.values() if script in (None, reading.script)]

    def rate(self, script: str | None = None) -> float:
        """Mean character error rate over images."""
        return float(np.mean(self.rates(script)))

    def interval(self, script: str | None = None) -> tuple[float, float]:
        """95 % confidence interval of :meth:`rate`."""
        return bootstrap_interval(self.rates(script))

    def difference(self, other: "TextScore", script: str | None = None) -> tuple[float, float, float]:
        """Mean of this rate minus the other's, on the same images, with its 95 % confidence interval.

        Below 0: this model has fewer errors.
        """
        return paired_difference(self.rates(script), other.rates(script))

    @property
    def scripts(self) -> list[str]:
        """Scripts of the images, in their order."""
        return list(dict.fromkeys(reading.script for reading in self.readings.values()))

    def to_json(self) -> dict[str, Any]:
        """Model, scale and degradation; mean and interval over all and by script; every reading."""
        return {
            "model": self.model,
            "scale": self.scale,
            "degradation": self.degradation,
            "cer": self.rate(),
            "interval": [end if end == end else None for end in self.interval()],
            "scripts": {name: self.rate(name) for name in self.scripts},
            "images": {name: vars(reading) for name, reading in self.readings.items()},
        }


def score_text(
    models: Sequence[str],
    images: Sequence[TextImage],
    *,
    scale: int,
    degradation: str = "bicubic",
    seed: int = 0,
    ensemble: Ensemble = False,
    threads: int | None = None,
    device: str | None = None,
    report: Callable[[str, TextScore], None] | None = None,
) -> list[TextScore]:
    """Read the same images after upscaling by each model.

    Args:
        models: what :class:`kukkiri.inference.Upscaler` takes, or ``hr`` and ``lr``.
        images: see :func:`kukkiri.ocr.render_images`.
        scale: HR pixels for one LR pixel along a side; 2, 3, 4, 6 or 12.
        degradation: text of a :class:`kukkiri.degradations.Degradation`.
        seed: of its noise; all models get the same LR images.
        ensemble: geometric self-ensemble.
        threads: of the engine.
        device: of torch weights, see :class:`kukkiri.Upscaler`; other models run on the CPU.
        report: called with each model and its score.

    Raises:
        ConfigError: no images, a scale that does not divide their sides, or an invalid degradation.
        ModelError: an unknown model, or one of another scale.
        BackendError: Tesseract or a language is not installed.
    """
    if not images or not models:
        raise ConfigError("nothing to read. Give at least one image and one model.")
    if scale < 2 or any(side % scale for image in images for side in image.hr.shape[:2]):
        raise ConfigError(f"scale {scale} does not divide the sides of the images, which are multiples of 12.")
    if device not in (None, "cpu", "auto") and not any(runs_on_torch(model) for model in models):
        raise ConfigError(
            f"no model here runs on {device}, which is for torch weights (.safetensors, .pth), got "
            f"{', '.join(models)}. Drop the device."
        )
    check_reader(list(dict.fromkeys(image.script for image in images)))
    degrade = Degradation.parse(degradation)
    contenders = [_contender(model, scale=scale, ensemble=ensemble, threads=threads, device=device) for model in models]
    lr_images = [
        degrade.apply(image.hr, scale=scale, seed=np.random.default_rng([seed, index]))
        for index, image in enumerate(images)
    ]
    scores = []
    for model, upscale in zip(models, contenders, strict=True):
        shown = [upscale(image.hr, lr) for image, lr in zip(images, lr_images, strict=True)]
        dots = _DOTS_PER_INCH // scale if model == LR else _DOTS_PER_INCH
        score = TextScore(model, scale, str(degrade), _read_all(images, shown, dots_per_inch=dots))
        if report is not None:
            report(model, score)
        scores.append(score)
    return scores


def upscale_text(
    model: str, image: TextImage, *, scale: int, degradation: str = "bicubic", seed: int = 0
) -> tuple[Array, Array]:
    """Degrade and upscale one image: (lr, sr), uint8; noise as for the first image of a set.

    Raises:
        KukkiriError: as :func:`score_text`.
    """
    lr = Degradation.parse(degradation).apply(image.hr, scale=scale, seed=np.random.default_rng([seed, 0]))
    return lr, _contender(model, scale=scale, ensemble=False, threads=None)(image.hr, lr)


def _contender(
    model: str, *, scale: int, ensemble: Ensemble, threads: int | None, device: str | None = None
) -> Callable[[Array, Array], Array]:
    """The function from (hr, lr) to the image that is read."""
    if model == HR:
        return lambda hr, lr: hr
    if model == LR:
        return lambda hr, lr: lr
    given = device if runs_on_torch(model) else None
    upscaler = Upscaler(model, scale=scale, ensemble=ensemble, threads=threads, device=given)
    if upscaler.engines and (len(upscaler.engines) > 1 or upscaler.engines[0].info.scale != scale):
        found = upscaler.engines[0].info.scale
        raise ModelError(f"{model} is a x{found} model, but scale {scale} was asked. Use one of x{scale}.")
    return lambda hr, lr: upscaler(lr)


def _read_all(images: Sequence[TextImage], shown: Sequence[Array], *, dots_per_inch: int) -> dict[str, Reading]:
    """Read with one run of Tesseract for each language and kind instead of one for each image."""
    texts: dict[str, str] = {}
    for script, kind in dict.fromkeys((image.script, image.kind) for image in images):
        group = [index for index, image in enumerate(images) if (image.script, image.kind) == (script, kind)]
        language = SCRIPTS[script].language
        read = read_text([shown[index] for index in group], language=language, kind=kind, dots_per_inch=dots_per_inch)
        texts.update({images[index].name: text for index, text in zip(group, read, strict=True)})
    return {
        image.name: Reading(
            image.script,
            image.kind,
            image.size,
            image.truth,
            texts[image.name],
            character_error_rate(image.truth, texts[image.name]),
        )
        for image in images
    }
