"""Draws the README's image: ``python examples/before_after.py``: nearest, bicubic and kukkiri, side by side, x3."""

from pathlib import Path

import numpy as np

from kukkiri import Image, Upscaler
from kukkiri.images import read_image

HERE = Path(__file__).parent
CROPS = {"bee": (20, 40, 100, 120), "flower": (55, 150, 100, 120)}  # top, left, height, width in the small image
MODELS = ("nearest", "bicubic", "best")


def main() -> None:
    rows = []
    for name, (top, left, height, width) in CROPS.items():
        small = read_image(HERE / "images" / f"{name}.png").to_array()
        rows.append([])
        for model in MODELS:
            large = Upscaler(model, scale=3)(small)
            rows[-1].append(large[3 * top : 3 * (top + height), 3 * left : 3 * (left + width)])
    sheet = np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)
    Image.from_array(sheet).save(HERE.parent / "docs" / "images" / "before-after.webp", overwrite=True, quality=92)


if __name__ == "__main__":
    main()
