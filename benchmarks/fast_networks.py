"""PSNR against milliseconds of small networks: trains the candidates briefly, times them, prints a table.

    python benchmarks/fast_networks.py train --data FOLDER --validation FOLDER [--only NAME,NAME]
    python benchmarks/fast_networks.py table

All candidates: x2, the same data, seed, 1,000 steps of 16 patches of 32x32 LR pixels, L1, SOAP at 3e-3 unless the
name says Adam. PSNR: FreeVal16, ``y-matlab``, the averaged weights. Time: process CPU time of ONNX Runtime with one
thread on a 640x360 plane (RGB: three), lower quartile of interleaved runs, per megapixel of output; it excludes the
colour conversion and the bicubic interpolation of the chroma beside a luma network.
"""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kukkiri.checkpoints import describe, export_onnx, load
from kukkiri.inference import OnnxEngine
from kukkiri.training import Recipe, train

SIZE = (360, 640)
RUNS = 9


@dataclass(frozen=True)
class Candidate:
    """A network, and the fields of its recipe that differ from the common ones."""

    network: str
    arguments: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)


ADAM = {"optimizer": "adam", "betas": (0.9, 0.99), "learning_rate": 2e-3}
CANDIDATES = {
    "plain 16x4": Candidate("plain", {"width": 16, "depth": 4}),
    "plain 16x4, Adam": Candidate("plain", {"width": 16, "depth": 4}, ADAM),
    "plain 16x4, not centred": Candidate("plain", {"width": 16, "depth": 4}, {"centre": 0.0}),
    "plain 32x4": Candidate("plain", {"width": 32, "depth": 4}),
    "plain 32x6": Candidate("plain", {"width": 32, "depth": 6}),
    "plain 32x10": Candidate("plain", {"width": 32, "depth": 10}),
    "plain 32x4 of 2x2 blocks": Candidate("plain", {"width": 32, "depth": 4, "unshuffle": 2}),
    "plain 48x5 of 2x2 blocks": Candidate("plain", {"width": 48, "depth": 5, "unshuffle": 2}),
    "plain 32x6, RGB": Candidate("plain", {"width": 32, "depth": 6, "colour": "rgb"}),
    "ECBSR M4C16": Candidate("ecbsr", {"width": 16, "depth": 4}),
    "ECBSR M4C16, Adam": Candidate("ecbsr", {"width": 16, "depth": 4}, ADAM),
    "ECBSR M4C16, no branches": Candidate("ecbsr", {"width": 16, "depth": 4, "deployed": True}),
    "ESPCN": Candidate("espcn", {}, {"initialization": "whitened", "learning_rate": 1e-3}),
    "FSRCNN": Candidate("fsrcnn", {}, {"initialization": "interpolator"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("train", "table"))
    parser.add_argument("--data", default="data/train")
    parser.add_argument("--validation", default="data/FreeVal16")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", default=",".join(CANDIDATES).replace(", ", "; "), help="names, split by commas")
    options = parser.parse_args()
    names = [name.replace("; ", ", ") for name in options.only.split(",")]
    if options.action == "train":
        for name in names:
            train(recipe(name, options), resume=True)
            print("trained", name, flush=True)
    else:
        table(names, options.runs)


def recipe(name: str, options: argparse.Namespace) -> Recipe:
    candidate = CANDIDATES[name]
    values: dict[str, Any] = {
        "name": folder_name(name),
        "network": candidate.network,
        "scale": 2,
        "arguments": candidate.arguments,
        "data": options.data,
        "validation": options.validation,
        "output": str(options.runs),
        "centre": 0.45,
        "optimizer": "soap",
        "betas": (0.95, 0.95),
        "learning_rate": 3e-3,
        "steps": 1_000,
        "threads": 1,
        "validate_every": 1_000,
    }
    return Recipe(**{**values, **candidate.training})


def folder_name(name: str) -> str:
    return "fast-" + "-".join(name.lower().replace(",", "").split())


def table(names: list[str], runs: Path) -> None:
    """One row for each trained candidate, sorted by time."""
    trained = [name for name in names if (runs / folder_name(name) / "weights.safetensors").exists()]
    engines, counts, scores = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in trained:
            run = runs / folder_name(name)
            module = load(run / "weights.safetensors").module.deployed()
            arguments = {**CANDIDATES[name].arguments, "scale": 2}
            graph = Path(folder) / f"{folder_name(name)}.onnx"
            export_onnx(module, graph, info=describe(module, name=name, arguments=arguments))
            engines[name] = OnnxEngine(graph, threads=1)
            counts[name] = sum(parameter.numel() for parameter in module.parameters())
            lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
            scores[name] = json.loads(lines[-1])["psnr"]
    times = seconds(engines)
    pixels = 4 * SIZE[0] * SIZE[1] / 1e6
    print("| network | parameters | ms per megapixel | PSNR |\n|---|---|---|---|")
    for name in sorted(trained, key=times.__getitem__):
        parameters = f"{counts[name]:,}"
        print(f"| {name} | {parameters} | {1e3 * times[name] / pixels:.0f} | {scores[name]:.2f} |")


def seconds(engines: dict[str, OnnxEngine]) -> dict[str, float]:
    """Lower quartile of the CPU seconds of each engine, in interleaved runs."""
    generator = np.random.default_rng(0)
    inputs = {
        name: generator.random((1, engine.info.channels, *SIZE), dtype=np.float32) for name, engine in engines.items()
    }
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(RUNS + 1):
        for name, engine in engines.items():
            begun = time.process_time()
            engine.run(inputs[name])
            times[name].append(time.process_time() - begun)
    return {name: statistics.quantiles(values[1:], n=4)[0] for name, values in times.items()}


if __name__ == "__main__":
    main()
