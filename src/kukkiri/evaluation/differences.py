"""Differences between models, paired over the images of a set, with confidence intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kukkiri.evaluation.scores import Evaluation, finite
from kukkiri.evaluation.statistics import paired_difference

__all__ = ["Difference", "differences"]

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Difference:
    """A model less the baseline, on one set at one scale: (mean, low, high) with a 95 % confidence interval."""

    model: str
    baseline: str
    scale: int
    set: str
    psnr: Triple
    """In dB; the model is better when all three are positive."""
    ssim: Triple

    def to_json(self) -> dict[str, Any]:
        """An entry of ``differences`` in what ``--json`` prints."""
        values = {"psnr": self.psnr, "ssim": self.ssim}
        return {
            "model": self.model,
            "baseline": self.baseline,
            "scale": self.scale,
            "set": self.set,
            **{
                name: finite(dict(zip(("mean", "low", "high"), triple, strict=True))) for name, triple in values.items()
            },
        }


def differences(evaluations: Sequence[Evaluation], *, baseline: str | None = None) -> list[Difference]:
    """Every model against the baseline, at each scale and on each set where both were scored.

    Args:
        evaluations: of one protocol and degradation.
        baseline: a model among them; by default the first.

    Raises:
        ValueError: the baseline is not among them, or the evaluations were not made the same way.
    """
    if not evaluations:
        return []
    if len({(evaluation.protocol, evaluation.degradation) for evaluation in evaluations}) > 1:
        raise ValueError("evaluations with different protocols or degradations cannot be compared")
    name = evaluations[0].model if baseline is None else baseline
    references = {evaluation.scale: evaluation for evaluation in evaluations if evaluation.model == name}
    if not references:
        raise ValueError(f"the baseline {name} is not among the evaluations")
    return [
        _difference(evaluation, references[evaluation.scale], set_name)
        for evaluation in evaluations
        if evaluation.model != name and evaluation.scale in references
        for set_name in evaluation.sets
        if set_name in references[evaluation.scale].sets
    ]


def _difference(evaluation: Evaluation, reference: Evaluation, set_name: str) -> Difference:
    ours, theirs = evaluation.sets[set_name].images, reference.sets[set_name].images
    shared = [image for image in ours if image in theirs]
    psnr, ssim = (
        paired_difference(
            [getattr(ours[image], metric) for image in shared], [getattr(theirs[image], metric) for image in shared]
        )
        for metric in ("psnr", "ssim")
    )
    return Difference(evaluation.model, reference.model, evaluation.scale, set_name, psnr, ssim)
