"""The plot of pareto.py: a stand-alone SVG for light and dark."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from kukkiri.reports.charts import Axis, Mark, marker, scatter

SIZE = (820, 470)
HEAD = 62
SERIES = {"preset": 1, "model": 3, "contender": 2, "published": 4, "tool": 6, "interpolation": 0, "engine": 8}
"""In the order in which their labels are placed; engines have the height of their model and no label."""
LEGEND = {
    "preset": "kukkiri, presets",
    "model": "kukkiri, other models",
    "engine": "the same in another engine",
    "tool": "other tools",
    "contender": "published networks, run here",
    "published": "published, time scaled",
    "interpolation": "interpolation",
}
LIGHT = {"card": "#ffffff", "soft": "#5d5a55", "grid": "#ece8e0", "ink": "#1c1b1a"}
DARK = {"card": "#1d1f21", "soft": "#a5a39d", "grid": "#2a2d30", "ink": "#ececea"}
COLOURS = {0: ("#6a6f78", "#a2a9b4"), 1: ("#0b66c3", "#66aefc"), 2: ("#c2460b", "#ff9557")}
COLOURS |= {3: ("#0e7f57", "#43cd98"), 4: ("#a8792a", "#d9a441"), 6: ("#b02a6b", "#ff7ab8"), 8: ("#8a36d6", "#c594ff")}


FLOOR = 0.85


def draw(measured: Sequence[Any], path: Path, *, title: str, front: Sequence[str]) -> None:
    """Write the SVG.

    Args:
        measured: ``pareto.Measured``.
        path: of the file.
        title: data and settings.
        front: names that a line connects.

    Candidates below ``FLOOR`` of the best PSNR (a tool that fails on a CPU), and weights for photographs, whose
    degradation this is not, are in the table only.
    """
    best = max(entry.psnr for entry in measured)
    measured = [entry for entry in measured if entry.psnr > FLOOR * best and "-photo-" not in entry.candidate.name]
    marks = [
        Mark(
            entry.candidate.name,
            entry.seconds,
            entry.psnr,
            SERIES[entry.candidate.kind],
            f"{entry.candidate.description or entry.candidate.kind}, {entry.psnr:.2f} dB, {entry.seconds:.3g} s",
            named=entry.candidate.kind != "engine",
        )
        for entry in sorted(measured, key=lambda entry: list(SERIES).index(entry.candidate.kind))
    ]
    chart = scatter(
        marks,
        x=Axis("CPU seconds for a megapixel of output, one thread", logarithmic=True),
        y=Axis("PSNR (dB)"),
        title=f"PSNR against time: {title}",
        size=SIZE,
        joined=front,
    )
    inner = chart[chart.index(">") + 1 :]
    kinds = [kind for kind in SERIES if any(entry.candidate.kind == kind for entry in measured)]
    head = [
        f'<text class="head" x="20" y="{-HEAD + 26}">PSNR against time</text>',
        f'<text class="title" x="194" y="{-HEAD + 26}">{escape(title)}; up and left is better</text>',
    ]
    x = 26.0
    for kind in kinds:
        head.append(f'<g class="dot m{SERIES[kind]}">{marker(x, -HEAD + 46, SERIES[kind])}</g>')
        head.append(f'<text class="title" x="{x + 11:.0f}" y="{-HEAD + 50}">{LEGEND[kind]}</text>')
        x += 34 + 6.4 * len(LEGEND[kind])
    width, height = SIZE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="{width}" height="{height + HEAD}" '
        f'viewBox="0 {-HEAD} {width} {height + HEAD}"><style>{style()}</style>'
        f'<rect class="paper" x="0" y="{-HEAD}" width="{width}" height="{height + HEAD}" rx="12"/>'
        f"{''.join(head)}{inner}\n",
        encoding="utf-8",
    )


def style() -> str:
    """The style of the reports with its colours written out: an image in a README has no style sheet around it."""
    dark = "".join(rules(DARK, which=1))
    return "".join(rules(LIGHT, which=0)) + f"@media (prefers-color-scheme: dark) {{ {dark} }}"


def rules(colours: dict[str, str], *, which: int) -> list[str]:
    card, soft, grid, ink = (colours[name] for name in ("card", "soft", "grid", "ink"))
    return [
        f".paper {{ fill: {card}; }} text {{ fill: {soft}; font: 12px system-ui, 'DejaVu Sans', sans-serif; }}",
        f".head {{ fill: {ink}; font-weight: 600; font-size: 15px; }}",
        ".label { font-size: 10.5px; } .label.m1 { font-weight: 600; }",
        f".grid {{ stroke: {grid}; }} .axis {{ stroke: {soft}; }} .leader {{ stroke: {soft}; opacity: 0.5; }}",
        f".joined {{ stroke: {soft}; stroke-dasharray: 4 4; opacity: 0.6; fill: none; }}",
        f".dot > * {{ stroke: {card}; }}",
        *(f".m{series} > *, .label.m{series} {{ fill: {pair[which]}; }}" for series, pair in COLOURS.items()),
    ]
