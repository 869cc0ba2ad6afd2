"""Draws the images of docs/tutorials/ from what their commands wrote: ``python examples/draw_tutorials.py FOLDER``.

FOLDER is the working folder of all four tutorials, with ``examples`` in it.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri import Image
from kukkiri.images import read_image

TARGET = Path(__file__).parents[1] / "docs" / "images"
CROPS = {  # drawing: (files, top, left, height, width, size of a pixel)
    "first-photo": (("bee-bicubic-x3", "bee-x3", "bee-best-x3"), 150, 300, 270, 270, 1),
    "kernels": (("kernel-3", "kernel-4", "random", "even"), 150, 220, 100, 110, 2),
    "ten-photographs": (("flower-bicubic", "flower-tiny", "examples/images/flower"), 70, 130, 110, 135, 2),
    "adapted": (("bicubic", "usual", "adapted", "examples/images/flower"), 70, 150, 130, 100, 2),
    "petals": (("petals-usual", "petals-adapted"), 60, 150, 200, 200, 2),
}


def read(file: Path) -> NDArray[np.uint8]:
    image = read_image(file)
    return (255 * image.colour).round().astype(np.uint8)


def main(folder: Path) -> None:
    for name, (files, top, left, height, width, size) in CROPS.items():
        crops = [read(folder / f"{file}.png")[top : top + height, left : left + width] for file in files]
        between = np.full((height * size, 6, 3), 255, np.uint8)
        row = [part for crop in crops for part in (between, crop.repeat(size, axis=0).repeat(size, axis=1))]
        path = TARGET / f"tutorial-{name}.webp"
        Image.from_array(np.concatenate(row[1:], axis=1)).save(path, overwrite=True, quality=90)
    spectra = [read(folder / f"{name}-upsampler" / "spectrum.png") for name in ("untrained-x3", "espcn-x3")]
    path = TARGET / "tutorial-spectra.webp"
    Image.from_array(np.concatenate(spectra, axis=1)).save(path, overwrite=True, quality=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
