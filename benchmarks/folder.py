"""A folder of pictures: one worker with all threads, or for each core a worker with one.

    python benchmarks/folder.py [--model balanced ...] [--scale 2] [--pictures 8] [--megapixels 1] [--runs 3] [--json]
    python benchmarks/folder.py --data FreeVal16

``kukkiri upscale FOLDER`` itself, from PNG files to PNG files, model loading included, with ``--threads N`` (one
worker, beside which the next picture is read and the last one written) and without (N workers of one thread, which is
what it does by itself); N is the number of cores that this process may use. Both ways take turns in one process, the
best of the runs; wall and processor seconds for a picture. The wall time of a machine that does other work means
nothing. Processor time counts the threads of ONNX Runtime that wait.
"""

import argparse
import contextlib
import io
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from kukkiri.cli import run
from kukkiri.evaluation.stages import synthetic_picture
from kukkiri.images import INPUT_SUFFIXES, Picture
from kukkiri.inference import usable_threads

Seconds = tuple[float, float]


def main() -> int:
    options = parse()
    cores = usable_threads()
    ways = {f"1 worker x {cores} threads": ["--threads", str(cores)], f"{cores} workers x 1 thread": []}
    found: dict[str, dict[str, Seconds]] = {}
    with tempfile.TemporaryDirectory() as root:
        source = Path(root) / "in"
        source.mkdir()
        count = fill(source, options)
        for model in options.model:
            for turn in range(options.runs + 1):
                for way, arguments in ways.items():
                    seconds = upscale(source, Path(root) / "out", model, scale=options.scale, arguments=arguments)
                    wall, processor = (one / count for one in seconds)
                    if turn:  # the first warms up
                        best = found.setdefault(model, {}).get(way, (wall, processor))
                        found[model][way] = (min(wall, best[0]), min(processor, best[1]))
    if options.json:
        print(json.dumps({"cores": cores, "pictures": count, "scale": options.scale, "seconds": found}))
    else:
        report(found)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", default=["fast", "balanced"], help="presets, shipped ids or files")
    parser.add_argument("--scale", type=float, default=2)
    parser.add_argument("--data", type=Path, help="folder of pictures; by default synthetic ones are made")
    parser.add_argument("--pictures", type=int, default=8, help="that are made")
    parser.add_argument("--megapixels", type=float, default=1.0, help="of each, before it is enlarged")
    parser.add_argument("--runs", type=int, default=3, help="of each way; the quickest counts")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def fill(folder: Path, options: argparse.Namespace) -> int:
    """Put the pictures into a folder and count them."""
    if options.data is not None:
        files = sorted(one for one in options.data.iterdir() if one.suffix.lower() in INPUT_SUFFIXES)
        for path in files:
            shutil.copy(path, folder)
        return len(files) or sys.exit(f"{options.data}: no pictures")
    height, width = (round(side * (options.megapixels * 1e6 / 12) ** 0.5) for side in (3, 4))
    for number in range(options.pictures):
        Picture.from_array(synthetic_picture((height, width), seed=number)).save(folder / f"{number:04}.png")
    return int(options.pictures)


def upscale(source: Path, target: Path, model: str, *, scale: float, arguments: list[str]) -> Seconds:
    """Wall and processor seconds of one command."""
    shutil.rmtree(target, ignore_errors=True)
    command = ["upscale", str(source), "-o", str(target), "--model", model, "--scale", str(scale), "--json", *arguments]
    said = io.StringIO()
    wall, processor = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = run(command)
    seconds = time.perf_counter() - wall, time.process_time() - processor
    return seconds if code == 0 else sys.exit(said.getvalue())


def report(found: dict[str, dict[str, Seconds]]) -> None:
    print("| model | | wall s a picture | processor s a picture | pictures a second, relative |\n|---|---|---|---|---|")
    for model, ways in found.items():
        (first, _), *_ = ways.values()
        for way, (wall, processor) in ways.items():
            print(f"| `{model}` | {way} | {wall:.3f} | {processor:.3f} | {first / wall:.2f} |")


if __name__ == "__main__":
    sys.exit(main())
