"""PSNR of networks on frames that a decoder gives: LR that x264 has encoded, over quality.

    python benchmarks/video_codec.py --data FreeVal16 --scale 3 --model bicubic plain-xs video

A film is a window that moves over a photograph by (1, 2) HR pixels a frame, so that the encoder finds motion. LR is
each HR frame downscaled by MATLAB's bicubic, rounded to 8 bits and encoded by x264 (preset medium) at several ``crf``;
``none`` is LR as it was before. Luma only.
"""

import argparse
from pathlib import Path

import numpy as np
from video_flicker import Scene, encode_and_decode, film, read_luma, score, upscale

from kukkiri.files import list_images
from kukkiri.inference import Upscaler

PAN = Scene("pan", (1, 2), 0)
CRFS = (None, 18, 23, 28)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--model", nargs="+", default=["bicubic", "plain-xs", "video"])
    parser.add_argument("--scale", type=int, default=3)
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--side", type=int, default=264, help="of the window, HR pixels, a multiple of twice the scale")
    options = parser.parse_args()
    photos = [read_luma(path) for path in list_images(options.data)[: options.images]]
    upscalers = {name: Upscaler(name, scale=options.scale, threads=1) for name in options.model}
    print(f"{len(photos)} photographs, {options.frames} frames of {options.side}x{options.side}, x{options.scale}")
    print(f"| crf | {' | '.join(upscalers)} |\n|{'---|' * (len(upscalers) + 1)}")
    for crf in CRFS:
        means: dict[str, list[float]] = {name: [] for name in upscalers}
        for photo in photos:
            pairs = film(photo, PAN, frames=options.frames, side=options.side, scale=options.scale, seed=0)
            lrs = [lr for _, lr in pairs] if crf is None else encode_and_decode([lr for _, lr in pairs], crf=crf)
            for name, upscaler in upscalers.items():
                means[name].append(score(pairs, [upscale(upscaler, lr) for lr in lrs], PAN, 1)[0])
        cells = (f"{np.mean(values):.2f} dB" for values in means.values())
        print(f"| {'none' if crf is None else crf} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
