"""Kernels that no family of the estimator is exactly: whether ``--kernel estimate`` makes an image worse.

    KUKKIRI_SHARED=... python benchmarks/other_kernels.py [--kernels disk,box]

Set5 and every third image of Set14, x2, blurred by each kernel, every second pixel, 8 bit; PSNR on Y in the protocol
y-mzsr: ``estimate`` is what ``--kernel estimate`` makes of the image, ``plain`` the preset balanced on the same image,
``aligned`` balanced on an image of the same blur that lies on the bicubic grid, so that no shift counts against it.
One line for each image whose estimate is used, then for each kernel how many were, and the worst of both differences.
"""

import argparse
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from kukkiri.degradations import Degradation, crop_to_multiple, disk_kernel, gaussian_kernel, motion_kernel
from kukkiri.images import Image, quantize, read_image
from kukkiri.inference import Upscaler
from kukkiri.metrics import PROTOCOLS

TWO_PEAKS = np.zeros((9, 9))
TWO_PEAKS[2, 2] = TWO_PEAKS[6, 6] = 0.5
KERNELS = {
    "motion of 9 pixels at 45 degrees": motion_kernel(9, math.pi / 4),
    "disk of radius 1.5": disk_kernel(1.5),
    "Gaussian of variances 6 and 1": gaussian_kernel(6, 1, 0.8, size=25),
    "box of 3x3": np.full((3, 3), 1 / 9),
    "two peaks": TWO_PEAKS,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernels", default="", help="first words of their names, with commas between; nothing: all")
    words = tuple(word.strip().lower() for word in parser.parse_args().kernels.split(","))
    data = Path(os.environ["KUKKIRI_SHARED"]) / "data"
    paths = sorted((data / "Set5").glob("*.png")) + sorted((data / "Set14").glob("*.png"))[::3]
    estimating = Upscaler(scale=2, degradation="estimate", threads=1)
    plain = Upscaler("balanced", scale=2, threads=1)
    for name, kernel in KERNELS.items():
        if not name.lower().startswith(words):
            continue
        differences = []
        for path in paths:
            hr = quantize(crop_to_multiple(read_image(path).colour, 2), 8)
            lr, aligned = (
                Image.from_array(Degradation.from_kernel(kernel, method="direct", aligned=each).apply(hr, scale=2))
                for each in (False, True)
            )
            suited = estimating.suited(lr)
            if suited.degradation is None:
                print(f"{name}, {path.stem}: plain", flush=True)
                continue
            found, same, shifted = (score(hr, sr) for sr in (suited(lr), plain(lr), plain(aligned)))
            differences.append((found - same, found - shifted))
            about = suited.degradation
            print(
                f"{name}, {path.stem}: estimate {found:.2f}, plain {same:.2f}, aligned {shifted:.2f}, {about.text}, "
                f"confidence {about.confidence:.2f}",
                flush=True,
            )
        worst = np.min(differences, axis=0) if differences else (0.0, 0.0)
        used = f"used {len(differences)}/{len(paths)}"
        print(f"{name}: {used}, worst against plain {worst[0]:+.2f}, aligned {worst[1]:+.2f}", flush=True)


def score(hr: Any, sr: Image) -> float:
    """PSNR of one image."""
    levels: Any = quantize(sr.colour, 8)
    hr, levels = (np.repeat(each, 3, axis=2) if each.shape[2] == 1 else each for each in (hr, levels))
    return PROTOCOLS["y-mzsr"].score(hr, levels, scale=2).psnr


if __name__ == "__main__":
    main()
