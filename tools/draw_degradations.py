"""Draw the images of docs/reference/degradations.md (kernels, examples, the grid that explains alignment) and of
docs/results/kernel-estimation.md.

KUKKIRI_SHARED=... python tools/draw_degradations.py docs/images
"""

import os
import sys
from pathlib import Path

import numpy as np
import pyvips

from kukkiri.degradations import Degradation, crop_kernel, estimate_gaussian, estimate_kernel, kernel_view
from kukkiri.degradations.blur_kernels import as_kernel

KERNELS = (
    "gaussian:2.0",
    "gaussian:4.0,1.0,-0.5",
    "generalized:6.0,6.0,0.0,3.0",
    "plateau:2.0,1.0,0.8,2.0",
    "disk:4.0",
    "motion:11.0,0.6",
    "shake:4",
    "sinc:1.2",
)
EXAMPLES = (
    "bicubic",
    "gaussian:4.0,1.0,-0.5+direct",
    "gaussian:2.0+direct:aligned+noise:0.04",
    "bicubic+jpeg:20",
    "motion:9.0,0.6+bicubic",
    "real",
)
PHOTOGRAPH = "skimage_motorcycle_left"


def label(text, width, height=22):
    """Black text on white; texts that are too long are scaled down."""
    shown = pyvips.Image.text(text, font="DejaVu Sans Mono 9", dpi=96)
    if shown.width > width - 4:
        shown = shown.resize((width - 4) / shown.width)
    return (
        shown.invert().embed(2, (height - shown.height) // 2, width, height, extend="white").copy(interpretation="b-w")
    )


def tile(array, text, *, side):
    """An image, upscaled by nearest neighbour to ``side``, under its text."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(array))
    image = image.resize(side / image.width, kernel="nearest", vscale=side / image.width)
    return label(text, side).colourspace("srgb").join(image.copy(interpretation="srgb"), "vertical")


def draw_kernels(target):
    tiles = []
    for text in KERNELS:
        kernel = Degradation.parse(f"{text}+direct").blur_kernel(0, scale=2)
        size = 25
        canvas = np.zeros((size, size))
        inset = (size - len(kernel)) // 2
        canvas[inset : inset + len(kernel), inset : inset + len(kernel)] = kernel
        view = np.rint(kernel_view(as_kernel(canvas), zoom=6) * 255).astype(np.uint8)
        tiles.append(tile(view.repeat(3, axis=2), text, side=150))
    pyvips.Image.arrayjoin(tiles, across=4, shim=6, background=255).pngsave(str(target), compression=9)


def draw_examples(target):
    photograph = Path(os.environ["KUKKIRI_SHARED"]) / "data" / "FreeVal16" / f"{PHOTOGRAPH}.png"
    hr = pyvips.Image.new_from_file(str(photograph))[:3].crop(250, 190, 240, 240).numpy()
    tiles = [tile(Degradation.parse(text).apply(hr, scale=3, seed=3), text, side=240) for text in EXAMPLES]
    pyvips.Image.arrayjoin(tiles, across=3, shim=6, background=255).webpsave(str(target), Q=88)


def draw_estimates(target):
    """The true kernels, and their two estimates from one photograph."""
    photograph = Path(os.environ["KUKKIRI_SHARED"]) / "data" / "FreeVal16" / "es_station4.png"
    hr = pyvips.Image.new_from_file(str(photograph))[:3].crop(0, 0, 512, 360).numpy()
    tiles = []
    for text in ("gaussian:4.0,1.0,-0.5", "motion:6.0,0.6", "disk:2.0"):
        degradation = Degradation.parse(f"{text}+direct:aligned")
        lr = degradation.apply(hr, scale=2)
        kernels = {
            text: Degradation.parse(f"{text}+direct").blur_kernel(0, scale=2),
            "estimate_gaussian": estimate_gaussian(lr, scale=2).kernel(),
            "estimate_kernel": estimate_kernel(lr, scale=2).kernel,
        }
        for name, kernel in kernels.items():
            view = np.rint(kernel_view(crop_kernel(kernel, size=15), zoom=10) * 255).astype(np.uint8)
            tiles.append(tile(view.repeat(3, axis=2), name, side=150))
    pyvips.Image.arrayjoin(tiles, across=3, shim=6, background=255).pngsave(str(target), compression=9)


def draw_alignment(target):
    """Six HR pixels in a row at scale 2 and 3, and the position that each LR pixel samples."""
    pixel, parts = 46, []
    for row, scale in enumerate((2, 3)):
        top = 40 + 130 * row
        parts.append(f'<text x="10" y="{top - 12}">scale {scale}</text>')
        for place in range(6):
            shade = "#f2f2f2" if place // scale % 2 == 0 else "#dcdcdc"
            parts.append(
                f'<rect x="{10 + pixel * place}" y="{top}" width="{pixel}" height="{pixel}" '
                f'fill="{shade}" stroke="#888"/>'
                f'<text x="{10 + pixel * place + 5}" y="{top + 13}" class="small">{place}</text>'
            )
        for lr in range(6 // scale):
            direct = 10 + pixel * (scale * lr + 0.5)
            centre = 10 + pixel * (scale * lr + scale / 2)
            middle = top + pixel * 0.62
            parts.append(f'<circle cx="{direct}" cy="{middle}" r="6" fill="#d55e00"/>')
            parts.append(
                f'<path d="M{centre - 6} {middle - 6} l12 12 m0 -12 l-12 12" stroke="#0072b2" stroke-width="3"/>'
            )
            parts.append(
                f'<path d="M{direct + 8} {top + pixel + 14} H{centre}" stroke="#444" marker-end="url(#tip)"/>'
                f'<path d="M{direct} {top + pixel + 8} v12" stroke="#444"/>'
            )
        shift = (scale - 1) / 2
        parts.append(f'<text x="10" y="{top + pixel + 38}" class="small">(scale - 1) / 2 = {shift:g} HR pixels</text>')
    legend = (
        '<circle cx="320" cy="60" r="6" fill="#d55e00"/><text x="334" y="65">direct keeps this pixel: [0::scale]</text>'
        '<path d="M314 84 l12 12 m0 -12 l-12 12" stroke="#0072b2" stroke-width="3"/>'
        '<text x="334" y="95">bicubic samples here: centre of the block</text>'
        '<text x="314" y="130">direct:aligned moves the kernel\'s</text>'
        '<text x="314" y="150">centre by the arrow, down and right,</text>'
        '<text x="314" y="170">so that both sample the same position.</text>'
    )
    target.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 270" width="640" height="270">'
        "<style>text{font:14px sans-serif;fill:#222}.small{font-size:11px}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#444"/></marker></defs>'
        f'<rect width="640" height="270" fill="white"/>{"".join(parts)}{legend}</svg>\n'
    )


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    draw_kernels(folder / "degradations-kernels.png")
    draw_examples(folder / "degradations-examples.webp")
    draw_estimates(folder / "degradations-estimates.png")
    draw_alignment(folder / "degradations-alignment.svg")


if __name__ == "__main__":
    main()
