"""Evaluations as JSON, CSV, Markdown and plain lines."""

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from kukkiri.evaluation.differences import Difference, differences
from kukkiri.evaluation.measures import MEASURES
from kukkiri.evaluation.scores import Evaluation, SetScore

__all__ = ["FORMATS", "to_csv", "to_json", "to_markdown", "to_text"]

_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def to_json(evaluations: Sequence[Evaluation]) -> str:
    """One evaluation as DESIGN's object; several as ``{"evaluations": [...], "differences": [...]}``."""
    if len(evaluations) == 1:
        return _dump(evaluations[0].to_json())
    return _dump(
        {
            "evaluations": [one.to_json() for one in evaluations],
            "differences": [one.to_json() for one in differences(evaluations)],
        }
    )


def to_csv(evaluations: Sequence[Evaluation]) -> str:
    """A line for each image: model, scale, protocol, degradation, set, image, and what was measured."""
    extras = _extras(evaluations)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "scale", "protocol", "degradation", "set", "image", "psnr", "ssim", *extras])
    for one in evaluations:
        for scored in one.sets.values():
            for image, score in scored.images.items():
                values = [score.psnr, score.ssim, *(scored.extras.get(extra, {}).get(image) for extra in extras)]
                numbers = ["" if value is None else repr(float(value)) for value in values]
                writer.writerow(
                    [one.model, one.scale, one.protocol, one.degradation, scored.name, image, *numbers],
                )
    return text.getvalue()


def to_markdown(evaluations: Sequence[Evaluation]) -> str:
    """A table with a row for each model and scale and a column for each set, then one of paired differences."""
    first = evaluations[0]
    sets = list(dict.fromkeys(name for one in evaluations for name in one.sets))
    extras = _extras(evaluations)
    with_cost = any(one.cost for one in evaluations)
    head = ["model", "scale", *(f"{name}: {title}" for name in sets for title in _titles(extras))]
    head += ["parameters", "multiply-adds", "seconds", "memory"] if with_cost else []
    rows = [
        [one.model, f"x{one.scale}", *_set_cells(one, sets, extras), *(_cost_cells(one) if with_cost else [])]
        for one in evaluations
    ]
    parts = [
        f"Protocol {first.protocol}, LR {first.degradation}; [95 % confidence interval of the mean].",
        _table(head, rows),
    ]
    if with_cost:
        parts.append("Multiply-adds, seconds and memory are for one megapixel of output.")
    found = differences(evaluations)
    if found:
        rows = [
            [one.model, f"x{one.scale}", one.set, _signed(one.psnr, ".3f"), _signed(one.ssim, ".5f")] for one in found
        ]
        parts.append(_table(["model", "scale", "set", f"PSNR less {found[0].baseline}'s (dB)", "SSIM less its"], rows))
    return "\n\n".join(parts) + "\n"


def to_text(evaluations: Sequence[Evaluation]) -> str:
    """Lines for a terminal."""
    lines = []
    for one in evaluations:
        lines.append(f"{one.model} x{one.scale}, {one.protocol}, {one.degradation}")
        lines += [_line(scored) for scored in one.sets.values()]
        if one.cost is not None:
            parameters, multiply_adds, seconds, memory = _cost_cells(one)
            lines.append(
                f"{'for 1 MP':<12} {seconds}, {memory}, {multiply_adds} multiply-adds; {parameters} parameters"
            )
    for change in differences(evaluations):
        lines.append(_difference_line(change))
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Sequence[Evaluation]], str]] = {
    "text": to_text,
    "json": to_json,
    "csv": to_csv,
    "markdown": to_markdown,
}
"""Every form by its name."""


def _dump(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _extras(evaluations: Sequence[Evaluation]) -> list[str]:
    return list(dict.fromkeys(name for one in evaluations for scored in one.sets.values() for name in scored.extras))


def _titles(extras: Sequence[str]) -> list[str]:
    return ["PSNR (dB)", "SSIM", *(MEASURES[name].title for name in extras)]


def _line(scored: SetScore) -> str:
    low, high = scored.interval.psnr
    interval = f"  [{low:.2f}, {high:.2f}] dB" if math.isfinite(low) else ""
    extras = "".join(
        f"  {MEASURES[name].title} {'-' if value is None else f'{value:.4f}'}"
        for name, value in scored.extra_means.items()
    )
    mean, count = scored.mean, len(scored.images)
    return f"{scored.name:<12} {mean.psnr:7.4f} dB  {mean.ssim:.6f}{extras}{interval}  ({count} images)"


def _difference_line(one: Difference) -> str:
    return (
        f"{one.model} less {one.baseline}, x{one.scale} {one.set}: "
        f"{_signed(one.psnr, '.3f')} dB  {_signed(one.ssim, '.5f')}"
    )


def _set_cells(one: Evaluation, sets: Sequence[str], extras: Sequence[str]) -> list[str]:
    cells = []
    for name in sets:
        scored = one.sets.get(name)
        if scored is None:
            cells += ["-"] * (2 + len(extras))
            continue
        means = scored.extra_means
        cells.append(f"{scored.mean.psnr:.2f}{_interval(scored.interval.psnr, '.2f')}")
        cells.append(f"{scored.mean.ssim:.4f}{_interval(scored.interval.ssim, '.4f')}")
        cells += ["-" if (value := means.get(extra)) is None else f"{value:.4f}" for extra in extras]
    return cells


def _cost_cells(one: Evaluation) -> list[str]:
    cost = one.cost
    if cost is None:
        return ["-"] * 4
    memory = "-" if cost.peak_memory is None else f"{cost.peak_memory / 1e6:.0f} MB"
    return [_amount(cost.parameters), _amount(cost.multiply_adds), f"{cost.seconds:.3g} s", memory]


def _amount(value: int | None) -> str:
    if value is None:
        return "-"
    if value < 100_000:
        return f"{value:,}"
    for size, letter in _SI:
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return str(value)


def _interval(ends: tuple[float, float], digits: str) -> str:
    low, high = ends
    return f" [{low:{digits}}, {high:{digits}}]" if math.isfinite(low) else ""


def _signed(triple: tuple[float, float, float], digits: str) -> str:
    mean, low, high = (f"{value:+{digits}}" if math.isfinite(value) else "-" for value in triple)
    return mean if low == "-" else f"{mean} [{low}, {high}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
