"""Scatter plots as inline SVG; colours come from the page's style sheet, for light and dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = [
    "BOTTOM",
    "LEFT",
    "RIGHT",
    "TOP",
    "Axis",
    "Mark",
    "Scale",
    "draw_dot",
    "draw_frame",
    "draw_label",
    "marker",
    "scatter",
    "short_number",
    "ticks",
]

_WIDTH, _HEIGHT = 520, 360
LEFT, RIGHT, TOP, BOTTOM = 58, 20, 16, 52
"""Margins around the area of a chart."""
_NEAR = 18  # a label at a greater distance from its point is connected to it by a line
_CHARACTER = 6.3  # mean glyph width of the labels
_SHAPES = ("circle", "square", "triangle", "diamond")


@dataclass(frozen=True)
class Mark:
    """A point with its name."""

    label: str
    x: float | None
    """``None``: unknown; the mark becomes a tick at the right side."""
    y: float
    series: int | None = None
    """Number of the colour; ``None`` for a reference."""
    note: str = ""
    """Shown on hover, after the label."""
    named: bool = True
    """The label is beside the point; otherwise it appears on hover only."""


@dataclass(frozen=True)
class Axis:
    """Title and scale of an axis."""

    label: str
    logarithmic: bool = False
    """Values of 0 are set apart, at the left."""
    downwards: bool = False
    """Small values are at the top."""


class Scale:
    """Mapping from the values of one axis to coordinates."""

    def __init__(
        self, axis: Axis, values: Sequence[float], start: float, stop: float, *, pad: float | None = None
    ) -> None:
        """Choose the ends of an axis.

        Args:
            axis: linear or logarithmic.
            values: all of them are between the ends.
            start: coordinate of the lower end.
            stop: coordinate of the upper end.
            pad: free space at each end, as a fraction of the range of the values (of their logarithms); None: enough
                for markers and their labels.
        """
        self.axis = axis
        self.zero: float | None = None
        if axis.logarithmic:
            if any(value <= 0 for value in values):
                self.zero = start + 16
                start += 44
            positive = [value for value in values if value > 0] or [1.0]
            low, high = math.log10(min(positive)), math.log10(max(positive))
            room = max(0.18, 0.08 * (high - low))
        else:
            low, high = min(values), max(values)
            room = max(0.12 * (high - low), 0.05 * abs(high) if high == low else 0.0, 1e-6)
        if pad is not None and high > low:
            room = pad * (high - low)
        self.low, self.high = low - room, high + room
        self.start, self.stop = start, stop

    def __call__(self, value: float) -> float:
        """Return the coordinate of a value."""
        if self.axis.logarithmic:
            if value <= 0:
                return self.zero if self.zero is not None else self.start
            value = math.log10(value)
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """(value, text)."""
        if not self.axis.logarithmic:
            values = ticks(self.low, self.high)
            step = values[1] - values[0] if len(values) > 1 else 1.0
            digits = max(0, -math.floor(math.log10(step) + 1e-9))
            return [(value, f"{value:.{digits}f}") for value in values]
        inside = [
            factor * 10.0**power
            for power in range(math.floor(self.low), math.ceil(self.high) + 1)
            for factor in (1, 2, 5)
            if self.low <= math.log10(factor * 10.0**power) <= self.high
        ]
        decades = [value for value in inside if f"{value:e}".startswith("1.0")]
        if len(inside) < 3:  # less than a decade
            inside = [value for value in ticks(10**self.low, 10**self.high) if value > 0]
        shown = inside if len(inside) <= 7 else decades if len(decades) >= 2 else inside[::2]
        zero = [] if self.zero is None else [(0.0, "0")]
        return zero + [(value, short_number(value)) for value in shown]


def ticks(low: float, high: float, *, count: int = 6) -> list[float]:
    """Choose about ``count`` round values from ``low`` to ``high``."""
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step)
    return [index * step for index in range(first, math.floor(high / step) + 1)]


def short_number(value: float) -> str:
    """Format 1500 as 1.5k, 2e6 as 2M, 0.02 as 0.02."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}"


def scatter(
    marks: Sequence[Mark],
    *,
    x: Axis,
    y: Axis,
    title: str,
    size: tuple[int, int] = (_WIDTH, _HEIGHT),
    joined: Sequence[str] = (),
) -> str:
    """Points with labels that do not overlap.

    Args:
        marks: at least one.
        x: the horizontal axis.
        y: the vertical axis.
        title: for screen readers; the page has the visible one.
        size: (width, height).
        joined: labels of points that a line connects in this order.

    Returns:
        An ``svg`` element.
    """
    placed = [mark for mark in marks if mark.x is not None]
    aside = [mark for mark in marks if mark.x is None]
    right = size[0] - RIGHT - (74 if aside else 0)
    bottom = size[1] - BOTTOM
    across = Scale(x, [mark.x for mark in placed if mark.x is not None] or [1.0], LEFT, right)
    ends = (TOP, bottom) if y.downwards else (bottom, TOP)
    up = Scale(y, [mark.y for mark in marks], *ends)
    parts = [draw_frame(across, up, right=right, bottom=bottom)]
    dots = [(mark, across(mark.x), up(mark.y)) for mark in placed if mark.x is not None]
    at = {mark.label: f"{px:.1f} {py:.1f}" for mark, px, py in dots}
    if joined:
        parts.append(f'<path class="joined" d="M{"L".join(at[label] for label in joined)}" fill="none"/>')
    taken = [(px - 6, py - 6, px + 6, py + 6) for _, px, py in dots]
    texts = []
    for mark, px, py in sorted(dots, key=lambda dot: dot[0].series is None):  # measured points are labelled first
        parts.append(draw_dot(mark, px, py))
        if mark.named:
            texts.append(draw_label(mark, px, py, taken, right=right, bottom=bottom))
    parts += [*texts, *_aside(aside, up, right=right)]
    return (
        f'<svg class="chart" viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def draw_frame(across: Scale, up: Scale, *, right: float, bottom: float) -> str:
    """Axes with grid lines, tick labels and titles."""
    parts = []
    for value, text in up.ticks:
        py = up(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right:.1f}" y1="{py:.1f}" y2="{py:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{py + 4:.1f}" text-anchor="end">{text}</text>')
    for value, text in across.ticks:
        px = across(value)
        parts.append(f'<line class="grid" x1="{px:.1f}" x2="{px:.1f}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{px:.1f}" y="{bottom + 18}" text-anchor="middle">{text}</text>')
    if across.zero is not None:
        gap = across.zero + 22
        parts.append(f'<line class="break" x1="{gap}" x2="{gap}" y1="{TOP}" y2="{bottom}"/>')
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right:.1f}" fill="none"/>')
    parts.append(
        f'<text class="title" x="{(LEFT + right) / 2:.1f}" y="{bottom + BOTTOM - 10}" text-anchor="middle">'
        f"{escape(across.axis.label)}</text>"
    )
    centre = (TOP + bottom) / 2
    parts.append(
        f'<text class="title" transform="translate(14 {centre:.1f}) rotate(-90)" text-anchor="middle">'
        f"{escape(up.axis.label)}</text>"
    )
    return "".join(parts)


def draw_dot(mark: Mark, px: float, py: float) -> str:
    """The marker of a point, with its name on hover."""
    hover = f"<title>{escape(mark.label)}{': ' if mark.note else ''}{escape(mark.note)}</title>"
    if mark.series is None:
        return f'<circle class="reference" cx="{px:.1f}" cy="{py:.1f}" r="4">{hover}</circle>'
    return f'<g class="dot m{mark.series % 8}">{marker(px, py, mark.series)}{hover}</g>'


def marker(px: float, py: float, series: int) -> str:
    """The shape of a series, so that colour is not its only mark."""
    shape = _SHAPES[series % len(_SHAPES)]
    if shape == "square":
        return f'<rect x="{px - 5:.1f}" y="{py - 5:.1f}" width="10" height="10" rx="1.5"/>'
    if shape == "triangle":
        return f'<path d="M{px:.1f} {py - 6.5:.1f}l6 11h-12z"/>'
    if shape == "diamond":
        return f'<path d="M{px:.1f} {py - 7:.1f}l7 7l-7 7l-7-7z"/>'
    return f'<circle cx="{px:.1f}" cy="{py:.1f}" r="5.5"/>'


Box = tuple[float, float, float, float]


def draw_label(mark: Mark, px: float, py: float, taken: list[Box], *, right: float, bottom: float) -> str:
    """The text at the first free position around the point."""
    width, height = _CHARACTER * len(mark.label), 13.0
    chosen = None
    for tx, ty, anchor in _places(px, py):
        start = {"start": tx, "middle": tx - width / 2, "end": tx - width}[anchor]
        box = (start, ty - height + 3, start + width, ty + 3)
        inside = box[0] >= LEFT + 2 and box[2] <= right + RIGHT - 2 and box[1] >= 2 and box[3] <= bottom - 2
        if inside and not any(_overlap(box, other) for other in taken):
            chosen = (tx, ty, anchor, box)
            break
    if chosen is None:
        return ""  # no room; the name is still there on hover and in the table
    tx, ty, anchor, box = chosen
    taken.append(box)
    kind = "label faint" if mark.series is None else f"label m{mark.series % 8}"
    far = max(box[1] - py, py - box[3]) > _NEAR
    edge = box[1] if box[1] > py else box[3]
    line = f'<path class="leader" d="M{px:.1f} {py:.1f}L{tx:.1f} {edge:.1f}" fill="none"/>' if far else ""
    return f'{line}<text class="{kind}" x="{tx:.1f}" y="{ty:.1f}" text-anchor="{anchor}">{escape(mark.label)}</text>'


def _places(px: float, py: float) -> list[tuple[float, float, str]]:
    """(x, y, anchor) of a label: around its point, then at increasing distance above and below it."""
    around = [
        (px + 10, py + 4, "start"),
        (px - 10, py + 4, "end"),
        (px, py - 11, "middle"),
        (px, py + 20, "middle"),
        (px + 8, py - 9, "start"),
        (px - 8, py - 9, "end"),
        (px + 8, py + 17, "start"),
        (px - 8, py + 17, "end"),
        (px + 10, py - 23, "start"),
        (px - 10, py - 23, "end"),
        (px + 10, py + 31, "start"),
        (px - 10, py + 31, "end"),
    ]
    for away in range(38, 110, 12):
        around += [(px + 14, py - away, "start"), (px - 14, py - away, "end")]
        around += [(px + 14, py + away + 8, "start"), (px - 14, py + away + 8, "end")]
    return around


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _aside(marks: Sequence[Mark], up: Scale, *, right: float) -> list[str]:
    """Ticks at the right side, with their texts spread so that they do not overlap."""
    parts = []
    floor = -math.inf
    for mark in sorted(marks, key=lambda mark: up(mark.y)):
        py = up(mark.y)
        text = max(py, floor + 12)
        floor = text
        parts.append(
            f'<g class="aside"><path d="M{right - 6:.1f} {py:.1f}h8L{right + 12:.1f} {text:.1f}" fill="none"/>'
            f'<text class="label faint" x="{right + 15:.1f}" y="{text + 4:.1f}">{escape(mark.label)}</text>'
            f"<title>{escape(mark.label)}: {escape(mark.note)}</title></g>"
        )
    return parts
