"""Pairs of LR and HR images of text, icons, lines and pixel patterns, for the ``lr`` and ``hr`` folders of a recipe.

    python tools/make_line_pairs.py -o data/line-pairs-x2 --scale 2 --fonts FOLDER ... --icons FOLDER ...

Vector scenes are drawn once with 16x16 samples for each LR pixel. HR is their box mean, which is antialiased; so are
the LR images in ``area/lr``. Those in ``hard/lr`` have no antialiasing: two-colour scenes are thresholded at half
coverage, or sampled at the pixel centres as the others are. LR and HR share their outer corners, as in MATLAB's.
``grid`` has what lies on the pixel grid, bars, boxes, dither and blocky sprites; its HR repeats the pixels of LR.
Needs Pillow with raqm, pyvips with librsvg, and fontconfig's ``fc-query``, which tells the languages of a font.
"""

import argparse
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Levels = NDArray[np.uint8]
Colour = tuple[int, int, int]
SAMPLES = 16
"""Samples of a scene for one LR pixel along a side."""
TEXTS = {
    "en": "The quick brown fox jumps over the lazy dog 0123456789 (12.5%) Sphinx of black quartz, judge my vow",
    "de": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich [1874] naïve façade Žluťoučký kůň příšerně",
    "ru": "Съешь же ещё этих мягких французских булок, да выпей чаю. ВЫСТАВКА № 27",
    "el": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία Τάχιστη αλώπηξ βαφής",
    "he": "דג סקרן שט בים מאוכזב ולפתע מצא חברה",
    "ar": "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر",
    "hi": "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश",
    "th": "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน",
    "ja": "いろはにほへと散りぬるを 我が世誰ぞ常ならむ カタカナ東京都渋谷区 超解像 文字",
    "zh-cn": "天地玄黄 宇宙洪荒 日月盈昃 辰宿列张 清晨的港口停满了小船 高清图像",
    "ko": "다람쥐 헌 쳇바퀴에 타고파 키스의 고유조건은 입술끼리 만나야 하고",
}
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder that gets area, hard and grid")
    parser.add_argument("--scale", type=int, required=True, choices=(1, 2, 4, 8, 16))
    parser.add_argument("--fonts", type=Path, nargs="+", required=True, help="folders of fonts")
    parser.add_argument("--icons", type=Path, nargs="+", required=True, help="folders of SVG files")
    parser.add_argument("--scenes", type=int, default=320)
    parser.add_argument("--side", type=int, default=160, help="of an LR image")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    fonts = list(find_fonts(options.fonts))
    icons = sorted(path for folder in options.icons for path in folder.rglob("*.svg"))
    painters = [paint_text, paint_text, paint_lines, paint_icons, paint_comic]
    for number in range(options.scenes):
        rng = np.random.default_rng((options.seed, number))
        canvas = Canvas.blank(rng, options.side)
        painters[number % len(painters)](canvas, rng, fonts, icons)
        scene = np.asarray(canvas.image)
        hr, area = (box_mean(scene, SAMPLES // scale) for scale in (options.scale, 1))
        save(options.output / "area", number, area, hr)
        hard = threshold(area, canvas) if canvas.two_colours and rng.random() < 0.5 else sample_centres(scene)
        save(options.output / "hard", number, hard, hr)
        if number % 4 == 0:
            lr = draw_grid(rng, options.side)
            save(options.output / "grid", number, lr, lr.repeat(options.scale, 0).repeat(options.scale, 1))
    print(f"{options.scenes} scenes of {len(fonts)} fonts and {len(icons)} icons in {options.output}")


@dataclass(frozen=True)
class Font:
    """A font file with the languages of :data:`TEXTS` that it has."""

    path: Path
    languages: tuple[str, ...]


def find_fonts(folders: Sequence[Path]) -> Iterator[Font]:
    """Find fonts that have one of the languages at least."""
    for path in sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".ttf", ".otf", ".ttc")
    ):
        query = subprocess.run(["fc-query", "-f", "%{lang}|", str(path)], capture_output=True, text=True, check=True)
        known = set(query.stdout.split("|"))
        languages = tuple(language for language in TEXTS if language in known)
        if languages:
            yield Font(path, languages)


@dataclass(frozen=True)
class Canvas:
    """A scene of ``SAMPLES`` samples for one LR pixel along a side."""

    image: Image.Image
    paper: Colour
    ink: Colour
    two_colours: bool
    """Nothing but ink on paper is drawn."""

    @classmethod
    def blank(cls, rng: np.random.Generator, side: int) -> "Canvas":
        two_colours = bool(rng.random() < 0.6)
        paper, ink = (255, 255, 255), (0, 0, 0)
        if not two_colours or rng.random() < 0.25:
            paper, ink = pick_contrast(rng)
        elif rng.random() < 0.35:
            paper, ink = ink, paper
        size = (side * SAMPLES, side * SAMPLES)
        return cls(Image.new("RGB", size, paper), paper, ink, two_colours)

    def pick_ink(self, rng: np.random.Generator) -> Colour:
        if self.two_colours or rng.random() < 0.3:
            return self.ink
        return pick_colour(rng)


def pick_colour(rng: np.random.Generator) -> Colour:
    values = rng.integers(0, 256, size=3)
    if rng.random() < 0.3:
        values[:] = values[0]
    return int(values[0]), int(values[1]), int(values[2])


def pick_contrast(rng: np.random.Generator) -> tuple[Colour, Colour]:
    while True:
        paper, ink = pick_colour(rng), pick_colour(rng)
        if abs(sum(paper) - sum(ink)) > 200:
            return paper, ink


def paint_text(canvas: Canvas, rng: np.random.Generator, fonts: Sequence[Font], icons: Sequence[Path]) -> None:
    """Lines of text in several fonts and sizes, the small ones more often."""
    draw, side, y = ImageDraw.Draw(canvas.image), canvas.image.width, float(rng.uniform(-8, 8))
    while y < side:
        font = fonts[int(rng.integers(len(fonts)))]
        size = int(SAMPLES * np.exp(rng.uniform(np.log(7), np.log(44))))
        opened = ImageFont.truetype(str(font.path), size)
        words = TEXTS[str(rng.choice(font.languages))].split()
        begin = int(rng.integers(len(words)))
        ink = canvas.pick_ink(rng)
        for _ in range(int(rng.integers(1, 4))):
            text = " ".join((words[begin:] + words) * 2)
            draw.text((rng.uniform(-1, 1) * 4 * SAMPLES, y), text, font=opened, fill=ink)
            begin = int(rng.integers(len(words)))
            y += size * rng.uniform(1.05, 1.4)


def paint_lines(canvas: Canvas, rng: np.random.Generator, fonts: Sequence[Font], icons: Sequence[Path]) -> None:
    """Lines of 0.8 to 6 pixels at any angle, on and off the grid; circles, boxes, polygons, fans and hatchings."""
    draw, side = ImageDraw.Draw(canvas.image), canvas.image.width
    for _ in range(int(rng.integers(12, 30))):
        width = int(SAMPLES * rng.choice([0.8, 1, 1, 1.25, 1.5, 2, 2, 3, 4, 6]))
        ink = canvas.pick_ink(rng)
        x, y, u, v = (float(value) for value in rng.uniform(0, side, size=4))
        kind = int(rng.integers(6))
        if kind == 0:
            draw.line((x, y, u, v), fill=ink, width=width)
        elif kind == 1:
            radius = float(rng.uniform(4, 40) * SAMPLES)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=ink, width=width)
        elif kind == 2:
            draw.rectangle((min(x, u), min(y, v), max(x, u), max(y, v)), outline=ink, width=width)
        elif kind == 3:
            points = rng.uniform(-30, 30, size=(int(rng.integers(3, 6)), 2)) * SAMPLES + (x, y)
            draw.polygon([tuple(point) for point in points.tolist()], fill=ink)
        elif kind == 4:
            for angle in np.linspace(0, np.pi, int(rng.integers(6, 20))):
                draw.line((x, y, x + np.cos(angle) * side / 3, y + np.sin(angle) * side / 3), fill=ink, width=width)
        else:
            step = width * rng.uniform(2, 4)
            turned = bool(rng.random() < 0.5)
            for place in np.arange(12) * step:
                ends = (x + place, y, x + place, v) if turned else (x, y + place, u, y + place)
                draw.line(ends, fill=ink, width=width)


def paint_icons(canvas: Canvas, rng: np.random.Generator, fonts: Sequence[Font], icons: Sequence[Path]) -> None:
    """Icons of 12 to 72 pixels in ink or, some of them, in their own colours."""
    side = canvas.image.width
    for _ in range(int(rng.integers(14, 30))):
        path = icons[int(rng.integers(len(icons)))]
        pixels = int(SAMPLES * np.exp(rng.uniform(np.log(12), np.log(72))))
        icon = pyvips.Image.svgload(str(path))
        icon = pyvips.Image.svgload(str(path), scale=pixels / max(icon.width, icon.height), unlimited=True)
        drawn = Image.fromarray(np.ascontiguousarray(icon.numpy()), "RGBA")
        at = (int(rng.uniform(-0.1, 0.95) * side), int(rng.uniform(-0.1, 0.95) * side))
        if canvas.two_colours or rng.random() < 0.7:
            canvas.image.paste(
                canvas.pick_ink(rng), (*at, at[0] + drawn.width, at[1] + drawn.height), drawn.getchannel("A")
            )
        else:
            canvas.image.paste(drawn, at, drawn)


def paint_comic(canvas: Canvas, rng: np.random.Generator, fonts: Sequence[Font], icons: Sequence[Path]) -> None:
    """Curves with filled insides, dot screens, a balloon with words."""
    draw, side = ImageDraw.Draw(canvas.image), canvas.image.width
    for _ in range(int(rng.integers(4, 9))):
        centre = rng.uniform(0, side, size=2)
        angles = np.linspace(0, 2 * np.pi, 200)
        radii = np.full(200, rng.uniform(10, 50))
        for wave in range(2, 6):
            radii += rng.normal(0, 5) * np.cos(wave * angles + rng.uniform(0, 6))
        outline = centre + SAMPLES * radii[:, None] * np.stack((np.cos(angles), np.sin(angles)), axis=1)
        points = [tuple(point) for point in outline.tolist()]
        draw.polygon(points, fill=canvas.paper if canvas.two_colours else canvas.pick_ink(rng))
        draw.line([*points, *points[:2]], fill=canvas.ink, width=int(SAMPLES * rng.uniform(1, 4)), joint="curve")
    if rng.random() < 0.6:
        step, radius = rng.uniform(3, 8) * SAMPLES, rng.uniform(0.5, 2.5) * SAMPLES
        left, top = rng.uniform(0, side * 0.6, size=2)
        for y in np.arange(top, top + side * 0.4, step):
            for x in np.arange(left, left + side * 0.4, step):
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=canvas.ink)
    font = fonts[int(rng.integers(len(fonts)))]
    opened = ImageFont.truetype(str(font.path), int(rng.uniform(9, 20) * SAMPLES))
    words = TEXTS[font.languages[0]].split()
    draw.text((side * 0.1, side * rng.uniform(0, 0.9)), " ".join(words[:5]), font=opened, fill=canvas.ink)


def box_mean(scene: Levels, side: int) -> Levels:
    """Mean of blocks of ``side`` samples, rounded."""
    height, width = (length // side for length in scene.shape[:2])
    sums = scene.reshape(height, side, width, side, 3).sum(axis=(1, 3), dtype=np.uint32)
    mean: Levels = ((sums + side * side // 2) // (side * side)).astype(np.uint8)
    return mean


def sample_centres(scene: Levels) -> Levels:
    """The sample at the centre of each LR pixel, to half a sample."""
    half = SAMPLES // 2
    return np.ascontiguousarray(scene[half::SAMPLES, half::SAMPLES])


def threshold(area: Levels, canvas: Canvas) -> Levels:
    """Ink where it covers half of a pixel."""
    paper, ink = (np.array(colour, dtype=np.float64) for colour in (canvas.paper, canvas.ink))
    cover = ((area - paper) @ (ink - paper)) / ((ink - paper) @ (ink - paper))
    return np.where((cover > 0.5)[..., None], ink, paper).astype(np.uint8)


def draw_grid(rng: np.random.Generator, side: int) -> Levels:
    """Boxes, bars and stripes on the pixel grid, dither, and sprites of blocks of 1 to 4 pixels."""
    paper, _ = pick_contrast(rng)
    if rng.random() < 0.5:
        paper = (255, 255, 255)
    lr: Any = np.full((side, side, 3), paper, dtype=np.uint8)
    for _ in range(int(rng.integers(15, 35))):
        height, width = (int(value) for value in np.exp(rng.uniform(np.log(8), np.log(64), size=2)))
        top, left = (int(value) for value in rng.integers(-8, side - 4, size=2))
        box = lr[max(top, 0) : top + height, max(left, 0) : left + width]
        y, x = np.mgrid[: box.shape[0], : box.shape[1]]
        ink = (0, 0, 0) if rng.random() < 0.4 else pick_colour(rng)
        kind = int(rng.integers(5))
        if kind == 0:
            edge = int(rng.integers(1, 4))
            inside = (y >= edge) & (y < box.shape[0] - edge) & (x >= edge) & (x < box.shape[1] - edge)
            box[~inside] = ink
        elif kind == 1:
            box[...] = ink
        elif kind == 2:
            width, gap = (int(value) for value in rng.integers(1, 7, size=2))
            box[((x if rng.random() < 0.5 else y) % (width + gap)) < width] = ink
        elif kind == 3:
            level = int(rng.integers(1, 16))
            box[BAYER[y % 4, x % 4] < level] = ink
        else:
            cell = int(rng.integers(1, 5))
            palette = np.array([pick_colour(rng) for _ in range(int(rng.integers(2, 7)))], dtype=np.uint8)
            blocks = rng.integers(len(palette), size=(height // cell + 1, width // cell + 1))
            smooth = np.where(rng.random(blocks.shape) < 0.6, np.roll(blocks, 1, axis=0), blocks)
            box[...] = palette[smooth[y // cell, x // cell]]
    return np.ascontiguousarray(lr)


def save(folder: Path, number: int, lr: Levels, hr: Levels) -> None:
    for name, levels in (("lr", lr), ("hr", hr)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(levels).save(folder / name / f"{number:04}.png")


if __name__ == "__main__":
    main()
