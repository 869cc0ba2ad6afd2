"""Before and after adaptation: draws docs/images/adaptation-petals.webp and adaptation-city.webp.

    python examples/adaptation.py [FOLDER] [--initialization INITIALIZATION]

``petals.png`` is a section of a photograph as the camera left it; its blur is estimated, as by ``--kernel estimate``.
``city.png`` is blurred here, so that HR is known. Side by side: bicubic interpolation, espcn-x2, adapted, and for the
city HR.
"""

import argparse
from pathlib import Path

import numpy as np

import kukkiri
from kukkiri.adaptation.estimated_degradation import estimate_degradation
from kukkiri.degradations import Degradation
from kukkiri.images import Image, read_image

HERE = Path(__file__).parent
BLUR = "gaussian:2.0+direct"


def upscale(lr, kernel, initialization):
    """Upscale by 2 in three ways."""
    adapted = kukkiri.adapt(lr, scale=2, kernel=kernel, initialization=initialization)
    print(f"{kernel}: {adapted.fit.method}, {adapted.fit.steps} steps, {adapted.fit.seconds:.1f} s, {adapted.guard}")
    upscalers = (kukkiri.Upscaler("bicubic", scale=2), kukkiri.Upscaler("espcn-x2"), adapted)
    return [upscaler(lr) for upscaler in upscalers]


def join(images, *, axis):
    """Join images side by side, or one below the other, with a white line between."""
    gap = np.full((*((4, images[0].shape[1]) if axis == 0 else (images[0].shape[0], 4)), 3), 255, dtype=np.uint8)
    parts = [part for image in images for part in (gap, image)][1:]
    return np.concatenate(parts, axis=axis)


def save(images, path, *, axis):
    Image.from_array(join(images, axis=axis)).save(path, quality=92, overwrite=True)
    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE.parent / "docs" / "images")
    parser.add_argument("--initialization", help="id or file; by default the shipped one")
    arguments = parser.parse_args()
    image = read_image(HERE / "images" / "petals.png")
    found = estimate_degradation(image, scale=2, initialization=arguments.initialization)
    print(*found.notes, sep="\n")
    results = upscale(image.to_array(), str(found.degradation), arguments.initialization)
    shown = [sr[40:340, 20:300] for sr in results]
    save(shown, arguments.folder / "adaptation-petals.webp", axis=1)
    hr = read_image(HERE / "images" / "city.png").to_array()
    lr = Degradation.parse(BLUR).apply(hr, scale=2)
    save([*upscale(lr, BLUR, arguments.initialization), hr], arguments.folder / "adaptation-city.webp", axis=0)


if __name__ == "__main__":
    main()
