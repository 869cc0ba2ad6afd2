"""IKC's estimate of isotropic Gaussians beside that of the power spectrum and the true one, for the same network.

    KUKKIRI_SHARED=... python benchmarks/ikc.py runs/ikc-s-x2 [--set Set5] [--widths 0.6,0.8,1.2,1.6,1.8]

The folder is that of a run of the kind ``correction`` with a network of covariances. LR is blurred by a Gaussian of
these standard deviations in HR pixels, then downscaled bicubically, 8 bit. PSNR on Y in the protocol y-mzsr, the mean
over a set. ``best`` is plain upscaling; ``spectrum`` and ``ikc`` use the estimate where it is trusted, and ``ikc,
always`` has no guard. ``width`` is the mean of the estimates' widths. Seconds are the mean CPU time of an image on one
thread with everything loaded.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation, DegradationRequest, crop_to_multiple
from kukkiri.images import Image, quantize, read_image
from kukkiri.inference import Upscaler
from kukkiri.inference.conditioned import ConditionedEngine
from kukkiri.metrics import PROTOCOLS

SCALE = 2


@dataclass
class Found:
    """Measurements of one way."""

    psnr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    used: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--set", default="Set5")
    parser.add_argument("--widths", default="0.6,0.8,1.2,1.6,1.8", help="standard deviations, with commas")
    arguments = parser.parse_args()
    paths = sorted((Path(os.environ["KUKKIRI_SHARED"]) / "data" / arguments.set).glob("*.png"))
    weights = arguments.run / "weights.safetensors"
    files = {name: str(arguments.run / f"{name}.safetensors") for name in ("predictor", "corrector")}
    request = DegradationRequest("estimate", "bicubic", "ikc")
    always = Upscaler(weights, scale=SCALE, model_args=files, threads=1)
    ways = {
        "best": Upscaler("best", scale=SCALE, threads=1),
        "spectrum": Upscaler(scale=SCALE, degradation=DegradationRequest("estimate", "bicubic"), threads=1),
        "ikc": Upscaler(weights, scale=SCALE, model_args=files, degradation=request, threads=1),
        "ikc, always": always,
    }
    (engine,) = ways["ikc"].engines
    find_covariance = engine.find_covariance if isinstance(engine, ConditionedEngine) else None
    if find_covariance is None:
        raise SystemExit(f"{weights}: not a network of covariances with its estimators")
    for width in map(float, arguments.widths.split(",")):
        known = DegradationRequest(f"gaussian:{width**2:g}", "bicubic")
        both = {**ways, "known": Upscaler(scale=SCALE, degradation=known, threads=1)}
        row(width, paths, both, find_covariance)


def row(
    width: float,
    paths: list[Path],
    ways: dict[str, Upscaler],
    find_covariance: Callable[[NDArray[np.uint8]], tuple[float, float, float]],
) -> None:
    """Print one row."""
    found = {name: Found() for name in ways}
    widths: dict[str, list[float]] = {"spectrum": [], "ikc": []}
    degradation = Degradation.parse(f"gaussian:{width**2:g}+bicubic")
    for path in paths:
        hr = quantize(crop_to_multiple(read_image(path).colour, SCALE), 8).astype(np.uint8)
        lr = np.asarray(degradation.apply(hr, scale=SCALE))
        image = Image.from_array(lr)
        for name, upscaler in ways.items():
            begun = time.process_time()
            suited = upscaler.suited(image)
            sr = suited(image).colour
            found[name].seconds.append(time.process_time() - begun)
            found[name].used += suited.degradation is not None
            levels = quantize(np.clip(sr, 0, 1), 8).astype(np.uint8)
            found[name].psnr.append(PROTOCOLS["y-mzsr"].score(hr, levels, scale=SCALE).psnr)
            if name == "spectrum" and suited.degradation is not None:
                widths[name].append(float(np.mean(suited.degradation.widths)))
        xx, yy, _ = find_covariance(lr)
        widths["ikc"].append(float(np.sqrt(max((xx + yy) / 2, 0.0))))
    cells = [f"{name} {np.mean(each.psnr):.2f} dB ({np.mean(each.seconds):.2f} s)" for name, each in found.items()]
    used = [f"{name} {found[name].used}/{len(paths)}" for name in widths]
    estimates = [f"{name} {np.mean(each):.2f}" for name, each in widths.items() if each]
    print(f"width {width:g}: {', '.join(cells)}; used {', '.join(used)}; width {', '.join(estimates)}", flush=True)


if __name__ == "__main__":
    main()
