"""CPU time of a network under the options of ONNX Runtime, which chose those of ``kukkiri.inference``.

    python benchmarks/session_options.py [--model plain-m-x2 plain-xs-x2] [--size 750x500] [--runs 5]

One thread; CPU milliseconds of the network alone, the fastest of the runs, all options taking turns.
"""

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import onnxruntime

from kukkiri import pretrained

Change = Callable[[onnxruntime.SessionOptions], object]
ALL, EXTENDED = (
    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
)
CHANGES: dict[str, Change] = {
    "as shipped: all graph optimization, arena, no memory pattern": lambda options: None,
    "memory pattern": lambda options: setattr(options, "enable_mem_pattern", True),
    "no arena": lambda options: setattr(options, "enable_cpu_mem_arena", False),
    "extended optimization only (no blocked layout)": lambda options: setattr(
        options, "graph_optimization_level", EXTENDED
    ),
    "denormals as zero": lambda options: options.add_session_config_entry("session.set_denormal_as_zero", "1"),
    "no prepacking": lambda options: options.add_session_config_entry("session.disable_prepacking", "1"),
}


def main() -> int:
    options = parse()
    width, height = (int(side) for side in options.size.split("x"))
    print(f"| options | {' | '.join(options.model)} |\n|---|{'---|' * len(options.model)}")
    columns = [measure(name, (height, width), options.runs) for name in options.model]
    for title, times in zip(CHANGES, zip(*columns, strict=True), strict=True):
        print(f"| {title} | {' | '.join(f'{1000 * seconds:.0f}' for seconds in times)} |")
    return 0


def measure(name: str, size: tuple[int, int], runs: int) -> list[float]:
    """CPU seconds under each change; the first run of each warms up."""
    sessions = []
    for change in CHANGES.values():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_mem_pattern = False
        options.graph_optimization_level = ALL
        change(options)
        sessions.append(onnxruntime.InferenceSession(pretrained.locate(name, ".onnx"), options))
    feed = {"lr": np.random.default_rng(0).random((1, 1, *size), dtype=np.float32)}
    best = [np.inf] * len(sessions)
    for number in range(runs + 1):
        for place, session in enumerate(sessions):
            begun = time.process_time()
            session.run(None, feed)
            if number:
                best[place] = min(best[place], time.process_time() - begun)
    return best


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", nargs="+", default=["plain-m-x2", "plain-xs-x2"], help="shipped ids of luma networks"
    )
    parser.add_argument("--size", default="750x500", help="WIDTHxHEIGHT of lr")
    parser.add_argument("--runs", type=int, default=5, help="of each option; the fastest counts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
