"""The weights of the two degradation domains on JPEG files: draws docs/images/degradation-domains.webp.

    python examples/degradation_domains.py [FILE]

Two of the example images, downscaled and compressed as JPEG of quality 60 here, so that HR is known: ``bee.png`` at
x2 above, ``flower.png`` at x4 below. Side by side: bicubic interpolation, the clean and the photo network, HR.
"""

import argparse
from pathlib import Path

import numpy as np

import kukkiri
from adaptation import join  # of the example beside this one
from kukkiri.degradations import Degradation
from kukkiri.images import Image, read_image
from kukkiri.metrics import PROTOCOLS

HERE = Path(__file__).parent
IMAGES = (("bee", 2, 0, 40), ("flower", 4, 20, 60))
"""Name, scale, top and left of the crop."""
SIDE = 208


def make_row(name, scale, top, left):
    """Upscale an example image three ways; crops of the results and of HR."""
    hr = read_image(HERE / "images" / f"{name}.png").to_array()
    hr = np.ascontiguousarray(hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale])
    lr = Degradation.parse("bicubic+jpeg:60").apply(hr, scale=scale, seed=0)
    results = [
        kukkiri.Upscaler("bicubic", scale=scale)(lr),
        kukkiri.Upscaler("balanced", scale=scale, weights="clean")(lr),
        kukkiri.Upscaler("balanced", scale=scale, weights="photo")(lr),
    ]
    scores = [PROTOCOLS["y-matlab"].score(hr, sr, scale=scale).psnr for sr in results]
    print(f"{name} x{scale}: bicubic, clean, photo:", *(f"{score:.2f}" for score in scores), "dB")
    return [image[top : top + SIDE, left : left + SIDE] for image in (*results, hr)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = HERE.parent / "docs" / "images" / "degradation-domains.webp"
    parser.add_argument("file", nargs="?", type=Path, default=default)
    arguments = parser.parse_args()
    sheet = join([join(make_row(*crop), axis=1) for crop in IMAGES], axis=0)
    Image.from_array(sheet).save(arguments.file, quality=90, overwrite=True)
    print(arguments.file)


if __name__ == "__main__":
    main()
