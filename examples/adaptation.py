"""Before and after adaptation: makes docs/images/adaptation-petals.webp and adaptation-city.webp.

    python examples/adaptation.py [FOLDER] [--initialization START]

``petals.png`` is a section of a photograph as the camera left it; its blur is estimated. ``city.png`` is blurred here,
so that the truth is known. Side by side: bicubic interpolation, espcn-x2, adapted, and for the city the truth.
"""

import argparse
from pathlib import Path

import numpy as np

import kukkiri
from kukkiri.degradations import Degradation, estimate_gaussian
from kukkiri.images import Image, read_image

HERE = Path(__file__).parent
BLUR = "gaussian:2.0+direct"


def versions(lr, kernel, start):
    """The three ways to twice the size."""
    adapted = kukkiri.adapt(lr, scale=2, kernel=kernel, start=start)
    print(f"{kernel}: {adapted.fit.method}, {adapted.fit.steps} steps, {adapted.fit.seconds:.1f} s, {adapted.guard}")
    return [one(lr) for one in (kukkiri.Upscaler("bicubic", scale=2), kukkiri.Upscaler("espcn-x2"), adapted)]


def joined(images, *, axis):
    """Side by side, or one under the other, with a white line between."""
    gap = np.full((*((4, images[0].shape[1]) if axis == 0 else (images[0].shape[0], 4)), 3), 255, dtype=np.uint8)
    parts = [part for one in images for part in (gap, one)][1:]
    return np.concatenate(parts, axis=axis)


def save(images, path, *, axis):
    Image.from_array(joined(images, axis=axis)).save(path, quality=92, overwrite=True)
    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE.parent / "docs" / "images")
    parser.add_argument("--initialization", help="id or file; by default the shipped one")
    arguments = parser.parse_args()
    lr = read_image(HERE / "images" / "petals.png").to_array()
    estimate = estimate_gaussian(lr, scale=2)
    shown = [one[40:340, 20:300] for one in versions(lr, f"{estimate}+direct", arguments.start)]
    save(shown, arguments.folder / "adaptation-petals.webp", axis=1)
    hr = read_image(HERE / "images" / "city.png").to_array()
    lr = Degradation.parse(BLUR).apply(hr, scale=2)
    save([*versions(lr, BLUR, arguments.start), hr], arguments.folder / "adaptation-city.webp", axis=0)


if __name__ == "__main__":
    main()
