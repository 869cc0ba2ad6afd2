"""Random kernels by DIV2KRK's recipe: estimators, solvers and both together, a table of docs/results/blind.md.

    KUKKIRI_SHARED=... python benchmarks/div2krk.py [--scale 2] [--images 10] [--estimators true,spectrum,guarded]
        [--solvers context,srmd,dpsr,usrnet,zssr] [--noise 5] [--kernels FOLDER] [--minutes 24]
        [--zssr-steps 900 --zssr-crop 64]

The central 360x360 pixels of free photographs; kernels as in the generator of KernelGAN's authors (Bell-Kligler et al.,
NeurIPS 2019): 11x11 at x2 and 21x21 at x4, Gaussians of random variances in [0.175 scale, 2.5 scale] and angle, each
weight times a random factor in [0.6, 1.4]; every scale-th pixel, 8 bit. The authors move the kernel so that LR lies on
the bicubic grid. Here it does so for ``bicubic``, ``best`` and ``zssr``, and not for solvers of direct subsampling,
which are compared on the grid that they invert: one shift, equally hard images.

Estimators: ``true``, the kernel that made the image; those of ``--estimator``; ``bicubic``, which assumes bicubic
downscaling; ``guarded``: what ``--kernel estimate`` does, which is ``best`` on the bicubic grid where the estimate is
not trusted. Noise is estimated for solvers that take it, and 0 for ``context``. ``usrnet``: the official tiny weights.

One line for each image and estimator: error |k - k_true| / |k_true|, both centred; for ``kernelgan`` also the distance
of its own kernel's centre of mass from the place that its authors give it; and one for each result. Then the means:
PSNR and SSIM on Y in the protocol y-mzsr, CPU seconds of an image. With ``--kernels`` what an estimator finds is kept
in that folder, and taken from it the next time. Estimates of ``kernelgan`` end after ``--minutes``: the images without
one are left out of its rows. In ``kernelgan, guarded`` ``best`` counts where the image denies the result. ``zssr``
needs minutes for an image, less with fewer steps and smaller crops.
"""

import argparse
import dataclasses
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import (
    Degradation,
    DegradationEstimate,
    DegradationRequest,
    align_kernel,
    bicubic_kernel,
    centre_kernel,
    centre_of_mass,
    crop_kernel,
    estimate_degradation,
    estimate_noise,
    gaussian_kernel,
    odd_sided,
)
from kukkiri.degradations.alignment import aligned_centre
from kukkiri.degradations.degradation_estimate import Estimator
from kukkiri.images import Image, quantize, read_image
from kukkiri.inference import Upscaler
from kukkiri.inference.blind import find_degradation
from kukkiri.inference.consistency import check_consistency
from kukkiri.metrics import PROTOCOLS

SIDE = 360
SIZES = {2: 11, 4: 21}
PLAIN = ("bicubic", "best")


class Case(NamedTuple):
    """A photograph, and LR made by one random kernel, centred and on the bicubic grid."""

    name: str
    hr: NDArray[np.uint8]
    kernel: NDArray[np.float64]
    lr: Image
    aligned: Image


class Result(NamedTuple):
    """Scores of one result on Y in the protocol y-mzsr, and CPU seconds."""

    psnr: float
    ssim: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, default=2, choices=(2, 4))
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--estimators", default="true,spectrum,guarded")
    parser.add_argument("--solvers", default="context", help="with commas between; nothing: kernels only")
    parser.add_argument("--noise", type=float, default=0.0, help="levels of 255")
    parser.add_argument("--kernels", type=Path)
    parser.add_argument("--minutes", type=float, default=24.0, help="of KernelGAN")
    parser.add_argument("--zssr-steps", type=int, default=3000, help="at most")
    parser.add_argument("--zssr-crop", type=int, default=128, help="side of the training crop in LR pixels")
    arguments = parser.parse_args()
    shared = Path(os.environ["KUKKIRI_SHARED"])
    scale, level = arguments.scale, arguments.noise
    cases = list(make_cases(shared, scale=scale, count=arguments.images, level=level))
    rows: dict[str, list[Result]] = defaultdict(list)
    for case in cases:
        for model in PLAIN:
            name = f"{model}, aligned"
            rows[name].append(run(Upscaler(model, scale=scale, threads=1), case.aligned, case.hr))
            print(f"{case.name} {name}: {rows[name][-1].psnr:.2f} dB", flush=True)
    deadline = time.monotonic() + 60 * arguments.minutes
    for estimator in arguments.estimators.split(","):
        for number, case in enumerate(cases):
            if estimator == "kernelgan" and time.monotonic() > deadline:
                continue
            found, seconds = find(case, estimator, scale=scale, folder=arguments.kernels, level=level)
            for solver in filter(None, arguments.solvers.split(",")):
                if found is not None and solver == "zssr":
                    known = None if estimator == "bicubic" else found
                    limits = {"steps": arguments.zssr_steps, "crop": arguments.zssr_crop, "seed": number}
                    result = run_zssr(case, known, scale=scale, **limits)
                else:
                    result = solve(case, found, solver, scale=scale, shared=shared)
                print(f"{case.name} {estimator} + {solver}: {result.psnr:.2f} dB", flush=True)
                result = result._replace(seconds=seconds + result.seconds)
                rows[f"{estimator} + {solver}"].append(result)
                if found is not None and estimator == "kernelgan" and solver != "zssr":
                    refused = is_contradicted(case, found, solver, shared=shared)
                    plain = rows["best, aligned"][number]
                    kept = plain._replace(seconds=plain.seconds + result.seconds) if refused else result
                    rows[f"{estimator}, guarded + {solver}"].append(kept)
    for name, values in rows.items():
        psnr, ssim, taken = np.mean(values, axis=0)
        print(f"{name}: {psnr:.2f} dB, SSIM {ssim:.4f}, {taken:.1f} CPU s, {len(values)} images", flush=True)


def solve(case: Case, found: DegradationEstimate | None, solver: str, *, scale: int, shared: Path) -> Result:
    """Upscale by a solver, or plainly where there is no estimate."""
    if found is None:
        return run(Upscaler("best", scale=scale, threads=1), case.aligned, case.hr)
    model = name_model(solver, shared=shared)
    given = dataclasses.replace(found, noise_std=0.0 if solver == "context" else found.noise_std)
    return run(Upscaler(model, scale=scale, degradation=given, threads=1), case.lr, case.hr)


def name_model(solver: str, *, shared: Path) -> str:
    """Name the model of a solver: a file for ``usrnet``."""
    return str(shared / "weights_elsewhere/usrnet/usrnet_tiny.pth") if solver == "usrnet" else solver


def make_cases(shared: Path, *, scale: int, count: int, level: float) -> Iterator[Case]:
    """Make the images; the kernels are the same for every number of images and level of noise."""
    photographs = sorted((shared / "data" / "FreeVal16").glob("*.png"))
    named = [path for path in photographs if not path.name.startswith("gh_")]
    for seed, path in enumerate(named[:count]):
        rng = np.random.default_rng(seed)
        pixels = read_image(path).colour
        top, left = ((length - SIDE) // 2 for length in pixels.shape[:2])
        hr: Any = quantize(pixels[top : top + SIDE, left : left + SIDE], 8)
        kernel = sample_kernel(rng, scale=scale)
        moved = align_kernel(kernel, scale=scale)
        made = []
        for each in (centre_kernel(kernel), moved):
            lr = Degradation.from_kernel(each / each.sum(), method="direct").apply(hr, scale=scale).astype(np.float64)
            noisy = lr + level * np.random.default_rng(100 + seed).standard_normal(lr.shape)
            made.append(Image.from_array(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)))
        yield Case(path.stem, hr, kernel, *made)


def sample_kernel(rng: np.random.Generator, *, scale: int) -> NDArray[np.float64]:
    """Sample a kernel of DIV2KRK."""
    size = SIZES[scale]
    first, second = rng.uniform(0.175 * scale, 2.5 * scale, size=2)
    kernel = gaussian_kernel(first, second, rng.uniform(0, np.pi), size=size) * rng.uniform(0.6, 1.4, size=(size, size))
    return np.asarray(kernel / kernel.sum())


def find(
    case: Case, estimator: str, *, scale: int, folder: Path | None, level: float
) -> tuple[DegradationEstimate | None, float]:
    """Find the kernel of an image, or read the one that was kept; and CPU seconds. ``None``: it is not trusted."""
    if estimator == "true":
        return DegradationEstimate(centre_kernel(case.kernel), scale, noise_std=level / 255), 0.0
    kept = None if folder is None else folder / f"{case.name}-{estimator}-x{scale}-{level:g}.npz"
    noise = estimate_noise(case.lr.colour).noise_std if level else 0.0
    if kept is not None and kept.exists():
        stored = np.load(kept)
        return DegradationEstimate(stored["kernel"], scale, noise_std=noise), float(stored["seconds"])
    begun = time.process_time()
    kernel, note = estimate(case, estimator, scale=scale)
    seconds = time.process_time() - begun
    if kernel is None:
        print(f"{case.name} {estimator} x{scale}: {note}", flush=True)
        return None, seconds
    first, second = (crop_kernel(centre_kernel(odd_sided(each)), size=33) for each in (kernel, case.kernel))
    error = np.linalg.norm(first - second) / np.linalg.norm(second)
    print(f"{case.name} {estimator} x{scale}: error {error:.3f}{note}, {seconds:.1f} CPU s", flush=True)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, kernel=kernel, seconds=seconds)
    return DegradationEstimate(kernel, scale, noise_std=noise), seconds


def estimate(case: Case, estimator: str, *, scale: int) -> tuple[NDArray[np.float64] | None, str]:
    """Find a centred kernel, and a note on it; ``None``: it is not trusted."""
    if estimator == "bicubic":
        return bicubic_kernel(scale, aligned=False), ""
    if estimator == "kernelgan":
        from kukkiri.blind import estimate_kernel_gan

        own = estimate_kernel_gan(case.lr.colour, scale=scale).kernel
        place = aligned_centre((own.shape[0], own.shape[1]), scale)
        shift = np.hypot(*np.subtract(centre_of_mass(own), place))
        return centre_kernel(odd_sided(own)), f", shift {shift:.4f}"
    if estimator == "guarded":
        found = find_degradation(case.lr, DegradationRequest(), scale=scale, subsample="direct")
        if found.estimate is None or found.doubt is not None:
            return None, str(found.doubt)
        known = found.estimate
    else:
        named: Estimator = next(each for each in get_args(Estimator) if each == estimator)
        known = estimate_degradation(case.lr.colour, scale=scale, estimator=named)
    return known.kernel, f", {known.kind} {known.text}, confidence {known.confidence:.2f}"


def run(upscaler: Upscaler, lr: Image, hr: NDArray[np.uint8]) -> Result:
    """Upscale and score."""
    begun = time.process_time()
    sr: Any = quantize(upscaler(lr).colour, 8)
    return score(hr, sr, scale=int(upscaler.scale), seconds=time.process_time() - begun)


def score(hr: NDArray[np.uint8], sr: NDArray[np.uint8], *, scale: int, seconds: float) -> Result:
    """Score a result."""
    found = PROTOCOLS["y-mzsr"].score(hr, sr, scale=scale)
    return Result(found.psnr, found.ssim, seconds)


def is_contradicted(case: Case, found: DegradationEstimate, solver: str, *, shared: Path) -> bool:
    """True when the image denies what a solver makes of it, so that ``--kernel estimate`` falls back."""
    (engine,) = Upscaler(name_model(solver, shared=shared), scale=found.scale, degradation=found, threads=1).engines
    checked = check_consistency(case.lr, engine, found)
    if checked.contradicted:
        print(f"{case.name} {solver}: LR consistency {checked.found:.1f} dB, not used", flush=True)
    return checked.contradicted


def run_zssr(case: Case, found: DegradationEstimate | None, *, scale: int, steps: int, crop: int, seed: int) -> Result:
    """Upscale by ZSSR on the bicubic grid; ``None``: as for bicubic downscaling."""
    from kukkiri.adaptation import adapt, degradation_of
    from kukkiri.adaptation.zssr import settings_for

    kernel = "bicubic" if found is None else align_kernel(found.kernel, scale=scale)
    settings = dataclasses.replace(settings_for(degradation_of(kernel, scale=scale)), steps=steps, crop=crop, seed=seed)
    begun = time.process_time()
    fitted = adapt(case.aligned, scale=scale, kernel=kernel, settings=settings, guarded=False)
    sr: Any = quantize(fitted(case.aligned).colour, 8)
    return score(case.hr, sr, scale=scale, seconds=time.process_time() - begun)


if __name__ == "__main__":
    main()
