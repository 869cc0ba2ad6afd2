"""Networks that are given the blur and the noise, by the true ones: MZSR's four kernels at x2, without and with noise.

    KUKKIRI_SHARED=... python benchmarks/conditioned.py MODEL [MODEL ...] [--set Set5] [--noise 0,5,15]

A model is a shipped one (``srmd-s-x2``), a name (``context``, ``srmd``) or a file, with what its file does not tell
after a comma (``srmdnf_x2.bin,basis=srmd_pca_matlab.mat``). PSNR on Y in the protocol y-mzsr (8-bit RGB, Y rounded, a
border of the scale cut), the mean over a set, LR rounded to 8 bit. A network of bicubic subsampling gets an LR of
direct subsampling that lies on the bicubic grid (marked "aligned"), and one of direct subsampling leaves bicubic rows
out. A network that does not take the noise gets the noisy image all the same (marked "noise not given"). Seconds are
the mean CPU time.

``--scale 1`` deblurs (DPSR's prior). ``--kernels`` takes other kernels, with semicolons; ``--side 128`` crops of that
many pixels from the middle of each image, for solvers that take a minute for a whole one.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from kukkiri.evaluation import ConditionedModel, evaluate_many
from kukkiri.images import Image, read_image
from kukkiri.inference import Upscaler
from kukkiri.info import Condition

DIRECT = ("gaussian:0.2", "gaussian:2.0", "gaussian:4.0,1.0,-0.5")
BICUBIC = ("gaussian:1.3",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--set", default="Set5")
    parser.add_argument("--noise", default="0", help="levels of 255, with commas")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--kernels", help="before direct subsampling, with semicolons")
    parser.add_argument("--side", type=int, help="of crops from the middle of the images")
    arguments = parser.parse_args()
    data = Path(os.environ["KUKKIRI_SHARED"]) / "data" / arguments.set
    with tempfile.TemporaryDirectory() as folder:
        images = data if arguments.side is None else crop_images(data, Path(folder) / data.name, side=arguments.side)
        run(arguments, images)


def crop_images(data: Path, folder: Path, *, side: int) -> Path:
    """Write squares from the middle of the images of a set."""
    folder.mkdir()
    for path in sorted(data.glob("*.png")):
        image = read_image(path).to_array()
        top, left = ((length - side) // 2 for length in image.shape[:2])
        Image.from_array(np.ascontiguousarray(image[top : top + side, left : left + side])).save(folder / path.name)
    return folder


def run(arguments: argparse.Namespace, data: Path) -> None:
    """Print a row for each model, kernel and noise."""
    direct = tuple(arguments.kernels.split(";")) if arguments.kernels else DIRECT
    cases = [(blur, "direct") for blur in direct]
    cases += [] if arguments.kernels else [(blur, "bicubic") for blur in BICUBIC]
    for text in arguments.models:
        model, *given = text.split(",")
        options = dict(each.split("=", 1) for each in given)
        options = {key: float(value) if key == "prior_noise" else value for key, value in options.items()}
        condition = read_condition(model, options, scale=arguments.scale)
        contender = ConditionedModel(model=model, gives_noise=condition.noise, model_args=options, threads=1)
        for blur, subsample in cases:
            if subsample == "bicubic" and condition.subsample == "direct":
                continue
            aligned = subsample == "direct" and condition.subsample == "bicubic"
            steps = f"{blur}+{subsample}{':aligned' if aligned else ''}"
            for level in map(float, arguments.noise.split(",")):
                noisy = f"{steps}+noise:{level / 255:.6g}" if level else steps
                marks = ["aligned"] * aligned + ["noise not given"] * bool(level and not condition.noise)
                print_row(contender, noisy, data, scale=arguments.scale, marks=marks)


def print_row(contender: ConditionedModel, degradation: str, data: Path, *, scale: int, marks: list[str]) -> None:
    """Score a model on a degradation."""
    begun = time.process_time()
    (found,) = evaluate_many([contender], data=data, scales=[scale], protocol="y-mzsr", degradation=degradation)
    scored = found.sets[data.name]
    seconds = (time.process_time() - begun) / len(scored.images)
    note = f" ({', '.join(marks)})" if marks else ""
    name, mean = f"{contender.name}: {degradation} x{scale}", scored.mean
    print(f"{name}: {mean.psnr:.2f} dB, {mean.ssim:.4f}{note}, {seconds:.2f} s", flush=True)


def read_condition(model: str, arguments: dict[str, str | float], *, scale: int) -> Condition:
    """Read what a model is given."""
    upscaler = Upscaler(model, scale=scale, degradation="gaussian:1.0", model_args=arguments or None)
    condition = upscaler.engines[0].info.condition
    if condition is None:
        raise SystemExit(f"{model}: is given nothing but the image")
    return condition


if __name__ == "__main__":
    main()
