"""Time and size of PNG files by compression level and filter, which chose those of ``kukkiri.images``.

    python benchmarks/png.py [--data FOLDER] [--scale 2] [--runs 3]

Images are upscaled (``balanced``), since results of networks are what is written; milliseconds and megabytes for a
megapixel, means over the images, the fastest of the runs in turn. Without ``--data`` the images of examples/.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pyvips

from kukkiri.files import list_images
from kukkiri.images import read_image
from kukkiri.inference import Upscaler

SETTINGS = ((1, "avg"), (2, "sub"), (2, "up"), (2, "avg"), (2, "paeth"), (3, "avg"))
EXAMPLES = Path(__file__).parents[1] / "examples" / "images"


def main() -> int:
    options = parse()
    upscaler = Upscaler("balanced", scale=options.scale)
    rows = [measure(upscaler(read_image(path)).to_array(), options.runs) for path in list_images(options.data)]
    print("| level | filter | ms | MB |\n|---|---|---|---|")
    for (level, filtering), (seconds, size) in zip(SETTINGS, np.mean(rows, axis=0), strict=True):
        print(f"| {level} | {filtering} | {1000 * seconds:.0f} | {size / 1e6:.2f} |")
    return 0


def measure(array: np.ndarray, runs: int) -> list[tuple[float, float]]:
    """(seconds, bytes) of a megapixel of an image for each setting; the settings take turns."""
    image, megapixels = pyvips.Image.new_from_array(array), array.shape[0] * array.shape[1] / 1e6
    found = [(np.inf, 0.0)] * len(SETTINGS)
    for _ in range(runs):
        for number, (level, filtering) in enumerate(SETTINGS):
            begun = time.process_time()
            size = len(image.pngsave_buffer(compression=level, filter=filtering, keep="none"))
            seconds = (time.process_time() - begun) / megapixels
            found[number] = (min(seconds, found[number][0]), size / megapixels)
    return found


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=EXAMPLES)
    parser.add_argument("--scale", type=float, default=2)
    parser.add_argument("--runs", type=int, default=3, help="of each setting; the fastest counts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
