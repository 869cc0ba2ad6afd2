"""Accuracy of blur kernel estimation: the table of docs/results/kernel-estimation.md.

    KUKKIRI_SHARED=... python benchmarks/kernels.py [--images N] [--scales 3,4]

Photographs are blurred by a known kernel and subsampled so that they lie on the bicubic grid, rounded
to 8 bit. Scores: the error of the centred kernel, |k - k_true| / |k_true|, and the luma PSNR of a
non-blind method with each kernel: the exact minimizer of

    |(k * x) subsampled - lr|^2 + w |x - bicubic(lr)|^2

(Zhao et al., "Fast single image super-resolution using a new analytical solution for l2-l2 problems", IEEE TIP 2016).
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pyvips

from kukkiri.degradations import (
    Degradation,
    align_kernel,
    bicubic_kernel,
    crop_kernel,
    estimate_gaussian,
    estimate_kernel,
    flip_kernel,
)
from kukkiri.images import rgb_to_y
from kukkiri.metrics import psnr
from kukkiri.resampling import resize

IMAGES = (
    "es_station4",
    "krank_level-14",
    "es_city11",
    "lomiri16_life_by_Aitzol_Berasategi",
    "palapeli_european-honey-bee",
    "skimage_motorcycle_left",
    "es_city4",
    "e17_Sea-of-Lanterns",
    "jxl_flower",
)
CASES = (
    ("gaussian:0.5", 2, ""),
    ("gaussian:2.0", 2, ""),
    ("gaussian:4.0,1.0,-0.5", 2, ""),
    ("gaussian:2.0", 2, "+noise:0.01"),
    ("motion:6.0,0.6", 2, ""),
    ("disk:2.0", 2, ""),
    ("gaussian:4.5", 3, ""),
    ("gaussian:2.0", 4, ""),
    ("gaussian:8.0", 4, ""),
)
SIDE, SIZE, BORDER, WEIGHT = 512, 21, 24, 0.01


def restore(lr, kernel, *, scale):
    """The minimizer above, by Fourier transforms with a periodic border."""
    prior = resize(lr, scale=scale)
    spectrum = np.zeros(prior.shape)
    flipped = flip_kernel(kernel)  # a spectrum multiplies convolutions, kernels here correlate
    middle = (len(flipped) - 1) // 2
    spectrum[: len(flipped), : len(flipped)] = flipped
    spectrum = np.fft.fft2(np.roll(spectrum, (-middle, -middle), axis=(0, 1)))
    spread = np.zeros(prior.shape)
    spread[::scale, ::scale] = lr
    right = np.conj(spectrum) * np.fft.fft2(spread) + WEIGHT * np.fft.fft2(prior)

    def fold(values):
        height, width = lr.shape
        return values.reshape(scale, height, scale, width).mean(axis=(0, 2))

    correction = fold(spectrum * right) / (fold(np.abs(spectrum) ** 2) + WEIGHT)
    return np.fft.ifft2((right - np.conj(spectrum) * np.tile(correction, (scale, scale))) / WEIGHT).real


def score(kernel, truth, lr, hr, *, scale):
    """(relative error, PSNR) of a centred kernel."""
    error = np.linalg.norm(crop_kernel(kernel, size=SIZE) - truth) / np.linalg.norm(truth)
    aligned = crop_kernel(align_kernel(kernel, scale=scale), size=2 * (SIZE // 2 + scale) + 1)
    return error, psnr(hr, restore(lr, aligned, scale=scale), border=BORDER, data_range=1.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=len(IMAGES), help="number of photographs, up to 9")
    parser.add_argument("--scales", default="2,3,4", help="rows of these, with commas between")
    arguments = parser.parse_args()
    names = IMAGES[: arguments.images]
    folder = Path(os.environ["KUKKIRI_SHARED"]) / "data" / "FreeVal16"
    print(f"{len(names)} photographs: {', '.join(names)}\n")
    print("| kernel | scale | true kernel | bicubic's | Gaussian, from the spectrum | any shape, from patches |")
    print("|---|---|---|---|---|---|")
    seconds = {"spectrum": [], "patches": []}
    scales = [int(each) for each in arguments.scales.split(",")]
    for text, scale, damage in CASES:
        if scale not in scales:
            continue
        rows = []
        for name in names:
            levels = pyvips.Image.new_from_file(str(folder / f"{name}.png"))[:3].numpy()[:SIDE, :SIDE]
            levels = levels[: levels.shape[0] // scale * scale, : levels.shape[1] // scale * scale]
            degradation = Degradation.parse(f"{text}+direct:aligned{damage}")
            small = degradation.apply(levels, scale=scale, seed=0)
            lr, hr = rgb_to_y(small / 255.0), rgb_to_y(levels / 255.0)
            begun = time.process_time()
            spectrum = estimate_gaussian(small, scale=scale).kernel(size=SIZE)
            between = time.process_time()
            patches = estimate_kernel(small, scale=scale).kernel
            seconds["spectrum"].append(between - begun)
            seconds["patches"].append(time.process_time() - between)
            truth = crop_kernel(Degradation.parse(f"{text}+direct").blur_kernel(0, scale=scale), size=SIZE)
            kernels = (truth, bicubic_kernel(scale, aligned=False), spectrum, patches)
            rows.append([score(kernel, truth, lr, hr, scale=scale) for kernel in kernels])
        means = np.mean(rows, axis=0)
        cells = [f"{means[0][1]:.2f} dB"] + [f"{e:.2f}, {p - means[0][1]:+.2f} dB" for e, p in means[1:]]
        print(f"| `{text}{damage}` | {scale} | " + " | ".join(cells) + " |", flush=True)
    print("\nCPU seconds for one image: " + ", ".join(f"{k} {np.median(v):.2f}" for k, v in seconds.items()))


if __name__ == "__main__":
    main()
