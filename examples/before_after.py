"""Draws the README's image, nearest, bicubic and kukkiri at x3: ``python examples/before_after.py [FILE]``."""

import sys
from pathlib import Path

import numpy as np

from kukkiri import Image, Upscaler
from kukkiri.images import read_image

HERE = Path(__file__).parent
CROPS = {"bee": (20, 40, 100, 120), "flower": (55, 150, 100, 120)}  # top, left, height, width in the LR image
MODELS = ("nearest", "bicubic", "best")


def main(target: Path) -> None:
    rows = []
    for name, (top, left, height, width) in CROPS.items():
        lr = read_image(HERE / "images" / f"{name}.png").to_array()
        rows.append([])
        for model in MODELS:
            sr = Upscaler(model, scale=3)(lr)
            rows[-1].append(sr[3 * top : 3 * (top + height), 3 * left : 3 * (left + width)])
    sheet = np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)
    Image.from_array(sheet).save(target, overwrite=True, quality=92)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else HERE.parent / "docs" / "images" / "before-after.webp")
