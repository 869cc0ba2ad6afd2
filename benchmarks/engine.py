"""The share of the machine's peak that the upscaler reaches, and the stages that take the rest of the time.

    python benchmarks/engine.py [--model balanced ...] [--scale 2] [--megapixels 12] [--runs 3] [--threads N] [--json]

First the machine: multiply-adds in a second of a large float32 matrix product in NumPy, and of a product and a 3x3
convolution with 64 features in ONNX Runtime. Then each model from PNG file to PNG file: seconds by stage, and the share
of the best of the three that the network alone reaches and that all of it reaches, at the same number of threads.
Everything in one run, the best of the runs. Wall time is what a user waits; CPU time does not count what other
programs take, but counts the threads of ONNX Runtime that wait, so that it wants --threads 1.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kukkiri.images import read_image
from kukkiri.inference import PRESETS
from kukkiri.profiling.stages import STAGES, Stages, measure_peak, measure_stages

Peak = tuple[float, float]


def main() -> int:
    options = parse()
    peaks = {"NumPy, product": measure_peak(runs=options.runs), **runtime_peaks(options.threads, runs=options.runs)}
    image = None if options.image is None else read_image(options.image).to_array()
    models = {
        name: measure_stages(
            name,
            scale=options.scale,
            megapixels=options.megapixels,
            runs=options.runs,
            threads=options.threads,
            image=image,
        )
        for name in options.model
    }
    best = tuple(max(peak[clock] for peak in peaks.values()) for clock in (0, 1))
    if options.json:
        print(json.dumps(as_json(options, peaks, models, best)))
    else:
        report(options, peaks, models, best)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [name for name, preset in PRESETS.items() if not preset.ensemble]
    parser.add_argument("--model", nargs="+", default=names, help="presets, shipped ids or files")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--megapixels", type=float, default=12.0, help="of the result")
    parser.add_argument("--runs", type=int, default=3, help="the quickest counts")
    parser.add_argument("--threads", type=int, default=None, help="of the engine; all by default")
    parser.add_argument("--image", type=Path, help="RGB image to be repeated to size; synthetic by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def runtime_peaks(threads: int | None, *, runs: int) -> dict[str, Peak]:
    """ONNX Runtime's own best: a product of 1024x1024 matrices, and a convolution on 64 maps of 256x256."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    generator = np.random.default_rng(0)
    cases: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
        "ONNX Runtime, product": (
            "MatMul",
            generator.random((1024, 1024), dtype=np.float32),
            generator.random((1024, 1024), dtype=np.float32),
            {},
        ),
        "ONNX Runtime, convolution": (
            "Conv",
            generator.random((1, 64, 256, 256), dtype=np.float32),
            generator.random((64, 64, 3, 3), dtype=np.float32),
            {"pads": [1, 1, 1, 1]},
        ),
    }
    peaks = {}
    for name, (kind, x, weights, attributes) in cases.items():
        graph = helper.make_graph(
            [helper.make_node(kind, ["x", "w"], ["y"], **attributes)],
            kind,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [onnx.numpy_helper.from_array(weights, "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = threads or 0
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), session_options, providers=["CPUExecutionProvider"]
        )
        count = x.size // x.shape[1] * weights.size if kind == "Conv" else x.size * weights.shape[1]
        peaks[name] = fastest(lambda session=session, x=x: session.run(None, {"x": x}), count=count, runs=runs)
    return peaks


def fastest(run: Callable[[], Any], *, count: int, runs: int) -> Peak:
    """``count`` over the wall and the CPU seconds of the best run; the first warms up."""
    times = []
    for _ in range(runs + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    walls, cpus = zip(*times[1:], strict=True)
    return count / min(walls), count / min(cpus)


def as_json(
    options: argparse.Namespace, peaks: dict[str, Peak], models: dict[str, Stages], best: tuple[float, ...]
) -> dict[str, Any]:
    return {
        "scale": options.scale,
        "threads": options.threads,
        "peaks": {name: {"wall": wall, "cpu": cpu} for name, (wall, cpu) in peaks.items()},
        "models": {
            name: {
                "output_size": stages.output_size,
                "multiply_adds": stages.multiply_adds,
                "seconds": stages.seconds,
                "cpu_seconds": stages.cpu_seconds,
                "share_of_peak": {"network": stages.share(best[0], network_only=True), "all": stages.share(best[0])},
                "share_of_peak_cpu": {
                    "network": stages.share(best[1], network_only=True, cpu=True),
                    "all": stages.share(best[1], cpu=True),
                },
            }
            for name, stages in models.items()
        },
    }


def report(
    options: argparse.Namespace, peaks: dict[str, Peak], models: dict[str, Stages], best: tuple[float, ...]
) -> None:
    print(f"{'10^9 multiply-adds in a second of':<36}{'wall time':>12}{'CPU':>12}")
    for name, (wall, cpu) in peaks.items():
        print(f"{name:<36}{wall / 1e9:>12.1f}{cpu / 1e9:>12.1f}")
    for clock, title in enumerate(("wall", "CPU")):
        print(f"\n{title} seconds, x{options.scale}, {options.threads or 'all'} threads, PNG to PNG")
        heads = "".join(f"{name:>9}" for name in STAGES)
        print(f"{'model':<18}{'size':>11}{heads}{'total':>9}{'network':>10}{'all':>8} of the peak")
        for name, stages in models.items():
            times = stages.cpu_seconds if clock else stages.seconds
            cells = "".join(f"{times[stage]:>9.3f}" for stage in STAGES)
            size = f"{stages.output_size[1]}x{stages.output_size[0]}"
            shares = [stages.share(best[clock], network_only=alone, cpu=bool(clock)) for alone in (True, False)]
            network, whole = ("-" if share is None else f"{100 * share:.0f} %" for share in shares)
            print(f"{name:<18}{size:>11}{cells}{sum(times.values()):>9.3f}{network:>10}{whole:>8}")


if __name__ == "__main__":
    sys.exit(main())
