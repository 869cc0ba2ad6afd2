"""Random kernels by DIV2KRK's recipe: estimators, solvers and both together, a table of docs/results/blind.md.

    KUKKIRI_SHARED=... python benchmarks/div2krk.py [--scale 2] [--images 10] [--estimators true,spectrum,patches]
        [--solvers context,usrnet] [--noise 5] [--kernels FOLDER] [--minutes 24] [--zssr 2]

The central 360x360 pixels of free photographs; kernels as in the generator of KernelGAN's authors (Bell-Kligler et al.,
NeurIPS 2019): 11x11 at x2 and 21x21 at x4, Gaussians of random variances in [0.175 scale, 2.5 scale] and angle, each
weight times a random factor in [0.6, 1.4]; every scale-th pixel, 8 bit. The authors move the kernel so that LR lies on
the bicubic grid. Here it does so for ``bicubic``, ``best`` and ``zssr`` (with the bicubic kernel), and not for solvers
of direct subsampling, which are compared on the grid that they invert: one shift, equally hard images.

One line for each image and estimator: error |k - k_true| / |k_true|, both centred; for ``kernelgan`` also the distance
of its own kernel's centre of mass from the place that its authors give it. Then the means: PSNR on Y in the protocol
y-mzsr, CPU seconds of an image. With ``--kernels`` what an estimator finds is kept in that folder, and taken from it
the next time. Estimates of ``kernelgan`` end after ``--minutes``: the images without one are left out of its rows.
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
    align_kernel,
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, default=2, choices=(2, 4))
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--estimators", default="true,spectrum,patches")
    parser.add_argument("--solvers", default="context", help="context, usrnet, or both; nothing: kernels only")
    parser.add_argument("--noise", type=float, default=0.0, help="levels of 255")
    parser.add_argument("--kernels", type=Path)
    parser.add_argument("--minutes", type=float, default=24.0, help="of KernelGAN")
    parser.add_argument("--zssr", type=int, default=0, help="images that ZSSR upscales")
    arguments = parser.parse_args()
    shared = Path(os.environ["KUKKIRI_SHARED"])
    scale, level = arguments.scale, arguments.noise
    cases = list(make_cases(shared, scale=scale, count=arguments.images, level=level))
    rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for case in cases:
        for model in PLAIN:
            rows[f"{model}, aligned"].append(run(Upscaler(model, scale=scale, threads=1), case.aligned, case.hr))
    for number, case in enumerate(cases[: arguments.zssr]):
        rows[f"zssr with the bicubic kernel, aligned, {arguments.zssr} images"].append(run_zssr(case, scale, number))
    deadline = time.monotonic() + 60 * arguments.minutes
    for estimator in arguments.estimators.split(","):
        for case in cases:
            if estimator == "kernelgan" and time.monotonic() > deadline:
                continue
            found, seconds = find(case, estimator, scale=scale, folder=arguments.kernels, level=level)
            for solver in filter(None, arguments.solvers.split(",")):
                model = str(shared / "weights_elsewhere/usrnet/usrnet_tiny.pth") if solver == "usrnet" else solver
                told = dataclasses.replace(found, noise_std=found.noise_std if solver == "usrnet" else 0.0)
                upscaler = Upscaler(model, scale=scale, degradation=told, threads=1)
                psnr, taken = run(upscaler, case.lr, case.hr)
                rows[f"{estimator} + {solver}"].append((psnr, seconds + taken))
    for name, values in rows.items():
        psnr, taken = np.mean(values, axis=0)
        print(f"{name}: {psnr:.2f} dB, {taken:.1f} CPU s, {len(values)} images", flush=True)


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
) -> tuple[DegradationEstimate, float]:
    """Find the kernel of an image, or read the one that was kept; and CPU seconds."""
    if estimator == "true":
        return DegradationEstimate(centre_kernel(case.kernel), scale, noise_std=level / 255), 0.0
    kept = None if folder is None else folder / f"{case.name}-{estimator}-x{scale}-{level:g}.npz"
    noise = estimate_noise(case.lr.colour).noise_std if level else 0.0
    if kept is not None and kept.exists():
        stored = np.load(kept)
        return DegradationEstimate(stored["kernel"], scale, noise_std=noise), float(stored["seconds"])
    begun, note = time.process_time(), ""
    if estimator == "kernelgan":
        from kukkiri.blind import estimate_kernel_gan

        own = estimate_kernel_gan(case.lr.colour, scale=scale).kernel
        place = aligned_centre((own.shape[0], own.shape[1]), scale)
        shift = np.hypot(*np.subtract(centre_of_mass(own), place))
        kernel, note = centre_kernel(odd_sided(own)), f", shift {shift:.4f}"
    else:
        named: Estimator = next(each for each in get_args(Estimator) if each == estimator)
        estimate = estimate_degradation(case.lr.colour, scale=scale, estimator=named)
        kernel, note = estimate.kernel, f", {estimate.kind} {estimate.text}, confidence {estimate.confidence:.2f}"
    seconds = time.process_time() - begun
    first, second = (crop_kernel(centre_kernel(odd_sided(each)), size=33) for each in (kernel, case.kernel))
    error = np.linalg.norm(first - second) / np.linalg.norm(second)
    print(f"{case.name} {estimator} x{scale}: error {error:.3f}{note}, {seconds:.1f} CPU s", flush=True)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, kernel=kernel, seconds=seconds)
    return DegradationEstimate(kernel, scale, noise_std=noise), seconds


def run(upscaler: Upscaler, lr: Image, hr: NDArray[np.uint8]) -> tuple[float, float]:
    """PSNR of one result, and CPU seconds."""
    begun = time.process_time()
    sr: Any = quantize(upscaler(lr).colour, 8)
    return PROTOCOLS["y-mzsr"].score(hr, sr, scale=int(upscaler.scale)).psnr, time.process_time() - begun


def run_zssr(case: Case, scale: int, seed: int) -> tuple[float, float]:
    """PSNR of ZSSR with the bicubic kernel, and CPU seconds."""
    from kukkiri.adaptation import adapt

    begun = time.process_time()
    sr = adapt(case.aligned, scale=scale, method="zssr", seed=seed, guarded=False)(case.aligned)
    return PROTOCOLS["y-mzsr"].score(case.hr, sr, scale=scale).psnr, time.process_time() - begun


if __name__ == "__main__":
    main()
