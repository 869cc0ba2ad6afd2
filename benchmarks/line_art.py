"""Line art, text, screenshots and pixel patterns by several models, and what is taken for line art.

    python benchmarks/line_art.py shapes --model plain-m-x2 plain-m-line-x2
    python benchmarks/line_art.py sets --model plain-m-x2 plain-m-line-x2 --data FOLDER ...
    python benchmarks/line_art.py pairs --model plain-m-x2 plain-m-line-x2 --data FOLDER ...
    python benchmarks/line_art.py choice --data FOLDER ...

``shapes`` draws bars, strokes and sprites on the pixel grid, whose truth repeats the pixels, and text, slanted strokes
and rings with and without antialiasing, whose truth is drawn at the size of SR. ``sets`` has folders of HR images
(MATLAB's bicubic), ``pairs`` folders with lr and hr, as tools/make_screenshot_pairs.py makes them; both print the mean
PSNR, y-matlab. ``choice`` names the images that get weights for line art, as they are and downscaled by two.
``--scale`` has models of other scales run and resized to it. ``--images`` writes the results of ``shapes`` into a
folder. Needs the font DejaVu (Debian: fonts-dejavu) for ``shapes``.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hard_edges import make_bars
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from kukkiri.files import list_images
from kukkiri.images import Image, read_image
from kukkiri.inference import Upscaler
from kukkiri.inference.line_art import is_line_art_in_memory
from kukkiri.metrics import PROTOCOLS
from kukkiri.resampling import resize

Levels = NDArray[np.uint8]
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
PALETTE = np.array([(0, 0, 0), (255, 255, 255), (220, 40, 40), (250, 200, 60), (40, 120, 220), (60, 60, 60)], np.uint8)
SAMPLES = 24
"""Samples of a drawn scene for one LR pixel along a side."""
TEXT = ("Sphinx of black quartz,", "judge my vow: 0123456789", "Съешь же ещё этих булок", "Ξεσκεπάζω την ψυχοφθόρα")
INKS = ((0, 255), (255, 0))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("shapes", "sets", "pairs", "choice"))
    parser.add_argument("--model", nargs="+", default=["plain-m-x2", "plain-m-line-x2"])
    parser.add_argument("--data", type=Path, nargs="+", default=[])
    parser.add_argument("--scale", type=int, help="by default each model's own")
    parser.add_argument("--images", type=Path)
    options = parser.parse_args()
    if options.what == "choice":
        for folder in options.data:
            print_choice(folder)
        return 0
    for model in options.model:
        upscaler = Upscaler(model, scale=options.scale, threads=1)
        if options.what == "shapes":
            print_shapes(upscaler, options.images)
            continue
        read = read_pairs if options.what == "pairs" else read_hr
        for folder in options.data:
            print(
                f"{model} {folder.name}: {mean_psnr(upscaler, read(folder, round(upscaler.scale))):.3f} dB", flush=True
            )
    return 0


def mean_psnr(upscaler: Upscaler, pairs: Iterator[tuple[Levels, Levels]]) -> float:
    score = PROTOCOLS["y-matlab"].score
    return float(np.mean([score(hr, upscaler(lr), scale=round(upscaler.scale)).psnr for lr, hr in pairs]))


def read_hr(folder: Path, scale: int) -> Iterator[tuple[Levels, Levels]]:
    for path in list_images(folder):
        hr = read_rgb(path)
        hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
        yield resize(hr, scale=1 / scale), hr


def read_pairs(folder: Path, scale: int) -> Iterator[tuple[Levels, Levels]]:
    for path in list_images(folder / "lr"):
        yield read_rgb(path), read_rgb(folder / "hr" / path.name)


def read_rgb(path: Path) -> Levels:
    levels: Any = read_image(path).to_array()
    return np.repeat(levels.reshape(*levels.shape[:2], 1), 3, axis=2) if levels.ndim == 2 else levels[..., :3]


def print_choice(folder: Path) -> None:
    """Name the images of a folder that are taken for line art."""
    paths, found = list_images(folder), {1: [], 2: []}  # type: ignore[var-annotated]
    for path in paths:
        levels = read_rgb(path)
        for divisor, names in found.items():
            sides = (side // divisor * divisor for side in levels.shape[:2])
            smaller = resize(levels[: next(sides), : next(sides)], scale=1 / divisor) if divisor > 1 else levels
            if is_line_art_in_memory(Image.from_array(smaller)):
                names.append(path.stem)
    for divisor, names in found.items():
        print(f"{folder.name} / {divisor}: {len(names)} of {len(paths)}: {' '.join(names)}", flush=True)


def print_shapes(upscaler: Upscaler, folder: Path | None) -> None:
    scale = round(upscaler.scale)
    cells = [upscaler.name]
    errors = [error_inside(upscaler, ink, paper) for ink, paper in INKS]
    cells.append(f"bars {max(errors):.0f} levels")
    for width in (1, 2):
        image = np.concatenate([draw_strokes(width, *colours) for colours in INKS])
        sr = upscaler(image)
        truth = image.repeat(scale, 0).repeat(scale, 1)
        keep(folder, f"{upscaler.name}-strokes-{width}", sr)
        cells.append(f"strokes of {width}: RMS {rms(sr, truth, scale):.1f} levels")
    for side in (1, 2, 3):
        image = draw_sprite(side)
        sr = upscaler(image)
        keep(folder, f"{upscaler.name}-sprite-{side}", sr)
        cells.append(f"sprite of {side}: RMS {rms(sr, image.repeat(scale, 0).repeat(scale, 1), scale):.1f} levels")
    for name, draw in (("text", draw_text), ("slanted", draw_slanted)):
        for kind in ("antialiased", "two colours"):
            found = [score_drawn(upscaler, draw, kind, colours) for colours in INKS]
            keep(folder, f"{upscaler.name}-{name}-{kind.split()[0]}", np.concatenate([sr for sr, *_ in found]))
            cells.append(f"{name}, {kind} {np.mean([psnr for _, psnr, _ in found]):.2f} dB")
            if kind == "two colours":
                cells.append(f"core {100 * np.mean([core for *_, core in found]):.2f} %")
    drifts = [measure_drift(upscaler, level) for level in range(1, 16)]
    print(*cells, f"dither {min(drifts):+.1f} to {max(drifts):+.1f}", sep=" | ", flush=True)


def error_inside(upscaler: Upscaler, ink: int, paper: int) -> float:
    """Largest deviation from ink in bars of 3 to 12 pixels, one LR pixel away from their edges."""
    scale = round(upscaler.scale)
    image, inside = make_bars(ink, paper)
    return float(np.abs(upscaler(image).astype(int) - ink)[inside.repeat(scale, 0).repeat(scale, 1)].max())


def draw_strokes(width: int, ink: int, paper: int) -> Levels:
    """Upright and level strokes on the pixel grid, 1 to 8 pixels apart."""
    image = np.full((72, 144), paper, dtype=np.uint8)
    place = 6
    for gap in (1, 2, 3, 4, 6, 8):
        image[6:66, place : place + width] = ink
        image[place : place + width, 78:138] = ink
        place += width + gap
    return image


def draw_sprite(side: int) -> Levels:
    """A symmetric sprite of 16x16 blocks in six colours, of ``side`` pixels each, on white."""
    half = np.random.default_rng(1).integers(0, len(PALETTE), (16, 8))
    blocks = np.concatenate([half, half[:, ::-1]], axis=1).repeat(side, 0).repeat(side, 1)
    sprite: Levels = PALETTE[np.pad(blocks, 4, constant_values=1)]
    return sprite


def draw_text() -> PillowImage.Image:
    """Lines of text of 12 to 28 pixels; 255 is ink, ``SAMPLES`` samples for a pixel."""
    scene = PillowImage.new("L", (224 * SAMPLES, 128 * SAMPLES))
    draw, top = ImageDraw.Draw(scene), 6.0
    for size, line in zip((12, 16, 20, 28), TEXT, strict=True):
        font = ImageFont.truetype("DejaVuSans.ttf", size * SAMPLES)
        draw.text((5.3 * SAMPLES, top * SAMPLES), line, fill=255, font=font)
        top += 1.4 * size
    return scene


def draw_slanted() -> PillowImage.Image:
    """Strokes of 1 to 4 pixels at many angles, and rings."""
    side = 128 * SAMPLES
    scene = PillowImage.new("L", (side, side))
    draw = ImageDraw.Draw(scene)
    for number, angle in enumerate(np.linspace(0, np.pi / 2, 13)):
        end = (np.cos(angle) * side * 0.55, np.sin(angle) * side * 0.55)
        draw.line((0.1 * end[0], 0.1 * end[1], *end), fill=255, width=(1 + number % 4) * SAMPLES)
    for number, radius in enumerate((6, 11, 17, 24)):
        bounds = [(0.73 * side) + sign * radius * SAMPLES for sign in (-1, -1, 1, 1)]
        draw.ellipse(bounds, outline=255, width=(1 + number) * SAMPLES)
    return scene


def score_drawn(
    upscaler: Upscaler, draw: Callable[[], PillowImage.Image], kind: str, colours: tuple[int, int]
) -> tuple[Levels, float, float]:
    """SR, its PSNR against the scene drawn at its size, and the share of stroke cores that are off by more than 32."""
    scale = round(upscaler.scale)
    scene = np.asarray(draw(), dtype=np.float64) / 255
    cover, truth = (box_mean(scene, SAMPLES // times) for times in (1, scale))
    if kind == "two colours":
        cover = (cover > 0.5).astype(np.float64)
    ink, paper = colours
    sr = upscaler(np.round(paper + (ink - paper) * cover).astype(np.uint8))
    error = sr - (paper + (ink - paper) * truth)
    padded = np.pad(cover, 1)
    rows, columns = cover.shape
    core = np.min([padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)], axis=0) == 1
    inside = core.repeat(scale, 0).repeat(scale, 1)
    wrong = float((np.abs(sr[inside].astype(int) - ink) > 32).mean()) if inside.any() else 0.0
    return sr, float(20 * np.log10(255 / np.sqrt(np.mean(error**2)))), wrong


def box_mean(scene: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    height, width = (length // side for length in scene.shape)
    mean: NDArray[np.float64] = scene.reshape(height, side, width, side).mean(axis=(1, 3))
    return mean


def measure_drift(upscaler: Upscaler, level: int) -> float:
    """Change of the mean of ordered dither, 8 LR pixels from the border."""
    image = np.where(np.tile(BAYER, (10, 10)) < level, 255, 0).astype(np.uint8)
    inner = slice(8 * round(upscaler.scale), -8 * round(upscaler.scale))
    return float(upscaler(image)[inner, inner].mean() - image[8:-8, 8:-8].mean())


def rms(sr: Levels, truth: Levels, border: int) -> float:
    error = (sr.astype(np.float64) - truth)[border:-border, border:-border]
    return float(np.sqrt(np.mean(error**2)))


def keep(folder: Path | None, name: str, levels: Levels) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(levels).save(folder / f"{Path(name).name}.png")


if __name__ == "__main__":
    sys.exit(main())
