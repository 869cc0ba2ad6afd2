"""The charts of a comparison with their captions."""

import math
from collections.abc import Sequence
from html import escape

from kukkiri.evaluation.scores import Evaluation
from kukkiri.evaluation.statistics import paired_difference
from kukkiri.profiling import Cost
from kukkiri.reports.bars import Group, Interval, bars, intervals
from kukkiri.reports.charts import Axis, Mark, scatter, short_number
from kukkiri.reports.html_tables import swatch
from kukkiri.reports.published import Published

__all__ = ["set_charts"]

_MANY = 40
"""Maximum number of images with bars; of more, those with the smallest and the largest gains."""
_PSNR = Axis("PSNR (dB)")
_LITE0_AXIS = Axis("Lite0 distance (up is nearer)", downwards=True)
_LITE0 = (
    "The distance of the features of EfficientNet-Lite0 to those of the original: detail of the right kind counts even "
    "where it is displaced, blur counts against. Up and right is better."
)
_NIQE_AXIS = Axis("NIQE (up is more natural)", downwards=True)
_NIQE = (
    "NIQE compares local statistics with those of good photographs and does not use the original; it rewards invented "
    "detail as well as true detail. Up and right is better. Its pristine model is ours, so values differ from those of "
    "other implementations."
)
_LR_AXIS = Axis("LR PSNR (dB)")
_LR_PSNR = (
    "Instead of a perceptual metric: PSNR of the downscaled result against the input. Above about 45 dB a result "
    "differs from the input only in detail that the input cannot show."
)


def set_charts(
    evaluations: Sequence[Evaluation], labels: Sequence[str], name: str, *, references: Sequence[Published]
) -> str:
    """All charts of one set for which the evaluations have the values."""
    means = [evaluation.sets[name].mean.psnr for evaluation in evaluations]
    if not all(math.isfinite(value) for value in means):
        return '<p class="note">The output of a model equals the originals, so there is no chart.</p>'
    return "".join(
        [
            _gain_chart(evaluations, labels, name),
            _parameter_chart(evaluations, labels, means, references),
            _time_chart(evaluations, labels, means, references),
            _work_chart(evaluations, labels, means),
            _perception_chart(evaluations, labels, name, means),
            _image_chart(evaluations, labels, name),
        ]
    )


def _costs(evaluations: Sequence[Evaluation]) -> list[Cost | None]:
    return [evaluation.cost for evaluation in evaluations]


def _figure(title: str, svg: str, caption: str, *, wide: bool = False, legend: str = "") -> str:
    kind = "card span" if wide else "card"
    head = f'<figure class="{kind}"><h3>{escape(title)}</h3>{legend}'
    return f"{head}{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _parameter_chart(
    evaluations: Sequence[Evaluation], labels: Sequence[str], means: Sequence[float], references: Sequence[Published]
) -> str:
    marks = [
        Mark(label, float(cost.parameters), psnr, series, f"{cost.parameters:,} parameters, {psnr:.2f} dB")
        for series, (cost, label, psnr) in enumerate(zip(_costs(evaluations), labels, means, strict=True))
        if cost is not None and cost.parameters is not None
    ]
    if not marks:
        return ""
    marks += [
        Mark(
            row.name, float(row.parameters), row.score.psnr, None, f"{row.parameters:,} parameters, {row.score.psnr} dB"
        )
        for row in references
    ]
    caption = "Hollow: published results, not measured here." if references else ""
    if any(mark.x == 0 for mark in marks):
        caption = f"Interpolation has no parameters and is set apart at 0. {caption}".strip()
    svg = scatter(marks, x=Axis("parameters", logarithmic=True), y=_PSNR, title="PSNR against parameters")
    return _figure("PSNR against parameters", svg, caption)


def _time_chart(
    evaluations: Sequence[Evaluation], labels: Sequence[str], means: Sequence[float], references: Sequence[Published]
) -> str:
    marks = [
        Mark(label, cost.seconds, psnr, series, f"{cost.seconds:.3g} s for a megapixel, {psnr:.2f} dB")
        for series, (cost, label, psnr) in enumerate(zip(_costs(evaluations), labels, means, strict=True))
        if cost is not None
    ]
    if not marks:
        return ""
    marks += [Mark(row.name, None, row.score.psnr, None, f"published, {row.score.psnr} dB") for row in references]
    caption = "Wall time on the machine that wrote this page."
    if references:
        caption += " At the right side: published PSNR of networks whose time was not measured here."
    axis = Axis("seconds for a megapixel of output", logarithmic=True)
    return _figure("PSNR against time", scatter(marks, x=axis, y=_PSNR, title="PSNR against time"), caption)


def _work_chart(evaluations: Sequence[Evaluation], labels: Sequence[str], means: Sequence[float]) -> str:
    marks = [
        Mark(label, float(adds), psnr, series, f"{short_number(adds)} multiply-adds, {psnr:.2f} dB")
        for series, (cost, label, psnr) in enumerate(zip(_costs(evaluations), labels, means, strict=True))
        if cost is not None and (adds := cost.multiply_adds) is not None
    ]
    if not marks:
        return ""
    axis = Axis("multiply-adds for a megapixel of output", logarithmic=True)
    caption = "Independent of the machine."
    return _figure("PSNR against work", scatter(marks, x=axis, y=_PSNR, title="PSNR against work"), caption)


def _perception_chart(
    evaluations: Sequence[Evaluation], labels: Sequence[str], name: str, means: Sequence[float]
) -> str:
    further = [evaluation.sets[name].means for evaluation in evaluations]
    choices = (("lite0-distance", _LITE0_AXIS, _LITE0), ("niqe", _NIQE_AXIS, _NIQE), ("lr-psnr", _LR_AXIS, _LR_PSNR))
    for metric, axis, caption in choices:
        marks = [
            Mark(label, psnr, value, series, f"{psnr:.2f} dB, {value:.2f}")
            for series, (label, psnr, values) in enumerate(zip(labels, means, further, strict=True))
            if (value := values.get(metric)) is not None and math.isfinite(value)
        ]
        if len(marks) == len(labels):
            title = "Consistency against distortion" if metric == "lr-psnr" else "Perception against distortion"
            return _figure(title, scatter(marks, x=_PSNR, y=axis, title=title), caption)
    return ""


def _gain_chart(evaluations: Sequence[Evaluation], labels: Sequence[str], name: str) -> str:
    base = [score.psnr for score in evaluations[0].sets[name].images.values()]
    rows = []
    for series, (evaluation, label) in enumerate(zip(evaluations, labels, strict=True)):
        if series:
            psnrs = [score.psnr for score in evaluation.sets[name].images.values()]
            rows.append(Interval(label, *paired_difference(psnrs, base), series))
    rows = [row for row in rows if math.isfinite(row.low)]
    if not rows:
        return ""
    title = f"Gain over {labels[0]}"
    svg = intervals(rows, unit="dB, mean and 95 % interval of the paired differences", title=title)
    caption = (
        "Differences are paired image by image: an image that is hard for one model is hard for all, so these "
        "intervals are far narrower than those of the means. A model whose interval does not contain 0 differs from "
        f"{labels[0]}."
    )
    return _figure(title, svg, caption, wide=True)


def _image_chart(evaluations: Sequence[Evaluation], labels: Sequence[str], name: str) -> str:
    images = evaluations[0].sets[name].images
    base = {image: score.psnr for image, score in images.items()}
    if len(evaluations) == 1:
        groups = [Group(image, (psnr,)) for image, psnr in base.items() if math.isfinite(psnr)]
        return _figure(
            "Image by image",
            bars(groups[:_MANY], series=[0], unit="PSNR (dB)", title="PSNR of every image"),
            "",
            wide=True,
        )
    others = list(range(1, len(evaluations)))
    groups = []
    for image, psnr in base.items():
        values = tuple(evaluations[i].sets[name].images[image].psnr - psnr for i in others)
        if all(math.isfinite(value) for value in values):
            groups.append(Group(image, values, note=f"{psnr:.2f} dB"))
    if not groups:
        return ""
    groups.sort(key=lambda group: sum(group.values), reverse=True)
    caption = f"PSNR minus that of {labels[0]}, which is below each name."
    if len(groups) > _MANY:
        groups = groups[: _MANY // 2] + groups[-_MANY // 2 :]
        caption += f" The {_MANY // 2} largest and the {_MANY // 2} smallest gains of {len(base)} images."
    legend = "".join(f"<li>{swatch(i)}<span>{escape(labels[i])}</span></li>" for i in others)
    title = f"Gain over {labels[0]}, image by image"
    svg = bars(groups, series=others, unit="dB", title=title)
    return _figure(title, svg, caption, wide=True, legend=f'<ul class="legend">{legend}</ul>')
