"""The charts of a training run as one image, drawn by matplotlib."""

from collections.abc import Sequence
from io import BytesIO

from kukkiri.errors import require
from kukkiri.reports.training_charts import Chart

__all__ = ["draw_training_figure"]

_COLOURS = ("#6a6f78", "#0b66c3", "#c2460b", "#0e7f57", "#8a36d6", "#b3123f", "#0c7285", "#7d6300")
_STYLES = ("-", "-", "--", ":", "-.", (0, (8, 3)), (0, (4, 2)), (0, (1, 2)))
_COLUMNS = 2


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
    from matplotlib.ticker import LogFormatter

    rows = -(-len(charts) // _COLUMNS)
    figure = Figure(figsize=(12, 3.4 * rows + 0.5), dpi=100, layout="constrained")
    figure.suptitle(_plain(title), fontsize=15)
    for number, chart in enumerate(charts, 1):
        axes = figure.add_subplot(rows, _COLUMNS, number)
        for curve in reversed(chart.curves):
            x, y = zip(*curve.points, strict=True)
            alone = "o" if len(x) == 1 else ""
            axes.plot(
                x,
                y,
                label=_plain(curve.label),
                color=_COLOURS[curve.series],
                linestyle=_STYLES[curve.series],
                marker=alone,
            )
        for mark in chart.marks:
            axes.plot([mark.x or 0.0], [mark.y], "s", color=_COLOURS[mark.series or 0], label=_plain(mark.label))
        axes.set_title(chart.title, loc="left", fontsize=11)
        axes.set_ylabel(chart.unit)
        axes.set_xlim(left=0)
        axes.grid(alpha=0.3)
        if chart.logarithmic:
            axes.set_yscale("log", nonpositive="mask")
            axes.yaxis.set_major_formatter(LogFormatter())
            axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.4)))
        elif chart.from_zero:
            axes.set_ylim(bottom=0)
        if len(chart.curves) + len(chart.marks) > 1:
            handles, labels = axes.get_legend_handles_labels()
            order = [*reversed(range(len(chart.curves))), *range(len(chart.curves), len(handles))]
            axes.legend([handles[i] for i in order], [labels[i] for i in order], fontsize=8)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _plain(text: str) -> str:
    """Keep matplotlib from reading dollar signs as mathematics."""
    return text.replace("$", r"\$")
