"""Pairs of screenshots at device scale factors 1 and ``--scale``, for the ``lr`` and ``hr`` folders of a recipe.

    python tools/make_screenshot_pairs.py -o data/screenshots-x2 --scale 2 --icons FOLDER

Pages of made-up interfaces, tables, articles, code and charts are drawn twice by Chromium, without hinting, so that the
text stands at the same place in both. Needs Playwright and a Chromium, whose file ``--chromium`` names.
"""

import argparse
import html
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

TEXT = """
Open recent file Settings Account Export image Preview Cancel Apply brightness layer total quarter north revenue
the quick brown fox jumps over lazy dog while seven wizards quietly vex a judge 1,024 36.7 % 2026-11-28 Ready
くっきり 画像 拡大 設定 файл правка вид справка αρχείο Überblick señal première"""
WORDS = TEXT.split()
FAMILIES = (
    "sans-serif",
    "serif",
    "monospace",
    "DejaVu Sans",
    "Liberation Sans",
    "Liberation Serif",
    "Noto Sans CJK JP",
)
FLAGS = ("--font-render-hinting=none", "--disable-lcd-text", "--force-color-profile=srgb", "--hide-scrollbars")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder that gets lr/ and hr/")
    parser.add_argument("--scale", type=int, required=True)
    parser.add_argument("--icons", type=Path, nargs="+", required=True, help="folders of SVG files")
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--size", type=int, nargs=2, default=(400, 300), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    icons = sorted(path for folder in options.icons for path in folder.rglob("*.svg"))
    width, height = options.size
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", *FLAGS])
        for name, factor in (("lr", 1), ("hr", options.scale)):
            folder = options.output / name
            folder.mkdir(parents=True, exist_ok=True)
            viewport = {"width": width, "height": height}
            page = browser.new_page(viewport=viewport, device_scale_factor=factor)  # type: ignore[arg-type]
            for number in range(options.pages):
                page.set_content(write_page(np.random.default_rng((options.seed, number)), icons))
                page.screenshot(path=str(folder / f"{number:04}.png"))
        browser.close()
    print(f"{options.pages} pages in {options.output}")


def write_page(rng: np.random.Generator, icons: Sequence[Path]) -> str:
    """A page of random parts in random colours and fonts."""
    dark = rng.random() < 0.35
    paper, ink = (
        f"hsl({rng.integers(360)} {rng.integers(30)}% {value}%)" for value in ((12, 88) if dark else (98, 12))
    )
    accent = f"hsl({rng.integers(360)} {rng.integers(40, 100)}% {rng.integers(35, 60)}%)"
    line = f"hsl({rng.integers(360)} 10% {35 if dark else 80}%)"
    style = f"""body {{ margin: {rng.integers(0, 12)}px; background: {paper}; color: {ink};
        text-rendering: geometricPrecision;
        font: {rng.choice([11, 12, 13, 13.5, 14, 16])}px/{rng.choice([1.2, 1.4, 1.6])} "{rng.choice(FAMILIES)}"; }}
        .b {{ display: inline-block; background: {accent}; color: white; border-radius: {rng.integers(0, 8)}px;
        padding: 4px 10px; margin: 3px; }} .o {{ background: none; color: {accent}; border: 1px solid {accent}; }}
        td, th {{ border: 1px solid {line}; padding: 2px 6px; }} table {{ border-collapse: collapse; }}
        hr {{ border: 0; border-top: 1px solid {line}; }} .i svg {{ fill: currentColor; margin: 4px; }}
        pre {{ background: {line}; padding: 6px; font-size: {rng.choice([10, 11, 12])}px; font-family: monospace; }}"""
    parts = [write_part(rng, icons, accent) for _ in range(9)]
    return f"<!doctype html><meta charset=utf-8><style>{style}</style>{''.join(parts)}"


def write_part(rng: np.random.Generator, icons: Sequence[Path], accent: str) -> str:
    """A part of a page: buttons, a table, icons, an article, code, or a chart."""
    kind = int(rng.integers(6))
    if kind == 0:
        return "".join(f"<span class='b {rng.choice(['o', ''])}'>{pick(rng, 2)}</span>" for _ in range(4)) + "<hr>"
    if kind == 1:
        rows = ("".join(f"<td>{pick(rng, 1)}</td>" for _ in range(5)) for _ in range(4))
        return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
    if kind == 2:
        drawn = ""
        for _ in range(8):
            side = rng.choice([16, 20, 24, 32])
            text = icons[int(rng.integers(len(icons)))].read_text(encoding="utf-8")
            drawn += text.replace("<svg", f"<svg width={side} height={side}", 1)
        return f"<div class=i>{drawn}</div>"
    if kind == 3:
        return f"<h3>{pick(rng, 3)}</h3><p>{pick(rng, 30)}</p>"
    if kind == 4:
        return f"<pre>for {pick(rng, 1)} in range({rng.integers(99)}):\n    print({pick(rng, 2)!r})\n</pre>"
    heights = rng.integers(4, 50, size=8)
    bars = "".join(
        f"<rect x={5 + 14 * at} y={55 - high} width=9 height={high} fill='{accent}'/>"
        for at, high in enumerate(heights)
    )
    points = " ".join(f"{130 + 8 * at},{55 - value}" for at, value in enumerate(rng.integers(4, 50, size=20)))
    curve = f"<polyline points='{points}' fill=none stroke=currentColor stroke-width={rng.choice([1, 1.5, 2])} />"
    return f"<svg width=300 height=60>{bars}{curve}<path d='M2 2V56H298' fill=none stroke=currentColor /></svg>"


def pick(rng: np.random.Generator, count: int) -> str:
    return html.escape(" ".join(str(word) for word in rng.choice(WORDS, size=count)))


if __name__ == "__main__":
    main()
