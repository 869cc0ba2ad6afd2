"""The report of a blind run: the kernel, the spectrum, the explanations that competed, and their results in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import DegradationEstimate, bicubic_kernel, kernel_view
from kukkiri.degradations.blur_candidates import BlurCandidate, BlurRanking, add_bicubic, rank_spectrum
from kukkiri.degradations.degradation_estimate import GridSubsampling
from kukkiri.degradations.spectrum_model import SpectrumModel
from kukkiri.images import Image, quantize, read_page
from kukkiri.inference import Upscaler
from kukkiri.inference.consistency import check_consistency, find_detailed_part
from kukkiri.inference.solvers import list_solvers
from kukkiri.reports.charts import Axis
from kukkiri.reports.curves import Curve, draw_curves, line_swatch
from kukkiri.reports.data_uris import data_uri, encode
from kukkiri.reports.page import build_page, write_page
from kukkiri.reports.viewer import ImageBlock, Version, image_block, viewer

__all__ = ["write_degradation_report"]

Pixels = NDArray[np.uint8]
_SIDE = 128  # LR pixels of the part that the solvers upscale
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
        *_show_results(seen),
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


def _show_results(seen: _Seen) -> list[str]:
    """The most detailed part of the image, upscaled plainly and by the kernel-conditioned network with each kernel."""
    part = find_detailed_part(seen.image, side=_SIDE)
    versions = [Version("plain", encode(_pixels(Upscaler("balanced", scale=seen.scale)(part))), series=0)]
    if (seen.scale, seen.subsample) in list_solvers():
        candidates = [each for each in seen.ranking.candidates if each.kind != "none"][:_SHOWN]
        for number, each in enumerate(candidates, 1):
            versions.append(_solve(each, seen, part, series=number))
    height, width = (seen.scale * side for side in part.size)
    caption = f"The most detailed {part.size[1]}×{part.size[0]} pixels, upscaled to {width}×{height}"
    block = ImageBlock("results", (height, width), (height // 2, width // 2), tuple(versions), caption=caption)
    if len(versions) < 2:
        return [image_block(block)]
    note = "Drag the line, or use the arrow keys. Direct subsampling shifts results against plain upscaling."
    return [viewer([block], left="plain", right=versions[1].label, note=note), image_block(block)]


def _solve(candidate: BlurCandidate, seen: _Seen, part: Image, *, series: int) -> Version:
    estimate = DegradationEstimate(candidate.kernel, seen.scale, seen.subsample, text=candidate.text)
    upscaler = Upscaler("context", scale=seen.scale, degradation=estimate)
    found = check_consistency(part, upscaler.engines[0], estimate).found
    return Version(
        str(candidate), encode(_pixels(upscaler(part))), score=f"LR consistency {found:.1f} dB", series=series
    )


def _pixels(image: Image) -> Pixels:
    """8-bit RGB without alpha."""
    colour = image.colour
    return quantize(np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour, 8).astype(np.uint8)
