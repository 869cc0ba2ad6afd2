"""Gradual ZSSR with a given kernel against ZSSR in one step, a table of docs/results/adaptation.md.

    KUKKIRI_SHARED=... python benchmarks/gradual.py [--images 2] [--steps 600] [--crop 64]

The first images of benchmarks/div2krk.py (x2, random kernels by DIV2KRK's recipe, LR on the bicubic grid), each with
the kernel that made it. Both have at most ``--steps`` steps in all: the six factors of ``gradual`` a sixth of them
each. PSNR on Y in the protocol y-mzsr, and CPU seconds, with bicubic interpolation beside them.
"""

import argparse
import dataclasses
import os
import time
from pathlib import Path

import numpy as np
from div2krk import make_cases

from kukkiri.adaptation import adapt, degradation_of
from kukkiri.adaptation.zssr import gradual_factors, settings_for
from kukkiri.degradations import align_kernel
from kukkiri.inference import Upscaler
from kukkiri.metrics import PROTOCOLS

SCALE = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2)
    parser.add_argument("--steps", type=int, default=600, help="of both ways, in all")
    parser.add_argument("--crop", type=int, default=64, help="side of the training crop in LR pixels")
    arguments = parser.parse_args()
    rule = PROTOCOLS["y-mzsr"]
    rows: dict[str, list[tuple[float, float]]] = {"bicubic": [], "one step": [], "gradual": []}
    cases = make_cases(Path(os.environ["KUKKIRI_SHARED"]), scale=SCALE, count=arguments.images, level=0.0)
    for seed, case in enumerate(cases):
        kernel = align_kernel(case.kernel, scale=SCALE)
        preset = settings_for(degradation_of(kernel, scale=SCALE))
        plain = Upscaler("bicubic", scale=SCALE)(case.aligned).to_array()
        rows["bicubic"].append((rule.score(case.hr, plain, scale=SCALE).psnr, 0.0))
        for name in ("one step", "gradual"):
            gradual = name == "gradual"
            steps = arguments.steps // (len(gradual_factors(SCALE)) if gradual else 1)
            settings = dataclasses.replace(preset, gradual=gradual, steps=steps, crop=arguments.crop, seed=seed)
            begun = time.process_time()
            fitted = adapt(case.aligned, scale=SCALE, kernel=kernel, settings=settings, guarded=False)
            psnr = rule.score(case.hr, fitted(case.aligned).to_array(), scale=SCALE).psnr
            rows[name].append((psnr, time.process_time() - begun))
            fit = fitted.fit
            assert fit is not None
            print(f"{case.name} {name}: {psnr:.2f} dB, {fit.steps} steps, by {fit.stopped}", flush=True)
    for name, values in rows.items():
        psnr, seconds = np.mean(values, axis=0)
        print(f"{name}: {psnr:.2f} dB, {seconds:.0f} CPU s, {len(values)} images", flush=True)


if __name__ == "__main__":
    main()
