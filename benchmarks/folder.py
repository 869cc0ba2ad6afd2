"""A folder of images: one after another, one worker with all threads, or for each core a worker with one.

    python benchmarks/folder.py [--model balanced ...] [--scale 2] [--images 8] [--megapixels 1] [--runs 3] [--json]
    python benchmarks/folder.py --data FreeVal16

From PNG files to PNG files, model loading included, with the N cores that this process may use:

- one after another: a loop over ``read_image``, an ``Upscaler`` and ``Image.save``, nothing overlapping but
  the N threads of the network;
- ``kukkiri upscale FOLDER --threads N``: one worker, beside which the next image is read and the last one written;
- ``kukkiri upscale FOLDER``, which has N workers of one thread by itself.

The ways take turns in one process, the best of the runs; wall and CPU seconds for an image. The wall time of a
machine that does other work means nothing. CPU time counts the threads of ONNX Runtime that wait.
"""

import argparse
import contextlib
import io
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kukkiri.cli import run
from kukkiri.files import list_images
from kukkiri.images import Image, read_image
from kukkiri.inference import Upscaler, count_usable_threads
from kukkiri.profiling.stages import synthetic_image

Seconds = tuple[float, float]
Way = Callable[[Path, Path, str, float], None]


def main() -> int:
    options = parse()
    cores = count_usable_threads()
    ways: dict[str, Way] = {
        "one after another": loop,
        f"1 worker x {cores} threads": partial(command, arguments=["--threads", str(cores)]),
        f"{cores} workers x 1 thread": partial(command, arguments=[]),
    }
    found: dict[str, dict[str, Seconds]] = {}
    with tempfile.TemporaryDirectory() as root:
        source = Path(root) / "in"
        source.mkdir()
        count = fill(source, options)
        for model in options.model:
            for turn in range(options.runs + 1):
                for way, upscale in ways.items():
                    seconds = clocked(upscale, source, Path(root) / "out", model, options.scale)
                    wall, cpu = (total / count for total in seconds)
                    if turn:  # the first warms up
                        best = found.setdefault(model, {}).get(way, (wall, cpu))
                        found[model][way] = (min(wall, best[0]), min(cpu, best[1]))
    if options.json:
        print(json.dumps({"cores": cores, "images": count, "scale": options.scale, "seconds": found}))
    else:
        report(found)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", default=["fast", "balanced"], help="presets, shipped ids or files")
    parser.add_argument("--scale", type=float, default=2)
    parser.add_argument("--data", type=Path, help="folder of images; by default synthetic ones are made")
    parser.add_argument("--images", type=int, default=8, help="that are made")
    parser.add_argument("--megapixels", type=float, default=1.0, help="of each, before it is upscaled")
    parser.add_argument("--runs", type=int, default=3, help="of each way; the quickest counts")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def fill(folder: Path, options: argparse.Namespace) -> int:
    """Put the images into a folder and count them."""
    if options.data is not None:
        files = list_images(options.data)
        for path in files:
            shutil.copy(path, folder)
        return len(files) or sys.exit(f"{options.data}: no images")
    height, width = (round(side * (options.megapixels * 1e6 / 12) ** 0.5) for side in (3, 4))
    for number in range(options.images):
        Image.from_array(synthetic_image((height, width), seed=number)).save(folder / f"{number:04}.png")
    return int(options.images)


def clocked(upscale: Way, source: Path, target: Path, model: str, scale: float) -> Seconds:
    """Wall and CPU seconds of one way through the folder."""
    shutil.rmtree(target, ignore_errors=True)
    wall, cpu = time.perf_counter(), time.process_time()
    upscale(source, target, model, scale)
    return time.perf_counter() - wall, time.process_time() - cpu


def loop(source: Path, target: Path, model: str, scale: float) -> None:
    target.mkdir()
    upscaler = Upscaler(model, scale=scale)
    for path in sorted(source.iterdir()):
        upscaler(read_image(path)).save(target / f"{path.stem}.png")


def command(source: Path, target: Path, model: str, scale: float, *, arguments: list[str]) -> None:
    said = io.StringIO()
    words = ["upscale", str(source), "-o", str(target), "--model", model, "--scale", str(scale), "--json", *arguments]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = run(words)
    if code:
        sys.exit(said.getvalue())


def report(found: dict[str, dict[str, Seconds]]) -> None:
    print("| model | | wall s an image | CPU s an image | images a second, relative |\n|---|---|---|---|---|")
    for model, ways in found.items():
        (first, _), *_ = ways.values()
        for way, (wall, cpu) in ways.items():
            print(f"| `{model}` | {way} | {wall:.3f} | {cpu:.3f} | {first / wall:.2f} |")


if __name__ == "__main__":
    sys.exit(main())
