"""Bars and intervals as inline SVG, one row for each image or model."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from kukkiri.reports.charts import ticks

__all__ = ["Group", "Interval", "bars", "intervals"]

_WIDTH = 720
_BAR = 12
_CHARACTER = 6.6  # mean glyph width of the labels


@dataclass(frozen=True)
class Group:
    """The bars of one image."""

    label: str
    values: tuple[float, ...]
    """One value for each series."""
    note: str = ""
    """In small type under the label."""


@dataclass(frozen=True)
class Interval:
    """A difference and its confidence interval."""

    label: str
    value: float
    low: float
    high: float
    series: int


class _Axis:
    """Horizontal axis that contains zero: from a value to its x."""

    def __init__(self, values: Sequence[float], left: float, right: float, *, bottom: float) -> None:
        self.low, self.high = min(0.0, *values), max(0.0, *values)
        self.left, self.right, self.bottom = left, right, bottom

    def __call__(self, value: float) -> float:
        return self.left + (value - self.low) / ((self.high - self.low) or 1.0) * (self.right - self.left)

    def grid(self) -> list[str]:
        parts = []
        for tick in ticks(self.low, self.high if self.high > self.low else 1.0):
            px = self(tick)
            parts.append(f'<line class="grid" x1="{px:.1f}" x2="{px:.1f}" y1="4" y2="{self.bottom}"/>')
            parts.append(f'<text class="tick" x="{px:.1f}" y="{self.bottom + 16}" text-anchor="middle">{tick:g}</text>')
        return parts

    def zero_line(self) -> str:
        return f'<line class="axis" x1="{self(0.0):.1f}" x2="{self(0.0):.1f}" y1="4" y2="{self.bottom}"/>'

    def title(self, text: str, *, y: float) -> str:
        middle = (self.left + self.right) / 2
        return f'<text class="title" x="{middle:.1f}" y="{y}" text-anchor="middle">{escape(text)}</text>'


def bars(groups: Sequence[Group], *, series: Sequence[int], unit: str, title: str) -> str:
    """Horizontal bars from zero, grouped.

    Args:
        groups: one for each image, each with one value for each series.
        series: numbers of the colours.
        unit: of the values, for the axis.
        title: for screen readers.
    """
    left = 30 + _CHARACTER * max(max(len(group.label), len(group.note)) for group in groups)
    right = _WIDTH - 58
    row = max(_BAR * len(series) + 14, 34)
    height = row * len(groups) + 46
    place = _Axis([value for group in groups for value in group.values], left, right, bottom=height - 40)
    parts = place.grid()
    for number, group in enumerate(groups):
        top = 6 + number * row
        middle = top + (row - 8) / 2
        parts.append(_name(group, left=left, middle=middle))
        first = middle - _BAR * len(series) / 2
        for slot, (value, colour) in enumerate(zip(group.values, series, strict=True)):
            start, stop = sorted((place(0.0), place(value)))
            y = first + _BAR * slot
            parts.append(
                f'<rect class="bar m{colour % 8}" x="{start:.1f}" y="{y:.1f}" width="{max(stop - start, 0.8):.1f}" '
                f'height="{_BAR - 1.5}" rx="1.5"/>'
                f'<text class="value" x="{max(stop, place(0.0)) + 5:.1f}" y="{y + 9:.1f}">{value:+.2f}</text>'
            )
    parts.append(place.zero_line())
    return _svg([*parts, place.title(unit, y=height - 6)], height=height, title=title)


def intervals(rows: Sequence[Interval], *, unit: str, title: str) -> str:
    """Differences as points on the lines of their confidence intervals, with a line at zero."""
    left = 24 + _CHARACTER * max(len(row.label) for row in rows)
    right = _WIDTH - 110
    height = 30 * len(rows) + 48
    place = _Axis([end for row in rows for end in (row.low, row.high)], left, right, bottom=height - 42)
    parts = [*place.grid(), place.zero_line()]
    for number, row in enumerate(rows):
        y = 20 + 30 * number
        parts.append(f'<text class="row" x="{left - 12:.1f}" y="{y + 4}" text-anchor="end">{escape(row.label)}</text>')
        parts.append(
            f'<g class="interval m{row.series % 8}"><line x1="{place(row.low):.1f}" x2="{place(row.high):.1f}" '
            f'y1="{y}" y2="{y}"/><circle cx="{place(row.value):.1f}" cy="{y}" r="5.5"/></g>'
        )
        text = f"{row.value:+.2f}  [{row.low:.2f}, {row.high:.2f}]"
        parts.append(f'<text class="value" x="{right + 12}" y="{y + 4}">{text}</text>')
    return _svg([*parts, place.title(unit, y=height - 6)], height=height, title=title)


def _name(group: Group, *, left: float, middle: float) -> str:
    x = left - 12
    if not group.note:
        return f'<text class="row" x="{x:.1f}" y="{middle + 4:.1f}" text-anchor="end">{escape(group.label)}</text>'
    return (
        f'<text class="row" x="{x:.1f}" y="{middle - 2:.1f}" text-anchor="end">{escape(group.label)}</text>'
        f'<text class="tick" x="{x:.1f}" y="{middle + 12:.1f}" text-anchor="end">{escape(group.note)}</text>'
    )


def _svg(parts: Sequence[str], *, height: float, title: str) -> str:
    return (
        f'<div class="across"><svg class="chart wide" viewBox="0 0 {_WIDTH} {height:g}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{"".join(parts)}</svg></div>'
    )
