"""8-bit integers: PSNR lost and time gained by static quantization of a shipped network.

    python benchmarks/int8.py --model plain-m-x2 --data Set5 --calibration TRAINING_IMAGES [--first 16] [--runs 9]

Static quantization of ONNX Runtime (QDQ, weights for each channel) is calibrated on the middle of bicubic LR images of
the first training images. PSNR is y-matlab. Time is process CPU time of the network alone on luma of 500x500 pixels,
one thread, the variants in turns; the smallest counts. Needs the package onnx.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from kukkiri import pretrained
from kukkiri.degradations import Degradation
from kukkiri.evaluation import find_sets
from kukkiri.evaluation.contenders import TestPair, make_test_pair
from kukkiri.files import list_images
from kukkiri.images import read_image
from kukkiri.inference import OnnxEngine, Upscaler
from kukkiri.metrics import PROTOCOLS

PROTOCOL = PROTOCOLS["y-matlab"]
SIDE = 128  # of a calibration patch in LR pixels
STUDIO = np.array([65.481, 128.553, 24.966], dtype=np.float32) / 255


class Patches(CalibrationDataReader):
    """Luma of training images as the network sees it."""

    def __init__(self, folder: Path, *, scale: int, first: int, name: str) -> None:
        self._feeds = iter([{name: patch} for patch in read_patches(folder, scale=scale, first=first)])

    def get_next(self) -> dict[str, Any] | None:
        return next(self._feeds, None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="plain-m-x2")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of HR images")
    parser.add_argument("--calibration", type=Path, required=True, help="folder of training images")
    parser.add_argument("--first", type=int, default=16, help="training images")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    graph = pretrained.locate(options.model, ".onnx")
    scale = OnnxEngine(graph, threads=1).info.scale
    with tempfile.TemporaryDirectory() as folder:
        graphs = {"float32": graph}
        for narrow in (False, True):
            name = f"int8, weights of {7 if narrow else 8} bits"
            graphs[name] = Path(folder) / f"{options.model}-{narrow}.onnx"
            patches = Patches(options.calibration, scale=scale, first=options.first, name="lr")
            quantize(graph, graphs[name], patches, narrow=narrow)
        print(
            f"{options.model}, {read_processor()}\n\n| | CPU time | {' | '.join(each.name for each in options.data)} |"
        )
        print("|---|---|" + "---|" * len(options.data))
        times = measure({name: OnnxEngine(path, threads=1) for name, path in graphs.items()}, runs=options.runs)
        for name, path in graphs.items():
            upscaler = Upscaler(path, threads=1)
            scores = [score(upscaler, read_pairs(each, scale=scale), scale=scale) for each in options.data]
            cells = " | ".join(f"{value:.3f}" for value in scores)
            print(f"| {name} | {times[name] / times['float32']:.2f} | {cells} |", flush=True)
    return 0


def quantize(graph: Path, target: Path, patches: Patches, *, narrow: bool) -> None:
    """Write the graph in 8 bits; ``narrow`` avoids the overflow of 16-bit sums on processors without VNNI."""
    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(graph, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        target,
        patches,
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=narrow,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        op_types_to_quantize=["Conv"],
    )


def read_patches(folder: Path, *, scale: int, first: int) -> Iterator[Any]:
    """(1, 1, SIDE, SIDE): luma of LR images, their middle."""
    degradation = Degradation.parse("bicubic")
    for path in list_images(folder)[:first]:
        hr = read_image(path).colour
        hr = hr if hr.dtype == np.uint8 else np.round(255 * hr).astype(np.uint8)
        height, width = (side // scale * scale for side in hr.shape[:2])
        lr = degradation.apply(hr[:height, :width, :3], scale=scale, seed=0).astype(np.float32)
        top, left = ((side - SIDE) // 2 for side in lr.shape[:2])
        patch = lr[max(0, top) :, max(0, left) :][:SIDE, :SIDE]
        yield ((16 + patch @ STUDIO) / 255)[None, None].astype(np.float32)


def read_pairs(folder: Path, *, scale: int) -> list[TestPair]:
    images = [image for test_set in find_sets(folder) for image in test_set.images(scale=scale)]
    return [make_test_pair(image, PROTOCOL, Degradation.parse("bicubic"), scale=scale) for image in images]


def score(upscaler: Upscaler, pairs: Sequence[TestPair], *, scale: int) -> float:
    """Mean PSNR in dB."""
    return float(np.mean([PROTOCOL.score(pair.hr, upscaler(pair.lr), scale=scale).psnr for pair in pairs]))


def measure(engines: dict[str, OnnxEngine], *, runs: int) -> dict[str, float]:
    """CPU seconds by name."""
    lr = np.random.default_rng(0).random((1, 1, 500, 500), dtype=np.float32)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(runs + 1):
        for name, engine in engines.items():
            begun = time.process_time()
            engine.run(lr)
            times[name].append(time.process_time() - begun)
    return {name: min(found[1:]) for name, found in times.items()}


def read_processor() -> str:
    """The processor and its instructions for 8-bit products."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "processor unknown"
    name = re.search(r"model name\s*:\s*(.*)", text)
    found = sorted(set(re.findall(r"\b(avx2|avx512f|avx_vnni|avx512_vnni|amx_int8)\b", text)))
    return f"{name[1] if name else 'processor unknown'}: {' '.join(found) or 'none of AVX2, VNNI, AMX'}"


if __name__ == "__main__":
    sys.exit(main())
