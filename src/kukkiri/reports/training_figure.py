"""The charts of a training run as one image, drawn by matplotlib."""

import math
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from kukkiri.errors import require
from kukkiri.reports.training_charts import Chart

__all__ = ["draw_training_figure"]

_COLOURS = ("#6a6f78", "#0b66c3", "#c2460b", "#0e7f57", "#8a36d6", "#b3123f", "#0c7285", "#7d6300")
_STYLES = ("-", "-", "--", ":", "-.", (0, (8, 3)), (0, (4, 2)), (0, (1, 2)))
_COLUMNS = 2
_INSIDE = 4  # entries of a legend that find room beside the curves


def draw_training_figure(charts: Sequence[Chart], *, title: str) -> bytes:
    """Draw charts in two columns.

    Args:
        charts: at least one.
        title: of the image, plain text.

    Returns:
        The bytes of a PNG file, 1200 pixels wide.

    Raises:
        BackendError: matplotlib is missing.
    """
    require("matplotlib", for_what="drawing training.png")
    from matplotlib.figure import Figure

    rows = -(-len(charts) // _COLUMNS)
    figure = Figure(figsize=(12, 3.4 * rows + 0.5), dpi=100, layout="constrained")
    figure.suptitle(_plain(title), fontsize=15)
    for number, chart in enumerate(charts, 1):
        axes = figure.add_subplot(rows, _COLUMNS, number)
        for curve in reversed(chart.curves):  # the first is on top
            x, y = zip(*curve.points, strict=True)
            colour, style = _COLOURS[curve.series], _STYLES[curve.series]
            axes.plot(x, y, label=_plain(curve.label), color=colour, ls=style, marker="o" if len(x) == 1 else "")
        for mark in chart.marks:
            axes.plot([mark.x or 0.0], [mark.y], "s", color=_COLOURS[mark.series or 0], label=_plain(mark.label))
        axes.set_title(chart.title, loc="left", fontsize=11)
        axes.set_ylabel(chart.unit)
        axes.set_xlim(left=0)
        axes.grid(alpha=0.3)
        _scale(axes, chart)
        if len(chart.curves) + len(chart.marks) > 1:
            handles, labels = axes.get_legend_handles_labels()
            order = [*reversed(range(len(chart.curves))), *range(len(chart.curves), len(handles))]
            below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.08), "ncols": 3} if len(order) > _INSIDE else {}
            axes.legend([handles[i] for i in order], [labels[i] for i in order], fontsize=8, **below)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _scale(axes: Any, chart: Chart) -> None:
    """Set the vertical axis; ticks of a logarithmic one are plain numbers, also within a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    values = [value for curve in chart.curves for _, value in curve.points if math.isfinite(value)]
    if chart.from_zero:
        axes.set_ylim(0, 1.08 * max(values, default=1.0) or 1.0)
    if chart.logarithmic:
        positive = [value for value in values if value > 0]
        axes.set_yscale("log", nonpositive="mask")
        is_wide = max(positive) > 10 * min(positive)
        axes.yaxis.set_major_locator(
            LogLocator(subs=(1.0, 2.0, 5.0)) if is_wide else MaxNLocator(6, steps=[1, 2, 5, 10])
        )
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())


def _plain(text: str) -> str:
    """Keep matplotlib from reading dollar signs as mathematics."""
    return text.replace("$", r"\$")
