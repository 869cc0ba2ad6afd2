"""Blurred images upscaled without torch: tables of docs/results/blind.md and docs/results/solvers.md.

    KUKKIRI_SHARED=... python benchmarks/blind.py [--set Set5] [--case 'gaussian:2.0+direct' --scale 2]
    KUKKIRI_SHARED=... python benchmarks/blind.py --protocol mzsr [--set Set14] [--every 2] [--models context,srmd]
    KUKKIRI_SHARED=... python benchmarks/blind.py --protocol gaussian8 [--scale 4]
    KUKKIRI_SHARED=... python benchmarks/blind.py --noise-table

PSNR on Y in the protocol y-mzsr (8-bit RGB, Y rounded, a border of the scale cut), the mean over a set. ``best`` and
``aligned`` are plain upscaling by the preset best: of the same image, and of one that was blurred alike but lies on the
bicubic grid, so that nothing is shifted. ``context`` and ``srmd`` are given the true kernel, ``spectrum`` is
``--kernel estimate``. ``used`` counts the images whose estimate was used; the others were upscaled plainly; ``kinds``
are the families that won. Seconds are the mean CPU time of an image with everything loaded.

``--protocol mzsr``: the kernels of MZSR's tables, and none. ``gaussian8``: the eight widths of IKC, a Gaussian before
bicubic downscaling, and their mean. At x4, where no network of bicubic downscaling is shipped, both are one kernel
before direct subsampling: the same images, 1.5 pixels off the bicubic grid; ``aligned`` lies on it. ``--every``: each
second image, say, by name, from the first.

``--noise-table``: the smallest, median and largest estimate of the noise on six photographs.
"""

import argparse
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.signal import convolve2d

from kukkiri.degradations import (
    Degradation,
    DegradationRequest,
    bicubic_kernel,
    crop_to_multiple,
    estimate_noise,
    gaussian_kernel,
)
from kukkiri.degradations.degradation_estimate import Estimator, GridSubsampling
from kukkiri.images import Image, quantize, read_image
from kukkiri.inference import Upscaler
from kukkiri.inference.solvers import list_solvers
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
MZSR = {
    2: (
        "gaussian:0.2+direct",
        "gaussian:2.0+direct",
        "gaussian:4.0,1.0,-0.5+direct",
        "gaussian:1.3+bicubic",
        "bicubic",
    ),
    4: ("gaussian:2.0+direct",),
}
GAUSSIAN8 = {2: (0.8, 1.6), 4: (1.8, 3.2)}
"""The smallest and the largest of eight standard deviations, in HR pixels."""


class Case(NamedTuple):
    """A degradation, the same on the bicubic grid, and what a solver is given of it."""

    name: str
    scale: int
    made: Degradation
    aligned: Degradation
    blur: str | NDArray[np.float64]
    subsample: GridSubsampling

    @classmethod
    def read(cls, text: str, scale: int) -> Self:
        """Read a degradation that ends in its subsampling."""
        subsample: GridSubsampling = "bicubic" if text.endswith("bicubic") else "direct"
        aligned = text if subsample == "bicubic" else f"{text}:aligned"
        made = Degradation.parse(text)
        return cls(text, scale, made, Degradation.parse(aligned), text.removesuffix(f"+{subsample}"), subsample)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="Set5")
    parser.add_argument("--every", type=int, default=1, help="of the images of the set")
    parser.add_argument("--case", help="a degradation; all of the table when not given")
    parser.add_argument("--protocol", choices=("mzsr", "gaussian8"))
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--models", default="context", help="that are given the true kernel: context, srmd, or both")
    parser.add_argument("--noise-table", action="store_true")
    parser.add_argument("--estimators", default="spectrum", help="spectrum, patches, or both with a comma")
    arguments = parser.parse_args()
    shared = Path(os.environ["KUKKIRI_SHARED"])
    if arguments.noise_table:
        tabulate_noise(shared)
        return
    paths = sorted((shared / "data" / arguments.set).glob("*.png"))[:: arguments.every]
    estimators = [each for each in get_args(Estimator) if each in arguments.estimators.split(",")]
    cases = list_cases(arguments.protocol, arguments.case, scale=arguments.scale)
    means = [row(case, paths, models=arguments.models.split(","), estimators=estimators) for case in cases]
    if arguments.protocol == "gaussian8":
        print(f"mean x{arguments.scale}: " + ", ".join(f"{k} {np.mean([m[k] for m in means]):.2f}" for k in means[0]))


def list_cases(protocol: str | None, text: str | None, *, scale: int) -> list[Case]:
    """List the rows: of one degradation, of a protocol, or of the page."""
    if text is not None:
        return [Case.read(text, scale)]
    if protocol == "mzsr":
        return [Case.read(each, scale) for each in MZSR[scale]]
    if protocol is None:
        return [Case.read(*each) for each in CASES]
    widths = np.linspace(*GAUSSIAN8[scale], 8)
    if (scale, "bicubic") in list_solvers():
        return [Case.read(f"gaussian:{width**2:.6g}+bicubic", scale) for width in widths]
    return [join_kernels(float(width), scale) for width in widths]


def join_kernels(width: float, scale: int) -> Case:
    """Make a Gaussian before bicubic downscaling one kernel before direct subsampling."""
    kernel = convolve2d(gaussian_kernel(width**2, size=21), bicubic_kernel(scale, aligned=False))
    made, aligned = (Degradation.from_kernel(kernel, method="direct", aligned=each) for each in (False, True))
    return Case(f"gaussian:{width**2:.6g}+bicubic as one kernel", scale, made, aligned, kernel, "direct")


def row(case: Case, paths: list[Path], *, models: Sequence[str], estimators: list[Estimator]) -> dict[str, float]:
    """Print one row, and return its means."""
    scale, subsample = case.scale, case.subsample
    best = Upscaler("best", scale=scale, threads=1)
    upscalers = {
        model: Upscaler(model, scale=scale, degradation=DegradationRequest(case.blur, subsample), threads=1)
        for model in models
        if (scale, subsample) in list_solvers(noise=model == "srmd")
    }
    for each in estimators:
        request = DegradationRequest("estimate", subsample, each)
        upscalers[each] = Upscaler(scale=scale, degradation=request, threads=1)
    scores: dict[str, list[float]] = {"best": [], "aligned": [], **{name: [] for name in upscalers}}
    used, taken = dict.fromkeys(upscalers, 0), dict.fromkeys(scores, 0.0)
    kinds: Counter[str] = Counter()
    for path in paths:
        hr = quantize(crop_to_multiple(read_image(path).colour, scale), 8)
        lr = Image.from_array(case.made.apply(hr, scale=scale))
        scores["best"].append(score(hr, best(lr), scale))
        on_grid = Image.from_array(case.aligned.apply(hr, scale=scale))
        scores["aligned"].append(scores["best"][-1] if subsample == "bicubic" else score(hr, best(on_grid), scale))
        for name, upscaler in upscalers.items():
            begun = time.process_time()
            suited = upscaler.suited(lr)
            sr = suited(lr)
            taken[name] += time.process_time() - begun
            used[name] += suited.degradation is not None
            if name == "spectrum":
                kinds[suited.degradation.kind if suited.degradation else "plain"] += 1
            scores[name].append(score(hr, sr, scale))
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    cells = [f"{name} {value:.2f}" for name, value in means.items()]
    counts = [f"{name} {used[name]}/{len(paths)}" for name in estimators]
    seconds = [f"{name} {taken[name] / len(paths):.2f}" for name in upscalers]
    families = [f"{kind} {count}" for kind, count in kinds.most_common()]
    print(
        f"{case.name} x{scale}: {', '.join(cells)}; used {', '.join(counts)}; "
        f"kinds {', '.join(families)}; CPU seconds {', '.join(seconds)}",
        flush=True,
    )
    return means


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
