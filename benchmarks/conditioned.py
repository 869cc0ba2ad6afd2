"""Networks that are told the blur and the noise, by the true ones: MZSR's four kernels at x2, without and with noise.

    KUKKIRI_SHARED=... python benchmarks/conditioned.py MODEL [MODEL ...] [--set Set5] [--noise 0,5,15]

A model is a shipped one (``context-x2-direct``) or a file, with the components of its kernels after a comma where it
needs them (``srmdnf_x2.bin,srmd_pca_matlab.mat``). PSNR on Y in the protocol y-mzsr (8-bit RGB, Y rounded, a border of
the scale cut), the mean over a set, LR rounded to 8 bit. A network of bicubic subsampling gets an LR of direct
subsampling that lies on the bicubic grid (marked "aligned"), and one of direct subsampling leaves bicubic rows out. A
network that is not told the noise gets the noisy image all the same (marked "untold"). Seconds are the mean CPU time.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np

from kukkiri.degradations import Degradation, DegradationRequest
from kukkiri.images import quantize, read_image
from kukkiri.inference import Upscaler
from kukkiri.info import Condition
from kukkiri.metrics import PROTOCOLS

SCALE = 2
CASES = (
    ("gaussian:0.2", "direct"),
    ("gaussian:2.0", "direct"),
    ("gaussian:4.0,1.0,-0.5", "direct"),
    ("gaussian:1.3", "bicubic"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--set", default="Set5")
    parser.add_argument("--noise", default="0", help="levels of 255, with commas")
    arguments = parser.parse_args()
    paths = sorted((Path(os.environ["KUKKIRI_SHARED"]) / "data" / arguments.set).glob("*.png"))
    for text in arguments.models:
        model, _, basis = text.partition(",")
        given = {"basis": basis} if basis else None
        condition = read_condition(model, given)
        for blur, subsample in CASES:
            if subsample == "bicubic" and condition.subsample == "direct":
                continue
            for level in arguments.noise.split(","):
                row(model, given, condition, blur, subsample, float(level) / 255, paths)


def read_condition(model: str, arguments: dict[str, str] | None) -> Condition:
    """Read what a model is told."""
    upscaler = Upscaler(model, scale=SCALE, degradation="gaussian:1.0", model_args=arguments)
    condition = upscaler.engines[0].info.condition
    if condition is None:
        raise SystemExit(f"{model}: is told nothing but the image")
    return condition


def row(
    model: str,
    arguments: dict[str, str] | None,
    condition: Condition,
    blur: str,
    subsample: str,
    noise_std: float,
    paths: list[Path],
) -> None:
    """Print one row."""
    told = noise_std if condition.noise else 0.0
    request = DegradationRequest(blur, condition.subsample, noise_std=told)
    upscaler = Upscaler(model, scale=SCALE, degradation=request, model_args=arguments, threads=1)
    aligned = subsample == "direct" and condition.subsample == "bicubic"
    steps = f"{blur}+{subsample}{':aligned' if aligned else ''}" + (f"+noise:{noise_std:.6g}" if noise_std else "")
    degradation = Degradation.parse(steps)
    scores, begun = [], time.process_time()
    for place, path in enumerate(paths):
        hr = quantize(read_image(path).colour, 8).astype(np.uint8)
        hr = np.repeat(hr, 3, axis=2) if hr.shape[2] == 1 else hr
        hr = hr[: hr.shape[0] // SCALE * SCALE, : hr.shape[1] // SCALE * SCALE]
        lr = degradation.apply(hr, scale=SCALE, seed=place)
        scores.append(PROTOCOLS["y-mzsr"].score(hr, upscaler(lr), scale=SCALE).psnr)
    marks = [mark for mark, holds in {"aligned": aligned, "untold": bool(noise_std and not told)}.items() if holds]
    seconds = (time.process_time() - begun) / len(paths)
    note = f" ({', '.join(marks)})" if marks else ""
    print(f"{Path(model).name}: {steps} x{SCALE}: {np.mean(scores):.2f} dB{note}, {seconds:.2f} s", flush=True)


if __name__ == "__main__":
    main()
