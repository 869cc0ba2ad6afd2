"""The speed of a network in kukkiri, PyTorch eager and OpenCV's DNN module, on the same plane of pixels.

    python benchmarks/speed.py [--model espcn-x3] [--size 640x360] [--runs 30] [--threads N] [--json]

Everything happens in one process, the engines take turns, and medians and ratios are printed. What is timed is one
call of each engine on the same float32 tensor; all must give the same numbers to 1e-5. The whole image call (8-bit
RGB in and out, colour conversion, chroma) is timed apart, for kukkiri only. OpenCV is optional.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kukkiri.checkpoints import Loaded, describe, export_onnx, load
from kukkiri.errors import ModelError
from kukkiri.inference import OnnxEngine, Upscaler
from kukkiri.networks import NETWORKS

TOLERANCE = 1e-5


def main() -> int:
    options = parse()
    torch.set_num_threads(options.threads)
    loaded = find_model(options.model)
    width, height = (int(side) for side in options.size.split("x"))
    upscaled = loaded.info.scale if loaded.info.pre_upsampled else 1
    shape = (1, loaded.info.channels, height * upscaled, width * upscaled)
    lr = np.random.default_rng(0).random(shape, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{loaded.info.name}.onnx"
        export_onnx(loaded.module, path, info=loaded.info)
        engines = {"kukkiri": OnnxEngine(path, threads=options.threads).run, "pytorch eager": eager(loaded)}
        missing = {}
        try:
            engines["opencv dnn"] = opencv(path, threads=options.threads)
        except (ImportError, RuntimeError) as error:
            missing["opencv dnn"] = str(error)
        differences = agree(engines, lr)
        times = take_turns(engines, lr, runs=options.runs)
        image = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
        upscaler = Upscaler(path, threads=options.threads)
        whole = take_turns({"whole": upscaler}, image, runs=max(3, options.runs // 3))["whole"]
    report(options, loaded, times=times, differences=differences, whole=whole, missing=missing)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="espcn-x3", help="shipped id or file of torch weights")
    parser.add_argument("--size", default="640x360", help="WIDTHxHEIGHT of lr")
    parser.add_argument("--runs", type=int, default=30, help="of each engine")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each engine")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def find_model(name: str) -> Loaded:
    """The model, or, where it is not shipped, its network with random weights: the time is the same."""
    try:
        return load(name)
    except ModelError:
        network, _, scale = name.partition("-x")
        if network not in NETWORKS or not scale.isdigit():
            raise
        print(f"{name} is not shipped here: timing {network} with random weights", file=sys.stderr)
        torch.manual_seed(0)
        arguments = {"scale": int(scale)}
        module = NETWORKS[network](**arguments).eval()
        return Loaded(describe(module, name=name, arguments=arguments), module)


def eager(loaded: Loaded) -> Callable[[Any], Any]:
    """The module as a PyTorch user runs it, without gradients."""
    module, white = loaded.module, loaded.module.value_range

    def run(lr: Any) -> Any:
        with torch.inference_mode():
            return (
                module(torch.from_numpy(lr) * white) / white if white != 1 else module(torch.from_numpy(lr))
            ).numpy()

    return run


def opencv(path: Path, *, threads: int) -> Callable[[Any], Any]:
    """OpenCV's own engine on the same file."""
    import cv2

    cv2.setNumThreads(threads)
    try:
        net = cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as error:
        raise RuntimeError(f"OpenCV {cv2.__version__} cannot read the graph: {error.err}") from error

    def run(lr: Any) -> Any:
        net.setInput(lr)
        return net.forward()

    return run


def agree(engines: dict[str, Callable[[Any], Any]], lr: Any) -> dict[str, float]:
    """The largest difference of each engine to PyTorch, relative to the larger of white and the largest output."""
    expected = engines["pytorch eager"](lr)
    peak = max(1.0, float(np.abs(expected).max()))
    differences = {name: float(np.abs(run(lr) - expected).max()) / peak for name, run in engines.items()}
    for name, difference in differences.items():
        if not difference <= TOLERANCE:
            raise SystemExit(f"{name} differs from PyTorch by {difference:.1e}, allowed {TOLERANCE:.0e}")
    return differences


def take_turns(engines: dict[str, Callable[[Any], Any]], data: Any, *, runs: int) -> dict[str, list[float]]:
    """Milliseconds of each run; the first two of each engine warm it up and do not count."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(runs + 2):
        for name, run in engines.items():
            start = time.perf_counter()
            run(data)
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: values[2:] for name, values in times.items()}


def report(
    options: argparse.Namespace,
    loaded: Loaded,
    *,
    times: dict[str, list[float]],
    differences: dict[str, float],
    whole: list[float],
    missing: dict[str, str],
) -> None:
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratios = {name: statistics.median(np.divide(values, times["kukkiri"])) for name, values in times.items()}
    image = statistics.median(whole)
    if options.json:
        result = {
            "model": loaded.info.name,
            "size": options.size,
            "threads": options.threads,
            "median_ms": medians,
            "ratio_to_kukkiri": ratios,
            "largest_difference": differences,
            "image_ms": image,
            "missing": missing,
        }
        print(json.dumps(result))
        return
    print(f"{loaded.info.name}, {options.size}, {options.threads} threads, {options.runs} runs each, taking turns")
    print(f"{'engine':<15}{'median ms':>11}{'best ms':>10}{'x kukkiri':>11}{'difference':>12}")
    for name, values in times.items():
        print(f"{name:<15}{medians[name]:>11.1f}{min(values):>10.1f}{ratios[name]:>11.2f}{differences[name]:>12.1e}")
    for name, reason in missing.items():
        print(f"{name:<15}not timed: {reason}")
    print(f"whole 8-bit RGB image through kukkiri.Upscaler: {image:.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
