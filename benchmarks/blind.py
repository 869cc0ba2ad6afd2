"""Blurred images upscaled without torch: the table of docs/results/blind.md.

    KUKKIRI_SHARED=... python benchmarks/blind.py [--set Set5] [--case 'gaussian:2.0+direct' --scale 2]
    KUKKIRI_SHARED=... python benchmarks/blind.py --noise-table

PSNR on Y in the protocol y-mzsr (8-bit RGB, Y rounded, a border of the scale cut), the mean over a set. ``best`` and
``aligned`` are plain upscaling by the preset best: of the same image, and of one that was blurred alike but lies on the
bicubic grid, so that nothing is shifted. ``estimate`` and ``known`` are ``--kernel estimate`` and the true kernel.
``used`` counts the images whose estimate was used; the others were upscaled plainly; ``kinds`` are the families that
won. Seconds are the mean CPU time of an image with everything loaded.

``--noise-table``: the smallest, median and largest estimate of the noise on six photographs.
"""

import argparse
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import numpy as np

from kukkiri.degradations import (
    Degradation,
    DegradationRequest,
    crop_to_multiple,
    estimate_noise,
)
from kukkiri.degradations.degradation_estimate import Estimator, GridSubsampling
from kukkiri.images import Image, quantize, read_image
from kukkiri.inference import Upscaler
from kukkiri.metrics import PROTOCOLS, psnr

CASES = (
    ("gaussian:0.2+direct", 2),
    ("gaussian:2.0+direct", 2),
    ("gaussian:4.0,1.0,-0.5+direct", 2),
    ("disk:2.0+direct", 2),
    ("motion:6.0,0.6+direct", 2),
    ("gaussian:1.3+bicubic", 2),
    ("bicubic", 2),
    ("gaussian:2.0+direct", 4),
    ("gaussian:6.0+direct", 4),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="Set5")
    parser.add_argument("--case", help="a degradation; all of the table when not given")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--noise-table", action="store_true")
    parser.add_argument("--estimators", default="spectrum", help="spectrum, patches, or both with a comma")
    arguments = parser.parse_args()
    shared = Path(os.environ["KUKKIRI_SHARED"])
    if arguments.noise_table:
        tabulate_noise(shared)
        return
    folder = shared / "data" / arguments.set
    cases = CASES if arguments.case is None else ((arguments.case, arguments.scale),)
    for text, scale in cases:
        row(
            text,
            scale,
            sorted(folder.glob("*.png")),
            estimators=[each for each in get_args(Estimator) if each in arguments.estimators.split(",")],
        )


def row(text: str, scale: int, paths: list[Path], *, estimators: list[Estimator]) -> None:
    """Print one row."""
    subsample: GridSubsampling = "bicubic" if text.endswith("bicubic") else "direct"
    blur = text.removesuffix(f"+{subsample}")
    best = Upscaler("best", scale=scale)
    upscalers = {"known": Upscaler(scale=scale, degradation=DegradationRequest(blur, subsample))}
    for each in estimators:
        upscalers[each] = Upscaler(scale=scale, degradation=DegradationRequest("estimate", subsample, each))
    scores: dict[str, list[float]] = {"best": [], "aligned": [], **{name: [] for name in upscalers}}
    used, taken = dict.fromkeys(upscalers, 0), dict.fromkeys(scores, 0.0)
    kinds: Counter[str] = Counter()
    for path in paths:
        hr = quantize(crop_to_multiple(read_image(path).colour, scale), 8)
        lr = Image.from_array(Degradation.parse(text).apply(hr, scale=scale))
        aligned = text if subsample == "bicubic" else f"{text}:aligned"
        scores["best"].append(score(hr, best(lr), scale))
        scores["aligned"].append(
            score(hr, best(Image.from_array(Degradation.parse(aligned).apply(hr, scale=scale))), scale)
        )
        for name, upscaler in upscalers.items():
            begun = time.process_time()
            suited = upscaler.suited(lr)
            sr = suited(lr)
            taken[name] += time.process_time() - begun
            used[name] += suited.degradation is not None
            if name == "spectrum":
                kinds[suited.degradation.kind if suited.degradation else "plain"] += 1
            scores[name].append(score(hr, sr, scale))
    cells = [f"{name} {np.mean(values):.2f}" for name, values in scores.items()]
    counts = [f"{name} {used[name]}/{len(paths)}" for name in estimators]
    seconds = [f"{name} {taken[name] / len(paths):.2f}" for name in upscalers]
    families = [f"{kind} {count}" for kind, count in kinds.most_common()]
    print(
        f"{text} x{scale}: {', '.join(cells)}; used {', '.join(counts)}; "
        f"kinds {', '.join(families)}; CPU seconds {', '.join(seconds)}",
        flush=True,
    )


def list_photographs(shared: Path) -> list[Path]:
    """The validation photographs that may be named."""
    return [path for path in sorted((shared / "data" / "FreeVal16").glob("*.png")) if not path.name.startswith("gh_")]


def tabulate_noise(shared: Path) -> None:
    """Print true and estimated levels of 255."""
    for text in ("bicubic", "gaussian:2.0+direct"):
        for levels in (0, 2, 5, 10, 15, 25):
            degradation = Degradation.parse(f"{text}+noise:{levels / 255}" if levels else text)
            found = []
            for path in list_photographs(shared)[:6]:
                hr: Any = quantize(crop_to_multiple(read_image(path).colour[:512, :512], 2), 8)
                found.append(255 * estimate_noise(degradation.apply(hr, scale=2, seed=3)).noise_std)
            low, middle, high = min(found), float(np.median(found)), max(found)
            print(f"{text} noise {levels}: {low:.1f} {middle:.1f} {high:.1f}", flush=True)


def score(hr: Any, sr: Image, scale: int) -> float:
    """PSNR of one image in the protocol y-mzsr."""
    levels: Any = quantize(sr.colour, 8)
    hr, levels = (np.repeat(each, 3, axis=2) if each.shape[2] == 1 else each for each in (hr, levels))
    first, second = PROTOCOLS["y-mzsr"].compared(hr, levels)
    return psnr(first, second, border=scale)


if __name__ == "__main__":
    main()
