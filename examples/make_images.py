"""Makes the images in examples/images/ from full-size ones: ``python examples/make_images.py FOLDER``.

FOLDER holds jxl_flower.png, palapeli_european-honey-bee.png and es_city11.png; origins are in ATTRIBUTION.md.
"""

import sys
from pathlib import Path

import numpy as np

from kukkiri.images import Image, read_image
from kukkiri.resampling import resize

CROPS = {  # name: (file, top, left, height, width) in the full-size image
    "flower": ("jxl_flower.png", 0, 0, 756, 1134),
    "bee": ("palapeli_european-honey-bee.png", 0, 0, 639, 810),
    "city": ("es_city11.png", 0, 0, 360, 720),
}
SECTIONS = {"petals": ("jxl_flower.png", 240, 420, 200, 280)}  # not downscaled: the blur is the camera's


def main(folder: Path) -> None:
    target = Path(__file__).parent / "images"
    target.mkdir(exist_ok=True)
    for name, (file, top, left, height, width) in CROPS.items():
        full = read_image(folder / file).to_array()[top : top + height, left : left + width, :3]
        downscaled = resize(np.ascontiguousarray(full), scale=1 / 3)
        Image.from_array(downscaled).save(target / f"{name}.png", overwrite=True)
    for name, (file, top, left, height, width) in SECTIONS.items():
        section = read_image(folder / file).to_array()[top : top + height, left : left + width, :3]
        Image.from_array(np.ascontiguousarray(section)).save(target / f"{name}.png", overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
