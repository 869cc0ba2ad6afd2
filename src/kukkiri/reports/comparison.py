"""The report of a comparison: from evaluations and images to one page."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from kukkiri.errors import ConfigError
from kukkiri.evaluation.scores import Evaluation
from kukkiri.evaluation.statistics import paired_difference
from kukkiri.metrics import PROTOCOLS
from kukkiri.reports.data_uris import data_uri
from kukkiri.reports.gallery import Gallery, Shown, Worst
from kukkiri.reports.html_tables import image_table, summary_table
from kukkiri.reports.labels import short_labels
from kukkiri.reports.page import build_page, write_page
from kukkiri.reports.plots import set_charts
from kukkiri.reports.published import SOURCE, published
from kukkiri.reports.viewer import ImageBlock, Version, image_block, viewer

__all__ = ["write_comparison"]

_HR = "HR"
_HOW = "Drag the line, or use the arrow keys. The address keeps the view."
_WORST = (
    "The image of each model with its lowest PSNR, at the position of its largest error. The error is SR minus HR in "
    "luma, amplified by 2 around grey: lighter is too light, darker is too dark."
)
_MEANS = (
    "SSIM is Wang's, with an 11×11 Gaussian window. The mean of a set is the mean over its images; intervals hold "
    "95 % of the means of images resampled with replacement (percentile bootstrap)."
)


def write_comparison(
    path: Path,
    evaluations: Sequence[Evaluation],
    *,
    gallery: Gallery,
    title: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write one self-contained HTML page that compares models.

    Args:
        path: the ``.html`` file.
        evaluations: one for each model, of the same sets, scale, protocol and degradation; the first is the baseline
            of the gains.
        gallery: see :func:`kukkiri.reports.build_gallery`, of the same evaluations.
        title: plain text.
        overwrite: replace an existing file.

    Raises:
        ConfigError: no evaluations, or the file exists or cannot be written.
        ValueError: evaluations of different images or settings.
    """
    _check(evaluations)
    labels = short_labels([evaluation.model for evaluation in evaluations])
    first = evaluations[0]
    names = list(first.sets)
    title = title or f"{', '.join(names)} ×{first.scale}: {_listed(labels)}"
    body = [_lead(evaluations, labels), summary_table(evaluations, labels)]
    body += _images(evaluations, gallery, labels)
    for name in names:
        body.append(_set_section(evaluations, labels, name, alone=len(names) == 1))
    body.append(_failures(gallery.worst, evaluations, labels))
    write_page(
        path,
        build_page(title=title, setup=_setup(first), body="\n".join(body), footer=_footer(evaluations)),
        overwrite=overwrite,
    )


def _check(evaluations: Sequence[Evaluation]) -> None:
    if not evaluations:
        raise ConfigError("nothing to compare. Name at least one model.")
    images = {
        (
            evaluation.scale,
            evaluation.protocol,
            evaluation.degradation,
            *((name, *scored.images) for name, scored in evaluation.sets.items()),
        )
        for evaluation in evaluations
    }
    if len(images) > 1:
        raise ValueError("evaluations of the same images, scale, protocol and degradation are needed")


def _listed(labels: Sequence[str]) -> str:
    if len(labels) <= 2:
        return " and ".join(labels)
    return f"{', '.join(labels[:-1])} and {labels[-1]}" if len(labels) <= 4 else f"{len(labels)} models"


def _setup(first: Evaluation) -> str:
    sets = ", ".join(f"{escape(name)} ({len(scored.images)} images)" for name, scored in first.sets.items())
    protocol = PROTOCOLS[first.protocol].name
    return (
        f"Scale <b>×{first.scale}</b> · LR by <b>{escape(first.degradation)}</b> · protocol <b>{protocol}</b> · {sets}"
    )


def _lead(evaluations: Sequence[Evaluation], labels: Sequence[str]) -> str:
    """The result of each set in a sentence."""
    sentences = []
    for name, scored in evaluations[0].sets.items():
        means = [evaluation.sets[name].mean.psnr for evaluation in evaluations]
        best = max(range(len(means)), key=means.__getitem__)
        text = f"On {escape(name)}, <b>{escape(labels[best])}</b> has the highest PSNR: {means[best]:.2f} dB"
        if best:
            gain, low, high = paired_difference(*(_psnrs(evaluations[i], name) for i in (best, 0)))
            text += f", {gain:+.2f} dB over {escape(labels[0])}"
            if math.isfinite(low):
                sure = "" if low > 0 else "; the interval contains 0, so these images do not decide it"
                text += f" (95 % interval {low:+.2f} to {high:+.2f}{sure})"
        elif len(evaluations) > 1:
            text += "; no other model has a higher one"
        sentences.append(text + ("." if len(scored.images) > 1 else ", on a single image."))
    return f'<p class="lead">{"<br>".join(sentences)}</p>'


def _psnrs(evaluation: Evaluation, name: str) -> list[float]:
    return [score.psnr for score in evaluation.sets[name].images.values()]


def _images(evaluations: Sequence[Evaluation], gallery: Gallery, labels: Sequence[str]) -> list[str]:
    if not gallery.shown:
        return []
    blocks = [_block(shown, evaluations, labels) for shown in gallery.shown]
    totals = [sum(sum(_psnrs(evaluation, name)) for name in evaluation.sets) for evaluation in evaluations]
    best = max(range(len(totals)), key=totals.__getitem__)
    left = labels[0] if best else _HR if len(labels) == 1 else labels[1]
    return [
        viewer(blocks, left=left, right=labels[best], note=_HOW),
        "<h2>Crops side by side</h2>",
        f'<p class="note">The {len(blocks)} images whose PSNR differs most between the models, each where the models '
        "differ most (largest variance of luma in a square of 96 pixels). Drag a crop to move all of them.</p>"
        if len(labels) > 1
        else '<p class="note">Each image where its error is largest. Drag a crop to move all of them.</p>',
        *(image_block(block) for block in blocks),
    ]


def _block(shown: Shown, evaluations: Sequence[Evaluation], labels: Sequence[str]) -> ImageBlock:
    height, width = shown.size
    top, left, part_height, part_width = shown.part
    caption = f"{width}×{height} pixels"
    if (part_height, part_width) != (height, width):
        caption += f"; the page has a part of {part_width}×{part_height} at {left}, {top}"
    versions = [Version(_HR, shown.images[0], "original")]
    for number, (label, webp, score) in enumerate(zip(labels, shown.images[1:], shown.scores, strict=True)):
        versions.append(Version(label, webp, f"{score.psnr:.2f} dB · {score.ssim:.4f}", series=number))
    return ImageBlock(
        _name(shown.key, evaluations), (part_height, part_width), shown.focus, tuple(versions), caption, shown.overview
    )


def _name(key: tuple[str, str], evaluations: Sequence[Evaluation]) -> str:
    return "/".join(key) if len(evaluations[0].sets) > 1 else key[1]


def _set_section(evaluations: Sequence[Evaluation], labels: Sequence[str], name: str, *, alone: bool) -> str:
    first = evaluations[0]
    rows = published(
        name,
        images=len(first.sets[name].images),
        scale=first.scale,
        protocol=first.protocol,
        degradation=first.degradation,
    )
    heading = "Results" if alone else f"Results on {escape(name)}"
    return (
        f'<h2>{heading}</h2><div class="charts">{set_charts(evaluations, labels, name, references=rows)}</div>'
        f"<details><summary>Scores of every image</summary>{image_table(evaluations, labels, name)}</details>"
    )


def _failures(worst: Sequence[Worst], evaluations: Sequence[Evaluation], labels: Sequence[str]) -> str:
    if not worst:
        return ""
    parts = [
        "<h2>Worst cases</h2>",
        f'<p class="note">{_WORST}</p>',
        '<div class="fails">',
    ]
    for case in worst:
        label, name = labels[case.model], _name(case.key, evaluations)
        top, left = case.place
        kinds = ("original", label, "error, 2×")
        tiles = "".join(
            f'<figure class="tile"><img src="{data_uri(webp)}" alt="{escape(name)}: {escape(kind)}">'
            f"<figcaption>{escape(kind)}</figcaption></figure>"
            for webp, kind in zip(case.images, kinds, strict=True)
        )
        parts.append(
            f'<section class="card"><h3 class="m{case.model % 8}">{escape(label)}</h3><p class="note">{escape(name)} '
            f"at {left}, {top}: {case.score.psnr:.2f} dB, SSIM {case.score.ssim:.4f}"
            f"{_smallest_gain(case.model, evaluations, labels)}.</p>"
            f'<div class="three">{tiles}</div></section>'
        )
    return "".join(parts) + "</div>"


def _smallest_gain(model: int, evaluations: Sequence[Evaluation], labels: Sequence[str]) -> str:
    """A sentence about the image with the smallest gain of a model."""
    if model == 0:
        return ""
    gains = {
        (name, image): evaluations[model].sets[name].images[image].psnr - score.psnr
        for name, scored in evaluations[0].sets.items()
        for image, score in scored.images.items()
    }
    key = min(gains, key=gains.__getitem__)
    if not math.isfinite(gains[key]):
        return ""
    where = escape(_name(key, evaluations))
    return f". Smallest gain over {escape(labels[0])}: {gains[key]:+.2f} dB, on {where}"


def _footer(evaluations: Sequence[Evaluation]) -> str:
    first = evaluations[0]
    protocol = PROTOCOLS[first.protocol]
    rule = f"<b>Protocol {protocol.name}</b>: {escape(protocol.summary)}; {first.scale} pixels are cut from each side."
    parts = [f"<p>{rule} {_MEANS}</p>"]
    if any(evaluation.cost for evaluation in evaluations):
        parts.append(
            "<p><b>Cost</b> is for one megapixel of output: multiply-adds of the network, median wall time on the "
            "machine that wrote this page, and the memory beyond the loaded model.</p>"
        )
    if any(
        published(
            name, images=len(scored.images), scale=first.scale, protocol=first.protocol, degradation=first.degradation
        )
        for name, scored in first.sets.items()
    ):
        parts.append(f"<p><b>References.</b> {SOURCE}</p>")
    return "".join(parts)
