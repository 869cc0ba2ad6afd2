"""Evaluations as JSON, CSV, Markdown and plain lines."""

import csv
import io
import json
import math
from collections.abc import Callable, Sequence

from kukkiri.evaluation.differences import Difference, differences
from kukkiri.evaluation.scores import ALWAYS, Evaluation, SetScore
from kukkiri.metrics import METRICS

__all__ = ["FORMATS", "to_csv", "to_json", "to_markdown", "to_text"]

_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def to_json(evaluations: Sequence[Evaluation]) -> str:
    """One evaluation as an object; several as ``{"evaluations": [...], "differences": [...]}``."""
    if len(evaluations) == 1:
        return _dump(evaluations[0].to_json())
    return _dump(
        {
            "evaluations": [evaluation.to_json() for evaluation in evaluations],
            "differences": [difference.to_json() for difference in differences(evaluations)],
        }
    )


def to_csv(evaluations: Sequence[Evaluation]) -> str:
    """A line for each image: model, scale, protocol, degradation, set, image, and a column for each metric."""
    metrics = _metrics(evaluations)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "scale", "protocol", "degradation", "set", "image", *metrics])
    for evaluation in evaluations:
        setting = [evaluation.model, evaluation.scale, evaluation.protocol, evaluation.degradation]
        for scored in evaluation.sets.values():
            for image, scores in scored.scores.items():
                values = [scores.get(metric) for metric in metrics]
                numbers = ["" if value is None else repr(float(value)) for value in values]
                writer.writerow([*setting, scored.name, image, *numbers])
    return text.getvalue()


def to_markdown(evaluations: Sequence[Evaluation]) -> str:
    """A table with a row for each model and scale and a column for each set, then one of paired differences."""
    first = evaluations[0]
    sets = list(dict.fromkeys(name for evaluation in evaluations for name in evaluation.sets))
    metrics = _metrics(evaluations)
    with_cost = any(evaluation.cost for evaluation in evaluations)
    head = ["model", "scale", *(f"{name}: {METRICS[metric].title}" for name in sets for metric in metrics)]
    head += ["parameters", "multiply-adds", "seconds", "memory"] if with_cost else []
    rows = [
        [
            evaluation.model,
            f"x{evaluation.scale}",
            *_set_cells(evaluation, sets, metrics),
            *(_cost_cells(evaluation) if with_cost else []),
        ]
        for evaluation in evaluations
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
            [change.model, f"x{change.scale}", change.set, _signed(change.psnr, ".3f"), _signed(change.ssim, ".5f")]
            for change in found
        ]
        head = [f"{name} minus that of {found[0].baseline}" for name in ("PSNR (dB)", "SSIM")]
        parts.append(_table(["model", "scale", "set", *head], rows))
    return "\n\n".join(parts) + "\n"


def to_text(evaluations: Sequence[Evaluation]) -> str:
    """Lines for a terminal."""
    lines = []
    for evaluation in evaluations:
        lines.append(f"{evaluation.model} x{evaluation.scale}, {evaluation.protocol}, {evaluation.degradation}")
        lines += [_line(scored) for scored in evaluation.sets.values()]
        if evaluation.cost is not None:
            parameters, multiply_adds, seconds, memory = _cost_cells(evaluation)
            lines.append(
                f"{'for 1 MP':<12} {seconds}, {memory}, {multiply_adds} multiply-adds; {parameters} parameters"
            )
    lines += [_difference_line(difference) for difference in differences(evaluations)]
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Sequence[Evaluation]], str]] = {
    "text": to_text,
    "json": to_json,
    "csv": to_csv,
    "markdown": to_markdown,
}
"""Every form by its name."""


def _dump(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _metrics(evaluations: Sequence[Evaluation]) -> list[str]:
    """Names of the metrics of all evaluations, in their order."""
    names = [name for evaluation in evaluations for scored in evaluation.sets.values() for name in scored.metrics]
    return list(dict.fromkeys([*ALWAYS, *names]))


def _line(scored: SetScore) -> str:
    low, high = scored.interval.psnr
    interval = f"  [{low:.2f}, {high:.2f}] dB" if math.isfinite(low) else ""
    further = "".join(
        f"  {METRICS[metric].title} {_number(value, metric, more=2)}"
        for metric, value in scored.means.items()
        if metric not in ALWAYS
    )
    mean, count = scored.mean, len(scored.scores)
    return f"{scored.name:<12} {mean.psnr:7.4f} dB  {mean.ssim:.6f}{further}{interval}  ({count} images)"


def _difference_line(change: Difference) -> str:
    return (
        f"{change.model} minus {change.baseline}, x{change.scale} {change.set}: "
        f"{_signed(change.psnr, '.3f')} dB  {_signed(change.ssim, '.5f')}"
    )


def _set_cells(evaluation: Evaluation, sets: Sequence[str], metrics: Sequence[str]) -> list[str]:
    cells = []
    for name in sets:
        scored = evaluation.sets.get(name)
        if scored is None:
            cells += ["-"] * len(metrics)
            continue
        intervals = vars(scored.interval)
        for metric in metrics:
            ends = _interval(intervals[metric], metric) if metric in intervals else ""
            cells.append(_number(scored.means.get(metric), metric) + ends)
    return cells


def _cost_cells(evaluation: Evaluation) -> list[str]:
    cost = evaluation.cost
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


def _number(value: float | None, metric: str, *, more: int = 0) -> str:
    """A value with the decimals of its metric, and ``more`` of them."""
    return "-" if value is None else f"{value:.{METRICS[metric].digits + more}f}"


def _interval(ends: tuple[float, float], metric: str) -> str:
    low, high = ends
    return f" [{_number(low, metric)}, {_number(high, metric)}]" if math.isfinite(low) else ""


def _signed(triple: tuple[float, float, float], digits: str) -> str:
    mean, low, high = (f"{value:+{digits}}" if math.isfinite(value) else "-" for value in triple)
    return mean if low == "-" else f"{mean} [{low}, {high}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
