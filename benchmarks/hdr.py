"""HDR images through the tone curve: networks against bicubic, in the curve's domain and where highlights are.

    python benchmarks/hdr.py FOLDER --scale 2

Every image of the folder becomes HDR: decoded from sRGB to linear light, and brightened by up to 64 where a coarse
random field is high, so that highlights have structure. It is downscaled in linear light by averaging, upscaled, and
compared by PSNR of log2(light + 0.01), which weighs shadows and highlights alike.
"""

import argparse
from pathlib import Path

import numpy as np

from kukkiri import Upscaler
from kukkiri.files import require_images
from kukkiri.images import read_image
from kukkiri.images.decoders.decoder import make_linear_image
from kukkiri.images.tone_curve import from_srgb
from kukkiri.resampling import resize

METHODS = ("bicubic", "fast", "balanced")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=int, default=2)
    asked = parser.parse_args()
    upscalers = {name: Upscaler(name, scale=asked.scale) for name in METHODS}
    scores: dict[str, list[float]] = {name: [] for name in METHODS}
    ranges = []
    for number, path in enumerate(require_images(asked.folder)):
        hr = make_hdr(path, asked.scale, np.random.default_rng(number))
        height, width, channels = hr.shape
        scale = asked.scale
        lr = hr.reshape(height // scale, scale, width // scale, scale, channels).mean(axis=(1, 3), dtype=np.float32)
        ranges.append(float(hr.max()))
        image = make_linear_image(lr, name=path.name)
        for name, upscaler in upscalers.items():
            sr = upscaler(image).to_array()
            scores[name].append(psnr(np.log2(np.maximum(sr, 0) + 0.01), np.log2(hr + 0.01)))
    print(f"{len(ranges)} images, brightest sample {min(ranges):.1f} to {max(ranges):.1f}")
    for name, values in scores.items():
        print(f"{name:10} {np.mean(values):.2f} dB")


def make_hdr(path: Path, scale: int, rng: np.random.Generator) -> np.ndarray:
    colour = read_image(path).colour
    colour = np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour
    height, width = (side // scale * scale for side in colour.shape[:2])
    field = resize(rng.random((6, 8)).astype(np.float32), output_size=(height, width))
    return (from_srgb(colour[:height, :width]) * 2 ** (6 * np.clip(field, 0, 1) ** 3)[..., None]).astype(np.float32)


def psnr(sr: np.ndarray, hr: np.ndarray) -> float:
    return float(10 * np.log10(np.ptp(hr) ** 2 / np.mean((sr - hr) ** 2)))


if __name__ == "__main__":
    main()
