"""The report of a training run: losses, PSNR, learning rate, gradient norm and speed over the steps."""

import json
import logging
import math
from html import escape
from importlib.util import find_spec
from pathlib import Path

from kukkiri.errors import ConfigError
from kukkiri.files import write_atomically
from kukkiri.reports.charts import Axis
from kukkiri.reports.curves import draw_curves, line_swatch
from kukkiri.reports.page import build_page, write_page
from kukkiri.reports.run_history import RunHistory, read_run
from kukkiri.reports.training_charts import Chart, build_charts
from kukkiri.reports.training_figure import draw_training_figure

__all__ = ["write_training_report"]

_log = logging.getLogger(__name__)
_STEP = Axis("step")


def write_training_report(folder: Path, *, overwrite: bool = True) -> list[Path]:
    """Write ``training.html``, and ``training.png`` where matplotlib is installed, into the folder of a training run.

    The run may still be training: the report shows what its log has so far. The page is self-contained.

    Args:
        folder: of the run, with its ``log.jsonl`` and ``recipe.json``.
        overwrite: replace an existing report.

    Returns:
        The files that were written, the page first.

    Raises:
        ConfigError: no log, or one without a line; the report exists and ``overwrite`` is false, or it cannot be
            written.
    """
    run = read_run(folder)
    charts = build_charts(run)
    page, figure = folder / "training.html", folder / "training.png"
    write_page(page, _build(run, charts), overwrite=overwrite)
    if not charts:
        return [page]
    if find_spec("matplotlib") is None:
        _log.info("training.png is not drawn: it needs matplotlib. pip install 'kukkiri[report]'")
        return [page]
    drawn = draw_training_figure(charts, title=f"{run.name}: {_progress(run)}")
    try:
        write_atomically(figure, drawn, overwrite=overwrite)
    except FileExistsError as error:
        raise ConfigError(f"{figure}: exists already. Remove it, or allow it to be replaced.") from error
    except OSError as error:
        raise ConfigError(f"{figure}: cannot be written ({error.strerror or error}).") from error
    return [page, figure]


def _build(run: RunHistory, charts: list[Chart]) -> str:
    body = [
        f'<p class="lead">{escape(_summary(run))}</p>',
        f'<div class="charts">{"".join(_figure(chart) for chart in charts)}</div>',
        _numbers(run),
        _validations(run),
        _recipe(run),
    ]
    note = f" {run.unreadable} damaged lines of the log are left out." if run.unreadable else ""
    return build_page(
        title=f"Training of {run.name}",
        setup=_setup(run),
        body="\n".join(body),
        footer="<p>From <code>log.jsonl</code> and <code>recipe.json</code> of the run. Losses, gradient norm and "
        f"speed are means since the line before; PSNR is that of the averaged weights.{note}</p>",
        slider=False,
    )


def _setup(run: RunHistory) -> str:
    recipe = run.recipe
    if not recipe:
        return escape(str(run.folder))
    arguments = " ".join(f"{name} {json.dumps(value)}" for name, value in (recipe.get("arguments") or {}).items())
    patch, batch = recipe.get("patch"), recipe.get("batch")
    parts = [
        f"<b>{escape(str(recipe.get('network')))}</b> {escape(arguments)}".strip(),
        f"scale <b>×{escape(str(recipe.get('scale')))}</b>",
        f"{escape(str(batch))} patches of {escape(str(patch))}×{escape(str(patch))}",
        f"{escape(str(recipe.get('optimizer')))}, loss {escape(_text(recipe.get('loss')))}",
        f"degradation {escape(str(recipe.get('degradation')))}",
        f"{escape(str(recipe.get('precision')))} on {escape(str(recipe.get('device', 'cpu')))}",
    ]
    return " · ".join(parts)


def _progress(run: RunHistory) -> str:
    step, steps = run.last["step"], run.last.get("steps")
    if not steps:
        return f"step {step:,}"
    if step >= steps:
        return f"all {steps:,} steps done"
    return f"step {step:,} of {steps:,} ({step / steps:.0%})"


def _summary(run: RunHistory) -> str:
    best = run.best
    found = f"The best validation: {best['psnr']:.3f} dB at step {best['step']:,}." if best else "No validation so far."
    progress = _progress(run)
    return f"{progress[0].upper()}{progress[1:]}. {found}"


def _figure(chart: Chart) -> str:
    names = chart.curves if len(chart.curves) > 1 else ()
    legend = "".join(f"<li>{line_swatch(curve.series)}<span>{escape(curve.label)}</span></li>" for curve in names)
    svg = draw_curves(
        chart.curves,
        x=_STEP,
        y=Axis(chart.unit, logarithmic=chart.logarithmic),
        title=f"{chart.title} over the steps",
        marks=chart.marks,
        from_zero=chart.from_zero,
    )
    return (
        f'<figure class="card"><h3>{escape(chart.title)}</h3>{f"<ul class=legend>{legend}</ul>" if legend else ""}{svg}'
        f"{f'<figcaption>{escape(chart.caption)}</figcaption>' if chart.caption else ''}</figure>"
    )


def _numbers(run: RunHistory) -> str:
    last, best = run.last, run.best
    skipped = int(sum(value for _, value in run.values("skipped")))
    rows = [
        ("loss", _digits(last.get("loss"), "{:.5f}")),
        *((f"loss term {name}", _digits(value, "{:.5f}")) for name, value in (last.get("losses") or {}).items()),
        ("learning rate", _digits(last.get("learning_rate"), "{:.3g}")),
        ("gradient norm", _digits(last.get("gradient_norm"), "{:.3g}")),
        ("patches per second", _digits(last.get("patches_per_second"), "{:,.0f}")),
        ("share of the time for data", _digits(last.get("data_share"), "{:.1%}")),
        ("time left", _clock(last.get("seconds_left"))),
        ("updates left out so far", str(skipped)),
    ]
    if best is not None:
        rows.append(("best PSNR", f"{best['psnr']:.3f} dB at step {best['step']:,}"))
        if best.get("ema") is not None:
            rows.append(("EMA of the best weights", str(best["ema"])))
    return f"<h2>The last line, step {last['step']:,}</h2>{_table(rows, label='The last line')}"


def _validations(run: RunHistory) -> str:
    found = run.validations
    if not found:
        return ""
    sets = list(run.members("scores"))
    best = run.best
    heads = ["Step", "PSNR (dB)", *sets, "Loss", "Learning rate"]
    rows = []
    for line in reversed(found):
        kind = ' class="best"' if line is best else ""
        cells = [
            f"<td{kind}><span>{line['psnr']:.3f}</span></td>",
            *(f"<td>{_digits((line.get('scores') or {}).get(name), '{:.3f}')}</td>" for name in sets),
            f"<td>{_digits(line.get('loss'), '{:.5f}')}</td>",
            f"<td>{_digits(line.get('learning_rate'), '{:.3g}')}</td>",
        ]
        rows.append(f'<tr><th scope="row">{line["step"]:,}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    region = f'<div class="scroll" role="region" tabindex="0" aria-label="Validations">{table}</div>'
    return f"<details><summary>Every validation ({len(found)}), the latest first</summary>{region}</details>"


def _recipe(run: RunHistory) -> str:
    if not run.recipe:
        return ""
    rows = [(str(key), _text(value)) for key, value in run.recipe.items()]
    return f"<details><summary>Recipe</summary>{_table(rows, label='Recipe')}</details>"


def _table(rows: list[tuple[str, str]], *, label: str) -> str:
    cells = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>{cells}</table></div>'


def _clock(seconds: object) -> str:
    """Hours, minutes and seconds; a dash for an unknown time."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return "–"
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{left:02}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _digits(value: object, pattern: str) -> str:
    """Format a number of the log; a dash for one that is missing."""
    return pattern.format(value) if isinstance(value, int | float) else "–"
