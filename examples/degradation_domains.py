"""What the two degradation domains make of JPEG: docs/images/degradation-domains.webp.

    python examples/degradation_domains.py [FILE]

Two of the example images, made smaller and saved as JPEG of quality 60 here, so that the truth is known: ``bee.png``
at x2 above, ``flower.png`` at x4 below. Side by side: bicubic interpolation, the clean and the photo network, truth.
"""

import argparse
from pathlib import Path

import numpy as np

import kukkiri
from adaptation import joined  # of the example beside this one
from kukkiri.degradations import Degradation
from kukkiri.images import Image, read_image
from kukkiri.metrics import PROTOCOLS

HERE = Path(__file__).parent
IMAGES = (("bee", 2, 0, 40), ("flower", 4, 20, 60))
"""Name, scale, and the top left corner of what is shown."""
SIDE = 208


def row(name, scale, top, left):
    """Crops of the three results and of the truth."""
    hr = read_image(HERE / "images" / f"{name}.png").to_array()
    hr = np.ascontiguousarray(hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale])
    lr = Degradation.parse("bicubic+jpeg:60").apply(hr, scale=scale, seed=0)
    results = [
        kukkiri.Upscaler("bicubic", scale=scale)(lr),
        kukkiri.Upscaler("balanced", scale=scale, weights="clean")(lr),
        kukkiri.Upscaler("balanced", scale=scale, weights="photo")(lr),
    ]
    scores = [PROTOCOLS["y-matlab"].score(hr, one, scale=scale).psnr for one in results]
    print(f"{name} x{scale}: bicubic, clean, photo:", *(f"{score:.2f}" for score in scores), "dB")
    return [one[top : top + SIDE, left : left + SIDE] for one in (*results, hr)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = HERE.parent / "docs" / "images" / "degradation-domains.webp"
    parser.add_argument("file", nargs="?", type=Path, default=default)
    arguments = parser.parse_args()
    sheet = joined([joined(row(*one), axis=1) for one in IMAGES], axis=0)
    Image.from_array(sheet).save(arguments.file, quality=90, overwrite=True)
    print(arguments.file)


if __name__ == "__main__":
    main()
