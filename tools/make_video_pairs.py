"""Pairs of LR frames as a decoder gives them and their HR frames, for the ``lr`` and ``hr`` folders of a recipe.

    python tools/make_video_pairs.py data/train -o data/video-pairs-x3 --scale 3

Each image becomes a short film: a window that moves over it by a random motion. LR is each HR frame downscaled by
MATLAB's bicubic and rounded, then encoded by x264 (preset medium) at a random ``crf`` and decoded; one frame after the
first is kept. Luma only, stored as gray: the recipe's luma of a gray image is the frame's.
"""

import argparse
import io
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation
from kukkiri.files import list_images
from kukkiri.images import Image, read_image, rgb_to_y

Plane = NDArray[np.uint8]
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
        decoded = encode(lr_frames, crf=int(rng.integers(*options.crf, endpoint=True)))
        kept = int(rng.integers(1, FRAMES))
        for name, frame in (("lr", decoded[kept]), ("hr", hr_frames[kept])):
            gray = to_gray(frame)
            Image.from_array(np.dstack([gray] * 3)).save(options.output / name / f"{path.stem}.png", overwrite=True)
    print(f"{len(paths)} pairs in {options.output}")


def read_luma(path: Path) -> Plane:
    """Luma of studio range on 0..255, rounded as a video has it."""
    rgb = read_image(path).to_array()[..., :3].astype(np.float64) / 255
    luma: Plane = np.floor(rgb_to_y(rgb) * 255 + 0.5).astype(np.uint8)
    return luma


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


def encode(lrs: list[Plane], *, crf: int) -> list[Plane]:
    """Encode luma by x264 and decode it."""
    height, width = lrs[0].shape
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": str(crf), "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = width, height, "gray"
        for lr in lrs:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(lr), "gray")))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as container:
        return [frame.to_ndarray()[:height, :width] for frame in container.decode(video=0)]


def to_gray(luma: Plane) -> Plane:
    """Gray values whose luma of studio range is ``luma``, as far as 8 bits tell."""
    gray: Plane = np.clip(np.floor((luma.astype(np.float64) - 16) * (255 / 219) + 0.5), 0, 255).astype(np.uint8)
    return gray


if __name__ == "__main__":
    main()
