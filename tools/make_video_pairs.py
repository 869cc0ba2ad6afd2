"""Pairs of LR frames as a decoder gives them and their HR frames, for the ``lr`` and ``hr`` folders of a recipe.

    python tools/make_video_pairs.py data/train -o data/video-pairs-x3 --scale 3

Each image becomes a short film: a window that moves over it by a random motion. LR is each HR frame downscaled by
MATLAB's bicubic and rounded, then encoded by x264 (preset medium) at a random ``crf`` and decoded; one frame after the
first is kept. Luma only, stored as gray: the recipe's luma of a gray image is the frame's.
"""

import argparse
from pathlib import Path

import numpy as np
from decoded_luma import Plane, encode_and_decode, read_luma

from kukkiri.degradations import Degradation
from kukkiri.files import list_images
from kukkiri.images import Image

FRAMES = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="+", help="folders of HR images")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder that gets lr/ and hr/")
    parser.add_argument("--scale", type=int, required=True)
    parser.add_argument("--crf", type=int, nargs=2, default=(16, 30), metavar=("LOW", "HIGH"))
    parser.add_argument("--motion", type=int, default=4, help="at most so many HR pixels a frame")
    options = parser.parse_args()
    for name in ("lr", "hr"):
        (options.output / name).mkdir(parents=True, exist_ok=True)
    paths = [path for folder in options.images for path in list_images(folder)]
    for number, path in enumerate(paths):
        rng = np.random.default_rng(number)
        hr_frames = film(read_luma(path), rng, scale=options.scale, motion=options.motion)
        lr_frames = [Degradation.parse("bicubic").apply(frame, scale=options.scale) for frame in hr_frames]
        decoded = encode_and_decode(lr_frames, crf=int(rng.integers(*options.crf, endpoint=True)))
        kept = int(rng.integers(1, FRAMES))
        for name, frame in (("lr", decoded[kept]), ("hr", hr_frames[kept])):
            gray = to_gray(frame)
            Image.from_array(np.dstack([gray] * 3)).save(options.output / name / f"{path.stem}.png", overwrite=True)
    print(f"{len(paths)} pairs in {options.output}")


def film(luma: Plane, rng: np.random.Generator, *, scale: int, motion: int) -> list[Plane]:
    """HR frames of a window that moves; sides are multiples of twice the scale, since x264 takes even sides."""
    step = rng.integers(-motion, motion, size=2, endpoint=True)
    spans = np.abs(step) * (FRAMES - 1)
    height, width = ((side - span) // (2 * scale) * (2 * scale) for side, span in zip(luma.shape, spans, strict=True))
    starts = np.where(step < 0, spans, 0)
    frames = []
    for number in range(FRAMES):
        top, left = starts + number * step
        frames.append(np.ascontiguousarray(luma[top : top + height, left : left + width]))
    return frames


def to_gray(luma: Plane) -> Plane:
    """Gray values whose luma of studio range is ``luma``, as far as 8 bits tell."""
    gray: Plane = np.clip(np.floor((luma.astype(np.float64) - 16) * (255 / 219) + 0.5), 0, 255).astype(np.uint8)
    return gray


if __name__ == "__main__":
    main()
