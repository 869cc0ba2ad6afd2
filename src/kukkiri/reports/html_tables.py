"""Tables of a comparison."""

import math
from collections.abc import Callable, Iterable, Sequence
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
    """Scores with intervals and gains over the first model, a group of rows for each set; below it the costs.

    The costs have a table of their own, and the sets stand below each other, so that a page of 1,200 pixels shows all.
    """
    sets = list(evaluations[0].sets)
    columns: dict[str, dict[str, list[str]]] = {}
    for name in sets:
        for title, cells in _scores(evaluations, labels, name):
            columns.setdefault(title, {})[name] = cells
    empty = ["<td>–</td>"] * len(labels)
    groups = []
    for name in sets:
        rows = _rows(labels, [cells.get(name, empty) for cells in columns.values()])
        head = f'<tr class="group"><th scope="rowgroup" colspan="{len(columns) + 1}">{escape(name)}</th></tr>'
        groups.append(f"<tbody>{head if len(sets) > 1 else ''}{rows}</tbody>")
    tables = [_scrolling(_head(columns) + "".join(groups), "Summary")]
    if costs := _costs(evaluations):
        rows = _rows(labels, [cells for _, cells in costs])
        tables.append(_scrolling(f"{_head(title for title, _ in costs)}<tbody>{rows}</tbody>", "Costs"))
    return "".join(tables)


def _head(titles: Iterable[str]) -> str:
    columns = "".join(f'<th scope="col">{title}</th>' for title in titles)
    return f'<thead><tr><th scope="col">Model</th>{columns}</tr></thead>'


def _rows(labels: Sequence[str], columns: Sequence[Sequence[str]]) -> str:
    return "".join(
        f'<tr><th scope="row">{swatch(row)}{escape(label)}</th>{"".join(cells[row] for cells in columns)}</tr>'
        for row, label in enumerate(labels)
    )


def _scores(evaluations: Sequence[Evaluation], labels: Sequence[str], name: str) -> list[tuple[str, list[str]]]:
    """(title, cells) of the columns of a set."""
    scores = [evaluation.sets[name] for evaluation in evaluations]
    intervals = [_range(scored.interval.psnr, 2) for scored in scores]
    columns = [(f"PSNR (dB){_ARROWS[True]}", _cells([scored.mean.psnr for scored in scores], "{:.2f}", intervals))]
    if len(evaluations) > 1:
        columns.append((f"gain over<br>{escape(labels[0])}", _gains(evaluations, name)))
    intervals = [_range(scored.interval.ssim, 4) for scored in scores]
    columns.append((f"SSIM{_ARROWS[True]}", _cells([scored.mean.ssim for scored in scores], "{:.4f}", intervals)))
    for further in _shared_metrics(evaluations, name):
        metric = METRICS[further]
        better = max if metric.higher_is_better else min
        means = [scored.means[further] for scored in scores]
        title = escape(metric.title) + _ARROWS[metric.higher_is_better]
        columns.append((title, _cells(means, f"{{:.{metric.digits}f}}", better=better)))
    return columns


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
