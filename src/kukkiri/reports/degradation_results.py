"""Results in the report of a blind run: the most detailed part of an image by every solver that can run, checked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import DegradationEstimate
from kukkiri.errors import KukkiriError
from kukkiri.images import Image, quantize
from kukkiri.inference import Upscaler
from kukkiri.inference.consistency import Consistency, check_consistency, find_detailed_part
from kukkiri.inference.solvers import find_prior, list_solvers
from kukkiri.info import JSON
from kukkiri.reports.data_uris import encode
from kukkiri.reports.viewer import ImageBlock, Version, image_block, viewer

__all__ = ["NamedModel", "show_results"]

Pixels = NDArray[np.uint8]
_SIDE = 128  # LR pixels of the part that the solvers upscale
_NOTE = "Drag the line, or use the arrow keys. Direct subsampling shifts results against plain upscaling."


@dataclass(frozen=True)
class NamedModel:
    """The model of a run, by its name or file."""

    model: str
    arguments: Mapping[str, JSON] | None = None
    """Of a file that needs some, see :class:`kukkiri.Upscaler`."""


@dataclass(frozen=True)
class _Result:
    """One part upscaled by one solver."""

    solver: str
    kernel: str
    pixels: Pixels
    check: Consistency


def show_results(
    image: Image,
    estimates: Sequence[DegradationEstimate],
    *,
    plain_check: DegradationEstimate,
    named: NamedModel | None = None,
) -> list[str]:
    """Upscale the most detailed part of an image plainly and by the solvers, as blocks of HTML.

    Args:
        image: LR.
        estimates: explanations of it, the best first. Every solver gets the first, the network that is conditioned on
            the kernel the others, too; may be empty.
        plain_check: under which plain upscaling is checked.
        named: the model of the run; a solver by file is among those that are shown.
    """
    part = find_detailed_part(image, side=_SIDE)
    scale = plain_check.scale
    plain = Upscaler("balanced", scale=scale)
    results = [
        _Result("plain", "none", _pixels(plain(part)), check_consistency(part, plain.engines[0], plain_check)),
    ]
    failures = []
    for number, estimate in enumerate(estimates):
        for solver in _list_models(estimate, named=named) if number == 0 else _list_models(estimate)[:1]:
            try:
                results.append(_solve(solver, estimate, part))
            except KukkiriError as error:  # such as torch that is missing: the page tells it and shows the others
                failures.append(f"{Path(solver.model).name}: {error}")
    return list(_write(results, failures, part=part, scale=scale))


def _list_models(estimate: DegradationEstimate, *, named: NamedModel | None = None) -> list[NamedModel]:
    """List the solvers for an estimate: the shipped ones, that of the kernel alone first, and a file that was given."""
    wanted = (estimate.scale, estimate.subsample)
    names = [list_solvers().get(wanted), list_solvers(noise=True).get(wanted)]
    if estimate.subsample == "direct":
        names.append(find_prior())
    models = [NamedModel(name) for name in names if name is not None]
    if named is not None and Path(named.model).is_file():
        models.append(named)
    return models


def _solve(solver: NamedModel, estimate: DegradationEstimate, part: Image) -> _Result:
    upscaler = Upscaler(
        solver.model,
        scale=estimate.scale,
        degradation=_without_noise(estimate, solver),
        model_args=solver.arguments,
    )
    check = check_consistency(part, upscaler.engines[0], estimate)
    return _Result(Path(upscaler.name).name, estimate.text or "any shape", _pixels(upscaler(part)), check)


def _without_noise(estimate: DegradationEstimate, solver: NamedModel) -> DegradationEstimate:
    """Leave the noise out for the network that is conditioned on the kernel alone."""
    if solver.model != list_solvers().get((estimate.scale, estimate.subsample)):
        return estimate
    return DegradationEstimate(estimate.kernel, estimate.scale, estimate.subsample, text=estimate.text)


def _write(results: Sequence[_Result], failures: Sequence[str], *, part: Image, scale: int) -> Iterator[str]:
    """Write the table of the checks, the slider and the crops."""
    yield _list_checks(results, failures)
    versions = [
        Version(
            "plain" if number == 0 else f"{each.solver}, {each.kernel}",
            encode(each.pixels),
            score="" if number == 0 else f"LR consistency {each.check.found:.1f} dB",
            series=number,
        )
        for number, each in enumerate(results)
    ]
    height, width = (scale * side for side in part.size)
    caption = f"The most detailed {part.size[1]}×{part.size[0]} pixels, upscaled to {width}×{height}"
    block = ImageBlock("results", (height, width), (height // 2, width // 2), tuple(versions), caption=caption)
    if len(versions) > 1:
        yield viewer([block], left="plain", right=versions[1].label, note=_NOTE)
    yield image_block(block)


def _list_checks(results: Sequence[_Result], failures: Sequence[str]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(each.solver)}</th><td>{escape(each.kernel)}</td>'
        f"<td>{each.check.found:.1f}</td><td>{each.check.bicubic:.1f}</td>"
        f"<td>{'differs from the image' if each.check.contradicted else 'gives the image back'}</td></tr>"
        for each in results
    )
    titles = ("solver", "kernel", "LR consistency, dB", "under bicubic downscaling", "the result, degraded again")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    lines = "".join(f"<li>{escape(failure)}</li>" for failure in failures)
    return (
        '<h2>Solvers</h2><div class="scroll" role="region" tabindex="0" aria-label="Solvers"><table><thead><tr>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"{f'<ul>{lines}</ul>' if lines else ''}"
    )


def _pixels(image: Image) -> Pixels:
    """8-bit RGB without alpha."""
    colour = image.colour
    return quantize(np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour, 8).astype(np.uint8)
