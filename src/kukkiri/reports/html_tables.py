"""Tables of a comparison."""

import math
from collections.abc import Callable, Sequence
from html import escape

from kukkiri.evaluation.scores import ALWAYS, Evaluation
from kukkiri.evaluation.statistics import paired_difference
from kukkiri.metrics import METRICS
from kukkiri.reports.charts import marker, short_number

__all__ = ["image_table", "summary_table", "swatch"]


_ARROWS = {
    True: ' <span role="img" aria-label="higher is better">↑</span>',
    False: ' <span role="img" aria-label="lower is better">↓</span>',
}


def swatch(series: int) -> str:
    """The marker of a model, as in the charts."""
    return f'<svg class="swatch m{series % 8}" viewBox="-8 -8 16 16" aria-hidden="true">{marker(0, 0, series)}</svg>'


def summary_table(evaluations: Sequence[Evaluation], labels: Sequence[str]) -> str:
    """A row for each model: scores with intervals, the gain over the first model, and the cost."""
    names = list(evaluations[0].sets)
    columns: list[tuple[str, list[str]]] = []
    for name in names:
        sets = [evaluation.sets[name] for evaluation in evaluations]
        prefix = f"{escape(name)}<br>" if len(names) > 1 else ""
        columns.append(
            (
                f"{prefix}PSNR (dB){_ARROWS[True]}",
                _cells(
                    [scored.mean.psnr for scored in sets],
                    "{:.2f}",
                    [_range(scored.interval.psnr, 2) for scored in sets],
                ),
            )
        )
        if len(evaluations) > 1:
            columns.append((f"{prefix}gain over<br>{escape(labels[0])}", _gains(evaluations, name)))
        columns.append(
            (
                f"{prefix}SSIM{_ARROWS[True]}",
                _cells(
                    [scored.mean.ssim for scored in sets],
                    "{:.4f}",
                    [_range(scored.interval.ssim, 4) for scored in sets],
                ),
            )
        )
        for further in _shared_metrics(evaluations, name):
            metric = METRICS[further]
            better = max if metric.higher_is_better else min
            means = [scored.means[further] for scored in sets]
            title = prefix + escape(metric.title) + _ARROWS[metric.higher_is_better]
            columns.append((title, _cells(means, f"{{:.{metric.digits}f}}", better=better)))
    columns += _costs(evaluations)
    head = "".join(f'<th scope="col">{title}</th>' for title, _ in columns)
    rows = "".join(
        f'<tr><th scope="row">{swatch(row)}{escape(label)}</th>{"".join(cells[row] for _, cells in columns)}</tr>'
        for row, label in enumerate(labels)
    )
    return _scrolling(f'<thead><tr><th scope="col">Model</th>{head}</tr></thead><tbody>{rows}</tbody>', "Summary")


def _shared_metrics(evaluations: Sequence[Evaluation], name: str) -> list[str]:
    """The metrics beside PSNR and SSIM that every evaluation has."""
    first, *others = (evaluation.sets[name].metrics for evaluation in evaluations)
    return [metric for metric in first if metric not in ALWAYS and all(metric in metrics for metrics in others)]


def _cells(
    values: Sequence[float | None],
    pattern: str,
    notes: Sequence[str] = (),
    *,
    better: Callable[[Sequence[float]], float] = max,
) -> list[str]:
    """Table cells; the best value is marked."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    best = better(known) if len(known) > 1 else None
    cells = []
    for row, value in enumerate(values):
        text = "–" if value is None else pattern.format(value).replace("inf", "∞")
        note = f"<small>{notes[row]}</small>" if notes and notes[row] else ""
        kind = ' class="best"' if value is not None and value == best else ""
        cells.append(f"<td{kind}><span>{text}</span>{note}</td>")
    return cells


def _range(ends: tuple[float, float], digits: int) -> str:
    return f"{ends[0]:.{digits}f} … {ends[1]:.{digits}f}" if math.isfinite(ends[0]) else ""


def _gains(evaluations: Sequence[Evaluation], name: str) -> list[str]:
    base = [score.psnr for score in evaluations[0].sets[name].images.values()]
    cells = ["<td>–</td>"]
    for evaluation in evaluations[1:]:
        psnrs = [score.psnr for score in evaluation.sets[name].images.values()]
        gain, low, high = paired_difference(psnrs, base)
        note = f"<small>{low:+.2f} … {high:+.2f}</small>" if math.isfinite(low) else ""
        cells.append(f"<td><span>{gain:+.2f}</span>{note}</td>")
    return cells


def _costs(evaluations: Sequence[Evaluation]) -> list[tuple[str, list[str]]]:
    costs = [evaluation.cost for evaluation in evaluations]
    if not any(costs):
        return []
    parameters = [None if cost is None else cost.parameters for cost in costs]
    adds = [None if cost is None else cost.multiply_adds for cost in costs]
    seconds = [None if cost is None else cost.seconds for cost in costs]
    memory = [None if cost is None or cost.peak_memory is None else cost.peak_memory / 1e6 for cost in costs]

    def plain(values: Sequence[float | None], write: Callable[[float], str]) -> list[str]:
        return [f"<td>{'–' if value is None else write(value)}</td>" for value in values]

    return [
        ("Parameters", plain(parameters, lambda value: f"{value:,.0f}".replace(",", " "))),
        ("Multiply-adds<br>per megapixel", plain(adds, short_number)),
        ("Seconds<br>per megapixel", plain(seconds, lambda value: f"{value:.3g}")),
        ("Memory<br>(MB)", plain(memory, lambda value: f"{value:.0f}")),
    ]


def image_table(evaluations: Sequence[Evaluation], labels: Sequence[str], name: str) -> str:
    """PSNR and SSIM of every image by every model."""
    head = "".join(
        f'<th scope="col">{swatch(row)}{escape(label)}<br>PSNR · SSIM</th>' for row, label in enumerate(labels)
    )
    rows = []
    for image in evaluations[0].sets[name].images:
        scores = [evaluation.sets[name].images[image] for evaluation in evaluations]
        best = max(score.psnr for score in scores)
        cells = "".join(
            f"<td{' class=best' if score.psnr == best and len(scores) > 1 else ''}><span>{score.psnr:.2f}</span>"
            f"<small>{score.ssim:.4f}</small></td>"
            for score in scores
        )
        rows.append(f'<tr><th scope="row">{escape(image)}</th>{cells}</tr>')
    return _scrolling(
        f'<thead><tr><th scope="col">Image</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody>',
        f"Images of {name}",
    )


def _scrolling(content: str, label: str) -> str:
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}"><table>{content}</table></div>'
