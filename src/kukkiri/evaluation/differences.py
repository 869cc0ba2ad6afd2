"""Is one model really better than another? Paired over the images of a set."""

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
    if len({(one.protocol, one.degradation) for one in evaluations}) > 1:
        raise ValueError("evaluations with different protocols or degradations cannot be compared")
    name = evaluations[0].model if baseline is None else baseline
    references = {one.scale: one for one in evaluations if one.model == name}
    if not references:
        raise ValueError(f"the baseline {name} is not among the evaluations")
    return [
        _difference(one, references[one.scale], set_name)
        for one in evaluations
        if one.model != name and one.scale in references
        for set_name in one.sets
        if set_name in references[one.scale].sets
    ]


def _difference(one: Evaluation, reference: Evaluation, set_name: str) -> Difference:
    ours, theirs = one.sets[set_name].images, reference.sets[set_name].images
    shared = [image for image in ours if image in theirs]
    psnr, ssim = (
        paired_difference(
            [getattr(ours[image], metric) for image in shared], [getattr(theirs[image], metric) for image in shared]
        )
        for metric in ("psnr", "ssim")
    )
    return Difference(one.model, reference.model, one.scale, set_name, psnr, ssim)
