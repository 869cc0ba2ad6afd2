"""The time that skip-flat saves, the quality that it costs, and the choice of its constants.

    python benchmarks/skip_flat.py threshold --data FreeVal16      share, agreement and PSNR for each threshold
    python benchmarks/skip_flat.py predictors --data FreeVal16     curvature against gradient and deviation
    python benchmarks/skip_flat.py scores --data Set5 Set14 B100   PSNR (y-matlab) without and with
    python benchmarks/skip_flat.py cells --data FreeVal16          remaining work, by the side of a cell
    python benchmarks/skip_flat.py speed --data FreeVal16          CPU time without and with, taking turns

``--model`` is any id, preset or file with one luma network (by default ``balanced``) and ``--scale`` its scale. Under
``threshold``, ``predictors`` and ``scores`` LR is the HR downscaled by MATLAB's bicubic; under ``cells`` and
``speed`` the images are upscaled themselves.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kukkiri.files import list_images
from kukkiri.images import Image, dequantize, read_image, rgb_to_y
from kukkiri.inference import Upscaler, flat_regions
from kukkiri.inference.covering import CALL, cover
from kukkiri.metrics import PROTOCOLS
from kukkiri.resampling import resize

THRESHOLDS = (2, 3, 4, 5, 6, 8, 10, 12, 16)
WITHIN = 0.5
"""Grey levels by which the network and the interpolation may differ in a flat cell (RMS)."""


def main() -> int:
    options = parse()
    {"threshold": threshold, "predictors": predictors, "scores": scores, "cells": cells, "speed": speed}[options.what](
        options
    )
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("threshold", "predictors", "scores", "cells", "speed"))
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of images, or images")
    parser.add_argument("--model", default="balanced")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3, help="of each way, under speed")
    return parser.parse_args()


def images(path: Path) -> list[Path]:
    found = [path] if path.is_file() else list(list_images(path))
    return found or sys.exit(f"{path}: no images")


def rgb(path: Path, *, multiple: int = 1) -> Any:
    """uint8, (H, W, 3), sides cut to multiples."""
    array = read_image(path).to_array()
    array = np.repeat(array.reshape(*array.shape[:2], -1)[..., :1], 3, axis=2) if array.ndim == 2 else array[..., :3]
    height, width = (side // multiple * multiple for side in array.shape[:2])
    return np.ascontiguousarray(array[:height, :width])


def luma(array: Any) -> Any:
    return rgb_to_y(dequantize(array))


def cellwise(values: Any, reduce: Callable[..., Any], *, side: int) -> Any:
    """(rows, columns): each whole cell reduced to one number."""
    rows, columns = (length // side for length in values.shape)
    return reduce(values[: rows * side, : columns * side].reshape(rows, side, columns, side), axis=(1, 3))


def compared(options: argparse.Namespace) -> Iterator[tuple[str, Any, Any, Any, Any]]:
    """Name, luma of LR, HR, network and bicubic of each image; white is 255 but for LR."""
    engine = Upscaler(options.model, scale=options.scale, threads=options.threads).engines[0]
    for folder in options.data:
        for path in images(folder):
            hr = rgb(path, multiple=options.scale)
            lr = luma(resize(hr, scale=1 / options.scale))
            network = engine.run(lr[None, None])[0, 0]
            yield path.stem, lr, 255 * luma(hr), 255 * network, 255 * resize(lr, scale=options.scale)


def threshold(options: argparse.Namespace) -> None:
    """Run the whole image; only the cells that would be flat depend on the threshold."""
    found: dict[int, list[tuple[float, Any, float]]] = {level: [] for level in THRESHOLDS}
    side = flat_regions.CELL * options.scale
    for _, lr, hr, network, bicubic in compared(options):
        rms = np.sqrt(cellwise((network - bicubic) ** 2, np.mean, side=side))
        before = float(np.square(network - hr).sum())
        more = cellwise((bicubic - hr) ** 2 - (network - hr) ** 2, np.sum, side=side)
        for level in THRESHOLDS:
            flat = flat_regions.find_flat_cells(lr[None], curvature=level / 255)[: rms.shape[0], : rms.shape[1]]
            loss = 10 * np.log10((before + more[flat].sum()) / before)
            found[level].append((float(flat.mean()), rms[flat], float(loss)))
    print(f"{options.model} x{options.scale}: cells of {flat_regions.CELL} LR pixels; differences in grey levels")
    print(f"{'curvature':>9}{'flat %':>8}{'rms median':>12}{'99 %':>7}{'dB lost':>9}{'at most':>9}")
    for level, rows in found.items():
        shares, rms, losses = zip(*rows, strict=True)
        every = np.concatenate(rms)
        middle, most = np.quantile(every, (0.5, 0.99)) if every.size else (0.0, 0.0)
        line = f"{level:>9}{100 * np.mean(shares):>8.1f}{middle:>12.2f}{most:>7.2f}"
        print(f"{line}{np.mean(losses):>9.4f}{max(losses):>9.4f}")


def predictors(options: argparse.Namespace) -> None:
    """Print the share of cells that each predictor calls flat before more than 1 % of them are off by half a level."""
    values: dict[str, list[Any]] = {"curvature": [], "gradient": [], "deviation": []}
    differences = []
    for _, lr, _, network, bicubic in compared(options):
        side = flat_regions.CELL
        differences.append(np.sqrt(cellwise((network - bicubic) ** 2, np.mean, side=side * options.scale)).ravel())
        bend, slope = np.zeros_like(lr), np.zeros_like(lr)
        for axis in (0, 1):
            moved, steep = np.moveaxis(bend, axis, 0), np.moveaxis(slope, axis, 0)
            plane = np.moveaxis(lr, axis, 0)
            moved[1:-1] = np.maximum(moved[1:-1], np.abs(plane[2:] + plane[:-2] - 2 * plane[1:-1]))
            steep[1:] = np.maximum(steep[1:], np.abs(plane[1:] - plane[:-1]))
        values["curvature"].append(cellwise(bend, np.max, side=side).ravel())
        values["gradient"].append(cellwise(slope, np.max, side=side).ravel())
        values["deviation"].append(cellwise(lr, np.std, side=side).ravel())
    difference = np.concatenate(differences)
    print(f"{options.model} x{options.scale}: {np.mean(difference <= WITHIN):.1%} of the cells are flat indeed")
    for name, parts in values.items():
        value = np.concatenate(parts)
        order = np.argsort(value)
        wrong = np.cumsum(difference[order] > WITHIN) / np.arange(1, value.size + 1)
        count = int(np.flatnonzero(wrong <= 0.01)[-1]) + 1
        print(f"{name:<10} finds {count / value.size:6.1%}, up to {255 * value[order[count - 1]]:.1f} levels")


def scores(options: argparse.Namespace) -> None:
    ways = {
        way: Upscaler(options.model, scale=options.scale, threads=options.threads, skip_flat=way)
        for way in (False, True)
    }
    rule = PROTOCOLS["y-matlab"]
    print(f"{options.model} x{options.scale}, PSNR y-matlab")
    print(f"{'set':<12}{'without':>9}{'with':>9}{'dB lost':>9}{'at most':>9}{'cheap %':>9}")
    for folder in options.data:
        rows, shares = [], []
        for path in images(folder):
            hr = rgb(path, multiple=options.scale)
            lr = Image.from_array(resize(hr, scale=1 / options.scale))
            upscaled = {way: upscaler(lr) for way, upscaler in ways.items()}
            psnrs = [rule.score(hr, upscaled[way].to_array(), scale=options.scale).psnr for way in (False, True)]
            rows.append(psnrs)
            shares.append(skipped_share(upscaled[True].notes))
        without, with_ = np.mean(rows, axis=0)
        most = max(before - after for before, after in rows)
        line = f"{folder.name:<12}{without:>9.4f}{with_:>9.4f}{without - with_:>9.4f}{most:>9.4f}"
        print(f"{line}{100 * np.mean(shares):>9.1f}", flush=True)


def skipped_share(notes: tuple[str, ...]) -> float:
    """Fraction of interpolated pixels, from the note for the user."""
    (note,) = (note for note in notes if note.startswith("skip-flat"))
    return float(note.split()[1]) / 100


def cells(options: argparse.Namespace) -> None:
    """Print the work with margins, as a fraction of the image, and the time to plan it."""
    radius = Upscaler(options.model, scale=options.scale).engines[0].info.receptive_field
    if radius is None:
        sys.exit(f"{options.model} has no finite receptive field")
    sides = (8, 16, 32, 64)
    works: dict[int, list[float]] = {side: [] for side in sides}
    spent = dict.fromkeys(sides, 0.0)
    pixels = 0
    for folder in options.data:
        for path in images(folder):
            plane = luma(rgb(path))
            pixels += plane.size
            for side in sides:
                begun = time.process_time()
                textured = ~flat_regions.find_flat_cells(plane[None], cell=side)
                boxes = cover(textured, cell=side, margin=radius)
                spent[side] += time.process_time() - begun
                work = [
                    (side * (bottom - top) + 2 * radius) * (side * (right - left) + 2 * radius) + CALL
                    for top, bottom, left, right in boxes
                ]
                works[side].append(min(1.0, sum(work) / plane.size))
    print(f"receptive field {radius}, {len(works[8])} images: remaining work, and the time to plan it")
    for side in sides:
        quarter, middle, most = np.quantile(works[side], (0.25, 0.5, 0.75))
        mean = np.mean(works[side])
        print(
            f"cells of {side:>2}: mean {mean:.3f}, quartiles {quarter:.3f} {middle:.3f} {most:.3f}, "
            f"{1e3 * spent[side] / (pixels / 1e6):.1f} ms for a megapixel"
        )


def speed(options: argparse.Namespace) -> None:
    ways = {
        way: Upscaler(options.model, scale=options.scale, threads=options.threads, skip_flat=way)
        for way in (False, True)
    }
    print(f"{options.model} x{options.scale}, {options.threads} threads: CPU seconds for an image, best of the runs")
    print(f"{'image':<38}{'MP out':>7}{'cheap %':>9}{'without':>9}{'with':>9}{'gain':>7}")
    ratios = []
    for folder in options.data:
        for path in images(folder):
            image = Image.from_array(rgb(path))
            times: dict[bool, list[float]] = {way: [] for way in ways}
            upscaled = None
            for _ in range(options.runs):
                for way, upscaler in ways.items():
                    begun = time.process_time()
                    upscaled = upscaler(image)
                    times[way].append(time.process_time() - begun)
            before, after = min(times[False]), min(times[True])
            ratios.append(before / after)
            megapixels = upscaled.size[0] * upscaled.size[1] / 1e6
            line = f"{path.stem[:37]:<38}{megapixels:>7.1f}{100 * skipped_share(upscaled.notes):>9.0f}"
            print(f"{line}{before:>9.3f}{after:>9.3f}{before / after:>7.2f}", flush=True)
    quarter, middle, most = np.quantile(ratios, (0.25, 0.5, 0.75))
    print(f"gain: median {middle:.2f}, quartiles {quarter:.2f} and {most:.2f}, worst {min(ratios):.2f}")


if __name__ == "__main__":
    sys.exit(main())
