"""CPU seconds and memory of one image in a server's worker, by preset and size: the numbers to size a machine with.

    python benchmarks/web_sizing.py
    python benchmarks/web_sizing.py --presets fast --sides 512 2048

One process for each row, one thread: reading, upscaling by 2 and writing a PNG, after a first image that loads the
network. A core makes 1 / (CPU seconds) images a second, whatever else it does.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from kukkiri import Upscaler

REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=["fast", "balanced", "best"])
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024], help="pixels of the square images")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one[0], int(options.one[1]))
        return
    print("| preset | image | CPU s | images a minute and core | MB of the process |\n|---|---|---|---|---|")
    for preset in options.presets:
        for side in options.sides:
            subprocess.run([sys.executable, __file__, "--one", preset, str(side)], check=True)


def measure(preset: str, side: int) -> None:
    """Print one row."""
    rng = np.random.default_rng(side)
    rows, columns = np.indices((side, side))
    waves = np.stack([128 + 90 * np.sin(rows / a + columns / b) for a, b in ((9, 14), (31, 8), (17, 23))], axis=-1)
    scene = np.clip(waves + rng.normal(0, 4, waves.shape), 0, 255).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lr.png"
        PillowImage.fromarray(scene).save(path)
        upscaler = Upscaler(preset, scale=2, threads=1)
        seconds = []
        for _ in range(1 + REPEATS):
            start = time.process_time()
            upscaler(path).save(Path(folder) / "sr.png", overwrite=True)
            seconds.append(time.process_time() - start)
    best = min(seconds[1:])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"| {preset} | {side}x{side} | {best:.2f} | {60 / best:.0f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
