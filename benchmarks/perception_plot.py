"""The plot of perception.py: a stand-alone SVG for light and dark, one panel for each perceptual metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from pareto_plot import style

from kukkiri.metrics import METRICS
from kukkiri.reports.charts import Axis, Mark, scatter

SIZE = (410, 380)
HEAD = 44
PANELS = 2


@dataclass(frozen=True)
class Point:
    """A model, or a position of the dial."""

    label: str
    set: str
    rmse: float
    """Of luma, levels of 0..255, from the mean PSNR."""
    values: Mapping[str, float]
    """The means by metric."""
    on_curve: bool


def draw(points: Sequence[Point], path: Path, *, title: str, metrics: Sequence[str]) -> None:
    """Write the SVG: the first two metrics for which low is good, against RMSE."""
    shown = [name for name in metrics if not METRICS[name].higher_is_better][:PANELS]
    width, height = SIZE[0] * len(shown), SIZE[1] + HEAD
    panels = []
    for place, name in enumerate(shown):
        marks = [
            Mark(each.label, each.rmse, each.values[name], 1 if each.on_curve else 2, f"{each.values[name]:.3f}")
            for each in points
        ]
        chart = scatter(
            marks,
            x=Axis("distortion: RMSE of luma (levels)"),
            y=Axis(METRICS[name].title),
            title=f"{METRICS[name].title} against RMSE: {title}",
            size=SIZE,
            joined=[each.label for each in points if each.on_curve],
        )
        panels.append(f'<g transform="translate({SIZE[0] * place} {HEAD})">{chart[chart.index(">") + 1 : -6]}</g>')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><style>{style()}</style>'
        f'<rect class="paper" width="{width}" height="{height}" rx="12"/>'
        f'<text class="head" x="20" y="26">Perception against distortion</text>'
        f'<text class="title" x="300" y="26">{escape(title)}; below and left is better</text>'
        f"{''.join(panels)}</svg>\n",
        encoding="utf-8",
    )
