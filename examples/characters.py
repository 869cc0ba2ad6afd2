"""What the two characters make of JPEG: docs/pictures/characters.webp.

    python examples/characters.py [FILE]

Two of the example pictures, made smaller and saved as JPEG of quality 60 here, so that the truth is known: ``bee.png``
at x2 above, ``flower.png`` at x4 below. Side by side: bicubic interpolation, the clean and the photo network, truth.
"""

import argparse
from pathlib import Path

import numpy as np

import kukkiri
from kukkiri.degradations import Degradation
from kukkiri.images import Picture, read_picture
from kukkiri.metrics import PROTOCOLS

HERE = Path(__file__).parent
PICTURES = (("bee", 2, 0, 40), ("flower", 4, 20, 60))
"""Name, scale, and the top left corner of what is shown."""
SIDE = 208


def row(name, scale, top, left):
    """Crops of the three results and of the truth."""
    hr = read_picture(HERE / "pictures" / f"{name}.png").to_array()
    hr = np.ascontiguousarray(hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale])
    lr = Degradation.parse("bicubic+jpeg:60").apply(hr, scale=scale, seed=0)
    results = [
        kukkiri.Upscaler("bicubic", scale=scale)(lr),
        kukkiri.Upscaler("balanced", scale=scale, character="clean")(lr),
        kukkiri.Upscaler("balanced", scale=scale, character="photo")(lr),
    ]
    scores = [PROTOCOLS["y-matlab"].score(hr, one, scale=scale).psnr for one in results]
    print(f"{name} x{scale}: bicubic, clean, photo:", *(f"{score:.2f}" for score in scores), "dB")
    return [one[top : top + SIDE, left : left + SIDE] for one in (*results, hr)]


def grid(rows, gap=4):
    """The crops with white lines between."""
    height, width = len(rows) * (SIDE + gap) - gap, len(rows[0]) * (SIDE + gap) - gap
    canvas = np.full((height, width, 3), 255, dtype=np.uint8)
    for i, crops in enumerate(rows):
        for j, crop in enumerate(crops):
            canvas[i * (SIDE + gap) :, j * (SIDE + gap) :][:SIDE, :SIDE] = crop
    return canvas


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = HERE.parent / "docs" / "pictures" / "characters.webp"
    parser.add_argument("file", nargs="?", type=Path, default=default)
    arguments = parser.parse_args()
    Picture.from_array(grid([row(*one) for one in PICTURES])).save(arguments.file, quality=90, overwrite=True)
    print(arguments.file)


if __name__ == "__main__":
    main()
