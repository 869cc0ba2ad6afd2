"""The report of a blind run: the kernel, the spectrum, the explanations that competed, and their results in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import (
    DegradationEstimate,
    DegradationRequest,
    bicubic_kernel,
    estimate_noise,
    kernel_view,
    read_degradation,
)
from kukkiri.degradations.blur_candidates import BlurCandidate, BlurRanking, add_bicubic, rank_spectrum
from kukkiri.degradations.degradation_estimate import GridSubsampling
from kukkiri.degradations.spectrum_model import SpectrumModel
from kukkiri.images import Image, quantize, read_page
from kukkiri.reports.charts import Axis
from kukkiri.reports.curves import Curve, draw_curves, line_swatch
from kukkiri.reports.data_uris import data_uri, encode
from kukkiri.reports.degradation_results import NamedModel, show_results
from kukkiri.reports.page import build_page, write_page

__all__ = ["write_degradation_report"]

_SHOWN = 3  # explanations whose results are shown
_CELL = 24  # CSS pixels for one weight of a kernel
_SMALL_CELL = 4
_WIDEST = 240
_FOOTER = (
    "<p>The true image is not known here. The misfit is the root mean square of the natural logarithm of the image's "
    "power spectrum over the predicted one; an image of this size has about the <i>expected</i> misfit, and up to "
    "twice it, under the right blur. LR consistency is the PSNR of the result, blurred and downscaled again, against "
    "the image: a low one shows that a kernel is wrong, a high one does not show that it is right.</p>"
)


@dataclass(frozen=True, eq=False)
class _Seen:
    """An image with its spectrum and the explanations of it."""

    image: Image
    model: SpectrumModel
    ranking: BlurRanking
    scale: int
    subsample: GridSubsampling


def write_degradation_report(
    path: Path,
    *,
    source: Path,
    scale: int,
    degradation: Mapping[str, Any] | None,
    subsample: GridSubsampling = "direct",
    page: int | None = None,
    notes: Sequence[str] = (),
    named: NamedModel | None = None,
    overwrite: bool = False,
) -> None:
    """Read an image that was upscaled blindly, and write one self-contained HTML page about its degradation.

    Args:
        path: the ``.html`` file.
        source: the file that was upscaled.
        scale: of the run.
        degradation: that was used, as :meth:`kukkiri.degradations.DegradationEstimate.describe` tells it; ``None``:
            none was trusted.
        subsample: of the network, where no degradation was used.
        page: page or frame of the input, from 1.
        notes: messages of the run.
        named: the model of the run, whose results are shown beside those of the shipped solvers.
        overwrite: replace an existing page.

    Raises:
        ImageError: the file cannot be read, or is too small to have a spectrum.
        ConfigError: the page exists or cannot be written.
    """
    image = read_page(source, page or 1)
    grid: GridSubsampling = degradation["subsample"] if degradation else subsample
    model = SpectrumModel(image.colour, scale=scale)
    ranking = rank_spectrum(model, image=image.colour, bicubic=grid == "bicubic", free=False)
    seen = _Seen(image, model, ranking, scale, grid)
    height, width = image.size
    lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
    body = [
        f"<h2>Found</h2><ul>{lines}</ul>" if lines else "",
        f'<h2>Kernel and spectrum</h2><div class="charts">{_draw_used(seen, degradation)}{_draw_spectrum(seen)}</div>',
        _list_explanations(seen),
        *show_results(
            image,
            _estimates_of(seen, degradation),
            plain_check=DegradationEstimate(_kernel_of(ranking.best, seen), scale, grid),
            named=named,
        ),
    ]
    used = "none was trusted: upscaled as an image that is not blurred"
    if degradation:
        used = f"{degradation['kernel'] or 'a kernel of any shape'}, {degradation['found_by']}"
        used += f", confidence {degradation['confidence']:.2f}" if degradation["found_by"] != "given" else ""
    setup = f"Scale <b>×{scale}</b> · {width}×{height} pixels · {escape(grid)} subsampling · <b>{escape(used)}</b>"
    html = build_page(title=f"Blur of {source.name}", setup=setup, body="\n".join(body), footer=_FOOTER)
    write_page(path, html, overwrite=overwrite)


def _draw_used(seen: _Seen, degradation: Mapping[str, Any] | None) -> str:
    """The kernel that was used, or that of the best explanation."""
    best = seen.ranking.best
    shown, caption = _kernel_of(best, seen), f"The best explanation: {best}"
    if degradation and degradation["matrix"] is not None:
        shown, caption = np.array(degradation["matrix"]), f"The kernel that was used, {degradation['found_by']}"
    caption += ". One square is a pixel of the result; brightness is the square root of the weight."
    image = _draw_kernel(shown, cell=_CELL, name="kernel")
    return f'<figure class="card">{image}<figcaption>{escape(caption)}</figcaption></figure>'


def _list_explanations(seen: _Seen) -> str:
    """A table of the explanations with their kernels, the best first."""
    ranking, best = seen.ranking, seen.ranking.best
    rows = []
    for each in ranking.candidates:
        share = f"{100 * (each.misfit / best.misfit - 1):+.0f} %" if each is not best else "taken"
        drawn = _draw_kernel(_kernel_of(each, seen), cell=_SMALL_CELL, name=str(each))
        rows.append(
            f'<tr><th scope="row">{escape(str(each))}</th><td>{drawn}</td><td>{each.misfit:.3f}</td>'
            f"<td>{share}</td></tr>"
        )
    titles = ("explanation", "kernel", "misfit", "against the best")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    doubt = escape(f"Expected misfit {ranking.expected:.2f}; {ranking}.")
    if not ranking.explained:
        doubt = f"<b>No family of blurs explains this image.</b> {doubt}"
    region = '<div class="scroll" role="region" tabindex="0" aria-label="Explanations">'
    return (
        f"<h2>Explanations</h2>{region}<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f'<p class="note">{doubt}</p>'
    )


def _kernel_of(candidate: BlurCandidate, seen: _Seen) -> NDArray[np.float64]:
    if candidate.kind == "none":
        return bicubic_kernel(seen.scale, aligned=False)
    return candidate.kernel


def _draw_kernel(kernel: NDArray[np.float64], *, cell: int, name: str) -> str:
    weight = np.abs(kernel) >= 1e-3 * np.abs(kernel).max()
    rows, columns = np.flatnonzero(weight.any(axis=1)), np.flatnonzero(weight.any(axis=0))
    cut = kernel[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    pixels = quantize(np.repeat(kernel_view(cut), 3, axis=2), 8)
    height, width = (min(cell, _WIDEST // max(cut.shape)) * side for side in cut.shape)
    return f'<img src="{data_uri(encode(pixels))}" alt="{escape(name)}" width="{width}" height="{height}">'


def _draw_spectrum(seen: _Seen) -> str:
    """The image's spectrum and those that the best explanation, the rival and no blur predict."""
    best, rival = seen.ranking.best, seen.ranking.rival
    chosen = [best, *([rival] if rival else [])]
    curves: list[Curve] = []
    for number, each in enumerate(chosen, 2):
        whole = _kernel_of(each, seen)
        if seen.subsample == "bicubic" and each.kind != "none":
            whole = add_bicubic(each.kernel, scale=seen.scale)
        frequency, observed, predicted = seen.model.profile(whole)
        if not curves:
            curves.append(Curve("the image", list(zip(frequency.tolist(), observed.tolist(), strict=True)), 1))
        points = list(zip(frequency.tolist(), predicted.tolist(), strict=True))
        curves.append(Curve(each.text if number == 2 else f"next: {each.text}", points, number))
    svg = draw_curves(
        curves, x=Axis("cycles per pixel of the image"), y=Axis("power", logarithmic=True), title="Power spectrum"
    )
    legend = " ".join(f"{line_swatch(each.series)} {escape(each.label)}" for each in curves)
    caption = "Means over rings of the spectrum. A wrong kernel predicts another fall, or zeros at other places."
    return f'<figure class="card">{svg}<figcaption>{legend}<br>{caption}</figcaption></figure>'


def _estimates_of(seen: _Seen, degradation: Mapping[str, Any] | None) -> list[DegradationEstimate]:
    """The degradation that was used, then explanations of another kind, up to three."""
    noise_std = estimate_noise(seen.image.colour).noise_std if degradation is None else degradation["noise_std"]
    found = [
        DegradationEstimate(each.kernel, seen.scale, seen.subsample, noise_std, text=each.text, kind=each.kind)
        for each in seen.ranking.candidates
        if each.kind != "none"
    ]
    if degradation is None:
        return found[:_SHOWN]
    text = degradation["kernel"]
    kernel = np.ones((1, 1)) if degradation["matrix"] is None else np.array(degradation["matrix"])
    if degradation["matrix"] is None and text != "bicubic":
        request = DegradationRequest(text, subsample=seen.subsample)
        kernel = read_degradation(request, scale=seen.scale, subsample=seen.subsample).kernel
    used = DegradationEstimate(kernel, seen.scale, seen.subsample, noise_std, text=text)
    return [used, *(each for each in found if each.text != text)][:_SHOWN]
