"""The image of docs/results/perception.md: HR, then x4 by ``balanced`` at the positions 0, 0.5 and 1 of the dial."""

from pathlib import Path

import numpy as np

from kukkiri import Upscaler
from kukkiri.degradations import Degradation
from kukkiri.images import Image, read_image

FOLDER = Path(__file__).parent / "photographs"
SIDE = 200


def main() -> None:
    upscalers = [Upscaler("balanced", scale=4, vivid=position) for position in (0.0, 0.5, 1.0)]
    rows = []
    for name in ("blossom", "cable-bridge"):
        hr = read_image(FOLDER / f"{name}.webp").to_array()[..., :3]
        height, width = (side // 4 * 4 for side in hr.shape[:2])
        hr = np.ascontiguousarray(hr[:height, :width])
        lr = Degradation.parse("bicubic").apply(hr, scale=4)
        top, left = (height - SIDE) // 2, (width - SIDE) // 2
        cells = [image[top : top + SIDE, left : left + SIDE] for image in (hr, *(upscale(lr) for upscale in upscalers))]
        rows.append(np.concatenate(cells, axis=1))
    target = Path(__file__).parents[1] / "docs" / "images" / "vivid.webp"
    Image.from_array(np.concatenate(rows)).save(target, quality=90, overwrite=True)


if __name__ == "__main__":
    main()
