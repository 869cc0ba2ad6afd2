"""The report of models on a clip: a film under a slider, scores, and curves over the frames."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from kukkiri.errors import ConfigError
from kukkiri.evaluation.clips import CLIP_PROTOCOL, ClipEvaluation
from kukkiri.reports.charts import Axis
from kukkiri.reports.curves import Curve, draw_curves, line_swatch, thin
from kukkiri.reports.film import Film
from kukkiri.reports.film_viewer import film_viewer
from kukkiri.reports.labels import short_labels
from kukkiri.reports.page import build_page, write_page

__all__ = ["HR_LABEL", "write_clip_comparison"]

HR_LABEL = "HR"
"""Label of the original in the film, which is its first version."""
_MOST = 400  # points of a curve
_FOOTER = (
    "<p><b>Protocol {protocol}</b>: the luma plane as the decoder gives it, on 0 to 255, against the luma that is "
    "handed to the encoder; {scale} pixels are cut from each side; means over the frames. SSIM is Wang's, with an "
    "11×11 Gaussian window.</p><p><b>Flicker</b> is the root mean square change of the error from one frame to the "
    "next, in levels of 0 to 255, over the pixels of the original that change by at most one level; there is none "
    "where everything moves.</p><p><b>CPU milliseconds</b> are for one frame from LR to SR, on the machine that wrote "
    "this page, without decoding and encoding.</p><p>The film is H.264 at crf 16, 8 bits, 4:2:0: the scores are of the "
    "frames before that.</p>"
)


def write_clip_comparison(
    path: Path, evaluations: Sequence[ClipEvaluation], *, film: Film, title: str | None = None, overwrite: bool = False
) -> None:
    """Write one self-contained HTML page that compares models on a clip.

    Args:
        path: the ``.html`` file.
        evaluations: one for each model, of the same clip; the first is the baseline of the gains.
        film: HR and the results, in the order of the evaluations, with short labels.
        title: plain text.
        overwrite: replace an existing file.

    Raises:
        ConfigError: no evaluations, or the file exists or cannot be written.
    """
    if not evaluations:
        raise ConfigError("nothing to compare. Name at least one model.")
    first = evaluations[0]
    labels = short_labels([evaluation.model for evaluation in evaluations])
    best = max(range(len(evaluations)), key=lambda number: evaluations[number].psnr)
    left = labels[0] if best else HR_LABEL
    body = [
        _lead(evaluations, labels, best),
        _table(evaluations, labels),
        film_viewer(film, left=left, right=labels[best]),
        f'<h2>Over the frames</h2><div class="charts">{_charts(evaluations, labels)}</div>',
    ]
    html = build_page(
        title=title or f"{first.clip} ×{first.scale}: {', '.join(labels)}",
        setup=f"Scale <b>×{first.scale}</b> · LR by <b>{escape(first.degradation)}</b> · protocol "
        f"<b>{CLIP_PROTOCOL}</b> · {escape(first.clip)} ({len(first.frames)} frames)",
        body="\n".join(body),
        footer=_FOOTER.format(protocol=CLIP_PROTOCOL, scale=first.scale),
        film=True,
    )
    write_page(path, html, overwrite=overwrite)


def _lead(evaluations: Sequence[ClipEvaluation], labels: Sequence[str], best: int) -> str:
    top, base = evaluations[best], evaluations[0]
    text = f"On {escape(top.clip)}, <b>{escape(labels[best])}</b> has the highest PSNR: {top.psnr:.2f} dB"
    if best:
        text += f", {top.psnr - base.psnr:+.2f} dB over {escape(labels[0])}"
        if top.flicker is not None and base.flicker is not None:
            text += f"; its flicker is {top.flicker:.2f} against {base.flicker:.2f}"
    return f'<p class="lead">{text}.</p>'


def _table(evaluations: Sequence[ClipEvaluation], labels: Sequence[str]) -> str:
    heads = ("Model", "PSNR (dB) ↑", "gain", "lowest", "SSIM ↑", "flicker ↓", "CPU ms<br>a frame")
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    rows = []
    for number, (evaluation, label) in enumerate(zip(evaluations, labels, strict=True)):
        worst = evaluation.worst
        cells = (
            f"{evaluation.psnr:.2f}",
            f"{evaluation.psnr - evaluations[0].psnr:+.2f}" if number else "–",
            f"{worst.psnr:.2f} <small>at {worst.seconds:.2f} s</small>",
            f"{evaluation.ssim:.4f}",
            "–" if evaluation.flicker is None else f"{evaluation.flicker:.2f}",
            f"{1000 * evaluation.cpu_seconds:.1f}",
        )
        marks = "".join(f"<td>{cell.replace('inf', '∞')}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{line_swatch(number + 1)}{escape(label)}</th>{marks}</tr>')
    return (
        '<div class="scroll" role="region" tabindex="0" aria-label="Summary"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _charts(evaluations: Sequence[ClipEvaluation], labels: Sequence[str]) -> str:
    psnrs = [[(frame.seconds, frame.psnr) for frame in evaluation.frames] for evaluation in evaluations]
    flickers = [
        [(frame.seconds, math.nan if frame.flicker is None else frame.flicker) for frame in evaluation.frames]
        for evaluation in evaluations
    ]
    return _chart("PSNR", "PSNR (dB)", psnrs, labels, from_zero=False) + _chart(
        "Flicker", "levels", flickers, labels, from_zero=True
    )


def _chart(
    title: str, unit: str, lines: Sequence[Sequence[tuple[float, float]]], labels: Sequence[str], *, from_zero: bool
) -> str:
    curves = [
        Curve(label, thin(points, most=_MOST), number + 1)
        for number, (label, points) in enumerate(zip(labels, lines, strict=True))
    ]
    if sum(math.isfinite(y) for curve in curves for _, y in curve.points) < 2 * len(curves):
        return ""
    legend = "".join(f"<li>{line_swatch(curve.series)}<span>{escape(curve.label)}</span></li>" for curve in curves)
    svg = draw_curves(curves, x=Axis("seconds"), y=Axis(unit), title=f"{title} by time", from_zero=from_zero)
    return f'<figure class="card"><h3>{title}</h3><ul class="legend">{legend}</ul>{svg}</figure>'
