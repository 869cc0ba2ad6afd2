"""Curves over the steps of a run as inline SVG; colours come from the page's style sheet, for light and dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from kukkiri.reports.charts import BOTTOM, LEFT, RIGHT, TOP, Axis, Mark, Scale, draw_dot, draw_frame, draw_label

__all__ = ["DASHES", "Curve", "draw_curves", "line_swatch", "thin"]

_WIDTH, _HEIGHT = 460, 300
_SPACING = 8  # of the places along a line at which a label would touch it
DASHES = ("", "7 4", "2 4", "9 3 2 3", "12 4", "4 2", "1 3", "10 3 1 3 1 3")
"""Of the lines, the first that of colour 1, so that colour is not their only mark."""


@dataclass(frozen=True)
class Curve:
    """A named line through points."""

    label: str
    points: Sequence[tuple[float, float]]
    """(x, y); a y that is not finite interrupts the line."""
    series: int
    """Number of the colour."""


def thin(points: Sequence[tuple[float, float]], *, most: int) -> list[tuple[float, float]]:
    """Average neighbours so that at most ``most`` points are left.

    Args:
        points: (x, y).
        most: at least 1.

    Returns:
        Means of x and y of groups of equal size (the last may be smaller); a group with a NaN has y NaN.
    """
    size = math.ceil(len(points) / most)
    if size <= 1:
        return list(points)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def draw_curves(
    curves: Sequence[Curve], *, x: Axis, y: Axis, title: str, marks: Sequence[Mark] = (), from_zero: bool = False
) -> str:
    """Draw lines, with marked points.

    Args:
        curves: with at least one finite point; on a logarithmic axis values of 0 and below interrupt a line.
        x: the horizontal axis, from 0 to the last point.
        y: the vertical axis.
        title: for screen readers; the page has the visible one.
        marks: points with a label.
        from_zero: the vertical axis has the value 0.

    Returns:
        An ``svg`` element.
    """
    right, bottom = _WIDTH - RIGHT, _HEIGHT - BOTTOM
    shown = [point for curve in curves for point in curve.points if _is_shown(point[1], y)]
    across = Scale(x, [0.0, *(px for px, _ in shown), *(mark.x or 0.0 for mark in marks)], LEFT, right, pad=0.0)
    heights = [*(py for _, py in shown), *(mark.y for mark in marks), *([0.0] if from_zero else [])]
    up = Scale(y, heights, bottom, TOP, pad=0.08)
    parts = [draw_frame(across, up, right=right, bottom=bottom)]
    for curve in reversed(curves):  # the first is on top
        style = f'class="line m{curve.series % 8}"{_dashes(curve.series)} fill="none"'
        parts.append(f'<path {style} d="{_path(curve, across, up, y)}"><title>{escape(curve.label)}</title></path>')
    taken = [box for curve in curves for box in _boxes(curve, across, up, y)]
    for mark in marks:
        px, py = across(mark.x or 0.0), up(mark.y)
        taken.append((px - 6, py - 6, px + 6, py + 6))
        parts += [draw_dot(mark, px, py), draw_label(mark, px, py, taken, right=right, bottom=bottom)]
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def line_swatch(series: int) -> str:
    """A piece of a line, as in the chart."""
    return (
        '<svg class="swatch line-swatch" viewBox="0 0 28 14" aria-hidden="true">'
        f'<path class="line m{series % 8}" d="M1 7H27" fill="none"{_dashes(series)}/></svg>'
    )


def _dashes(series: int) -> str:
    dashes = DASHES[(series - 1) % len(DASHES)]
    return f' stroke-dasharray="{dashes}"' if dashes else ""


def _boxes(curve: Curve, across: Scale, up: Scale, axis: Axis) -> list[tuple[float, float, float, float]]:
    """Small boxes along a line, which labels keep away from."""
    dots = [(across(px), up(py)) for px, py in curve.points if _is_shown(py, axis)]
    boxes = []
    for (x0, y0), (x1, y1) in pairwise([*dots[:1], *dots]):
        count = 1 + math.floor(max(abs(x1 - x0), abs(y1 - y0)) / _SPACING)
        for number in range(1, count + 1):
            x, y = x0 + (x1 - x0) * number / count, y0 + (y1 - y0) * number / count
            boxes.append((x - 1, y - 1, x + 1, y + 1))
    return boxes


def _is_shown(value: float, axis: Axis) -> bool:
    return math.isfinite(value) and (value > 0 or not axis.logarithmic)


def _path(curve: Curve, across: Scale, up: Scale, axis: Axis) -> str:
    """The line, interrupted at values that cannot be shown; a single point is a line of no length, a round dot."""
    parts, pen_down = [], False
    for px, py in curve.points:
        if not _is_shown(py, axis):
            pen_down = False
            continue
        at = f"{across(px):.1f} {up(py):.1f}"
        parts.append(f"L{at}" if pen_down else f"M{at}h0")
        pen_down = True
    return "".join(parts)
