"""Draw the three interpolations in one and two dimensions, and the matrix of a convolution.

    python examples/upsampling_interpolation.py --image PHOTO --out docs/images

Writes upsampling_lines.png, upsampling_images.png and upsampling_matrix.png for docs/explanation/upsampling.md. Needs
matplotlib.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from kukkiri.images import read_image
from kukkiri.resampling import resize
from kukkiri.resampling.point import bicubic, bilinear, cubic, linear, nearest, nearest_2d, output_positions
from kukkiri.upsampling import convolution_matrix


def draw_lines(path: Path) -> None:
    samples = np.array([1.0, 4.0, 3.0, 3.5, 0.5, 2.0])
    positions = np.linspace(-0.5, 5.5, 601)
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    for axis, interpolate in zip(figure.subplots(1, 3, sharey=True), (nearest, linear, cubic), strict=True):
        axis.plot(positions, interpolate(samples, positions), lw=1.5)
        axis.plot(np.arange(len(samples)), samples, "o", ms=5, color="black")
        value = float(interpolate(samples, 1.6))
        axis.plot([1.6, 1.6], [0, value], ":", color="tab:red")
        axis.plot(1.6, value, "s", ms=5, color="tab:red")
        axis.set_title(f"{interpolate.__name__}: f(1.6) = {value:.3f}", fontsize=10)
        axis.set_ylim(0, 4.6)
    figure.savefig(path, dpi=90)


def draw_images(path: Path, photo: Path, *, corner: tuple[int, int], side: int, scale: int) -> None:
    """Draw a crop downscaled and upscaled again by each definition, beside the original."""
    top, left = corner
    hr = read_image(photo).colour[top : top + side * scale, left : left + side * scale].astype(np.float64)
    lr = resize(hr, scale=1 / scale)
    at = output_positions(side * scale, scale=scale)
    figure = Figure(figsize=(10, 2.9), layout="constrained")
    panels = {"original": hr} | {
        interpolate.__name__: interpolate(lr, at[:, None], at[None, :])
        for interpolate in (nearest_2d, bilinear, bicubic)
    }
    for axis, (name, panel) in zip(figure.subplots(1, 4), panels.items(), strict=True):
        axis.imshow(np.clip(panel, 0, 1), interpolation="nearest", cmap="gray")
        error = "" if name == "original" else f" ({10 * np.log10(1 / np.mean((panel - hr) ** 2)):.2f} dB)"
        axis.set_title(name.removesuffix("_2d") + error, fontsize=10)
        axis.axis("off")
    figure.savefig(path, dpi=90)


def draw_matrix(path: Path) -> None:
    """Draw C of a 3x3 kernel on a 4x4 input, 4x16, and its transpose."""
    weight = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    dense = convolution_matrix(weight, size=(4, 4)).to_dense().numpy()
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    axes = figure.subplots(1, 2, width_ratios=(3, 1))
    for axis, values, title in (
        (axes[0], dense, "C: 4x4 to 2x2"),
        (axes[1], dense.T, "C^T: 2x2 to 4x4"),
    ):
        axis.imshow(np.where(values == 0, np.nan, values), cmap="viridis", vmin=0, vmax=11)
        for (row, column), value in np.ndenumerate(values):
            if value:
                axis.text(column, row, f"{value:.0f}", ha="center", va="center", color="white", fontsize=8)
        axis.set_xticks(np.arange(values.shape[1] + 1) - 0.5, labels=[])
        axis.set_yticks(np.arange(values.shape[0] + 1) - 0.5, labels=[])
        axis.grid(color="lightgrey", lw=0.5)
        axis.tick_params(length=0)
        axis.set_title(f"{title}, {values.shape[0]}x{values.shape[1]}", fontsize=10)
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--corner", type=int, nargs=2, default=(240, 260), help="row and column of the crop")
    parser.add_argument("--side", type=int, default=48, help="of the crop at low resolution")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    draw_lines(options.out / "upsampling_lines.png")
    draw_images(
        options.out / "upsampling_images.png",
        options.image,
        corner=tuple(options.corner),
        side=options.side,
        scale=options.scale,
    )
    draw_matrix(options.out / "upsampling_matrix.png")


if __name__ == "__main__":
    main()
