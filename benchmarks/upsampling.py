"""Time of the five heads and of every exact rewrite, in torch and in ONNX Runtime, in one process.

    python benchmarks/upsampling.py --size 128 --repeats 7

Original and rewrite run alternately; a time is the CPU milliseconds of one thread of the fastest run, so that
other load has little effect. Equal outputs are asserted (1e-5 of the largest value). At a ratio above 1 the rewrite is
faster. One line per case; --json prints one object instead.
"""

import argparse
import io
import json
import logging
import time
import warnings
from collections.abc import Callable

import numpy as np
import onnxruntime
import torch
from torch import nn

from kukkiri.upsampling import UPSAMPLERS, ResizeConv, SubPixelConv, TransposedConv
from kukkiri.upsampling.rewrites import (
    FixedFilter,
    ParallelBranches,
    PointwiseThenConv,
    merge_branches,
    merge_convolutions,
    resize_to_sub_pixel,
    sub_pixel_to_transposed,
    transposed_to_sub_pixel,
)


def transposed(kernel: int, scale: int, inputs: int, outputs: int, form: str):
    layer = TransposedConv(channels_in=inputs, channels_out=outputs, scale=scale, kernel_size=kernel)
    name = f"transposed k{kernel} s{scale} {inputs}->{outputs} as sub-pixel ({form})"
    return name, inputs, layer, transposed_to_sub_pixel(layer.conv, form=form)


def resized(mode: str, kernel: int, scale: int, inputs: int, outputs: int):
    layer = ResizeConv(channels_in=inputs, channels_out=outputs, scale=scale, kernel_size=kernel, mode=mode)
    name = f"{mode} x{scale} + conv {kernel}x{kernel} {inputs}->{outputs} as sub-pixel"
    return name, inputs, layer, resize_to_sub_pixel(layer)


def sequential(first: int, second: int, widths: tuple[int, int, int]):
    a, b, c = widths
    layers = nn.Conv2d(a, b, first, padding=first // 2), nn.Conv2d(b, c, second, padding=second // 2)
    name = f"conv {first}x{first} {a}->{b}, conv {second}x{second} {b}->{c} as one"
    return name, a, nn.Sequential(*layers), merge_convolutions(*layers)


def parallel(width: int):
    branches = [
        nn.Conv2d(width, width, 3, padding=1),
        PointwiseThenConv(nn.Conv2d(width, 2 * width, 1), nn.Conv2d(2 * width, width, 3)),
        *(nn.Sequential(FixedFilter(width, name=name), nn.BatchNorm2d(width)) for name in FixedFilter.FILTERS),
        nn.Identity(),
    ]
    block = ParallelBranches(branches).eval()
    return f"six branches {width}->{width} as one 3x3", width, block, merge_branches(block.branches, channels=width)


def cases() -> list[tuple[str, int, nn.Module, nn.Module]]:
    found = [
        transposed(kernel, scale, inputs, outputs, form)
        for kernel, scale, inputs, outputs in (
            (4, 2, 64, 64),
            (4, 2, 16, 16),
            (4, 2, 64, 3),
            (4, 2, 32, 1),
            (6, 3, 32, 1),
            (9, 3, 56, 1),
            (9, 2, 56, 1),
            (8, 4, 32, 1),
            (6, 3, 32, 32),
            (6, 2, 64, 64),
            (9, 3, 32, 32),
        )
        for form in ("crop", "dense")
    ]
    found += [
        resized(mode, kernel, scale, inputs, outputs)
        for mode in ("nearest", "bilinear")
        for kernel, scale, inputs, outputs in (
            (3, 2, 64, 64),
            (3, 2, 64, 3),
            (3, 2, 16, 16),
            (3, 3, 32, 1),
            (5, 2, 32, 32),
        )
    ]
    for scale, outputs in ((2, 1), (2, 3), (3, 1), (3, 3), (4, 1), (4, 3), (2, 64)):
        layer = SubPixelConv(channels_in=32, channels_out=outputs, scale=scale)
        nn.init.zeros_(layer.conv.bias)
        name = f"sub-pixel k3 x{scale} 32->{outputs} as transposed"
        found.append((name, 32, layer, sub_pixel_to_transposed(layer.conv, scale=scale)))
    found += [
        sequential(3, 1, (32, 64, 32)),
        sequential(1, 3, (32, 64, 32)),
        sequential(1, 1, (32, 64, 32)),
        sequential(3, 3, (16, 64, 16)),
        parallel(16),
        parallel(32),
    ]
    return found


def runner(module: nn.Module, lr: torch.Tensor, engine: str) -> Callable[[], np.ndarray]:
    """Return a function that runs the module on one engine and one thread."""
    if engine == "torch":

        def run() -> np.ndarray:
            with torch.inference_mode():
                return module(lr).numpy()

        return run
    file = io.BytesIO()
    rows, columns = torch.export.Dim("rows"), torch.export.Dim("columns")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(module, (lr,), dynamo=True, dynamic_shapes=({2: rows, 3: columns},), verbose=False)
    program.save(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    name, array = session.get_inputs()[0].name, lr.numpy()
    return lambda: session.run(None, {name: array})[0]


def milliseconds(runs: list[Callable[[], np.ndarray]], *, repeats: int) -> list[float]:
    """Return the shortest CPU time of each function, run alternately."""
    best = [float("inf")] * len(runs)
    for _ in range(repeats):
        for index, run in enumerate(runs):
            start = time.process_time()
            run()
            best[index] = min(best[index], 1000 * (time.process_time() - start))
    return best


def compare(
    original: nn.Module, other: nn.Module, lr: torch.Tensor, *, engine: str, repeats: int
) -> tuple[float, float]:
    runs = [runner(module, lr, engine) for module in (original, other)]
    expected, found = (run() for run in runs)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1.0, float(np.abs(expected).max())))
    first, second = milliseconds(runs, repeats=repeats)
    return first, second


def heads(size: int, *, engine: str, repeats: int) -> dict[str, float]:
    lr = torch.rand(1, 32, size, size)
    layers = {name: make(channels_in=32, channels_out=1, scale=3).eval() for name, make in UPSAMPLERS.items()}
    runs = [runner(layer, lr, engine) for layer in layers.values()]
    for run in runs:
        run()
    return dict(zip(layers, milliseconds(runs, repeats=repeats), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128, help="side of the LR input")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--engines", nargs="+", default=["torch", "onnxruntime"])
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    results: dict[str, dict[str, object]] = {"heads": {}, "rewrites": {}}
    for engine in options.engines:
        if not options.only:
            results["heads"][engine] = found = heads(options.size, engine=engine, repeats=options.repeats)
            if not options.json:
                for name, ms in sorted(found.items(), key=lambda entry: entry[1]):
                    print(f"{engine:12} head {name:16} 32->1 x3 {ms:8.1f} ms", flush=True)
    for name, channels, original, other in cases():
        if options.only not in name:
            continue
        lr = torch.rand(1, channels, options.size, options.size)
        row = {}
        for engine in options.engines:
            first, second = compare(original.eval(), other.eval(), lr, engine=engine, repeats=options.repeats)
            row[engine] = {"original_ms": first, "rewritten_ms": second, "ratio": first / second}
        results["rewrites"][name] = row
        if not options.json:
            text = "  ".join(
                f"{engine} {times['original_ms']:.1f} -> {times['rewritten_ms']:.1f} ms ({times['ratio']:.2f}x)"
                for engine, times in row.items()
            )
            print(f"{name:58} {text}", flush=True)
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
