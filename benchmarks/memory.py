"""Peak memory and time of ``kukkiri upscale`` for results of some sizes.

    python benchmarks/memory.py --megapixels 1 4 12 48 100 --model fast --scale 2

Each image is noise about smooth waves, made here, and upscaled by a process of its own; the peak is the largest
resident set that the system counted for it (``ru_maxrss``), so this runs on Linux and macOS.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from kukkiri.images import Image

_KILO = 1 if sys.platform == "darwin" else 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 12, 48, 100], help="of the results")
    parser.add_argument("--model", default="balanced", help="a preset, or a model")
    parser.add_argument("--scale", type=float, default=2)
    parser.add_argument("--suffix", default=".png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for megapixels in options.megapixels:
            side = round((megapixels * 1e6) ** 0.5 / options.scale)
            source, target = Path(folder) / "in.png", Path(folder) / f"out{options.suffix}"
            make_image(side).save(source, overwrite=True)
            command = [sys.executable, "-m", "kukkiri", "upscale", str(source), "-o", str(target), "--overwrite"]
            print_run([*command, "--scale", f"{options.scale:g}", "--model", options.model], megapixels, options)
    return 0


def make_image(side: int) -> Image:
    rng = np.random.default_rng(0)
    x = np.arange(side, dtype=np.float32)
    levels = np.empty((side, side, 3), dtype=np.uint8)
    for row in range(side):
        wave = 128 + 80 * np.sin(x / 40) * np.cos(row / 50)
        levels[row] = np.clip(wave[:, None] + rng.normal(0, 4, (side, 3)), 0, 255)
    return Image.from_array(levels)


def print_run(command: list[str], megapixels: float, options: argparse.Namespace) -> None:
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall, cpu = time.perf_counter() - begun, usage.ru_utime + usage.ru_stime
    if process.returncode:
        sys.exit(f"exit code {process.returncode}: {process.stderr.read().decode()[-500:] if process.stderr else ''}")
    peak = usage.ru_maxrss * _KILO / 1e6
    print(
        f"{options.model} x{options.scale:g} {options.suffix}: {megapixels:g} MP, peak {peak:.0f} MB, "
        f"{cpu:.1f} s CPU ({cpu / megapixels:.2f} for each MP), {wall:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
