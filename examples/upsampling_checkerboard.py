"""The causes of checkerboards and the effect of each remedy: numbers and images of docs/explanation/checkerboards.md.

    python examples/upsampling_checkerboard.py --out docs/images

Prints two tables and writes checkerboard_{overlap,start,spectra,dcgan,fcn}.png. Needs matplotlib.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from networks.dcgan import DCGANGenerator
from networks.fcn import FCN
from networks.segnet import SegNet
from torch import nn

from kukkiri.metrics.checkerboard import (
    checkerboard,
    network_checkerboard,
    overlap_count,
    phase_response,
    smooth_probe,
    spectrum,
    sub_pixel_residual,
)
from kukkiri.upsampling import (
    UPSAMPLERS,
    TransposedConv,
    equalize_sub_pixel_,
    equalize_transposed_,
)

FEATURES = 32


def as_arrays(module: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """Wrap a module as a function of one (H, W, C) array."""

    def run(lr: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return module(torch.from_numpy(lr.transpose(2, 0, 1)[None].copy()))[0].permute(1, 2, 0).numpy()

    return run


def print_kernels(samples: int = 40) -> None:
    """Print the overlap, and the unevenness of the gains with equal and with random weights, at stride 2."""
    print(
        f"{'kernel':>6} {'overlap':>9} {'equal weights':>14} {'random weights':>15}   (spread of the gains / their rms)"
    )
    for size in range(2, 9):
        counts = overlap_count(20, kernel_size=size, stride=2)[size:-size]
        uneven = {}
        for kind in ("equal", "random"):
            found = []
            for seed in range(samples if kind == "random" else 1):
                torch.manual_seed(seed)
                layer = TransposedConv(channels_in=FEATURES, channels_out=1, scale=2, kernel_size=size)
                nn.init.zeros_(layer.conv.bias)
                if kind == "equal":
                    nn.init.ones_(layer.conv.weight)
                gains = phase_response(as_arrays(layer), scale=2, channels=FEATURES)
                found.append(float(gains.std() / np.sqrt((gains**2).mean())))
            uneven[kind] = np.mean(found)
        print(f"{size:>6} {counts.min():>4} to {counts.max()} {uneven['equal']:>14.3f} {uneven['random']:>15.3f}")


def draw_overlaps(path: Path) -> None:
    figure = Figure(figsize=(9.6, 4.6), layout="constrained")
    axes = figure.subplots(2, 4)
    for column, (size, stride) in enumerate(((3, 2), (4, 2), (5, 3), (6, 3))):
        count = overlap_count(6, kernel_size=size, stride=stride)
        axes[0, column].imshow(np.outer(count, count), cmap="gray", vmin=0)
        axes[0, column].set_title(f"kernel {size}, stride {stride}: overlap", fontsize=9)
        torch.manual_seed(1)
        layer = TransposedConv(channels_in=FEATURES, channels_out=1, scale=stride, kernel_size=size)
        answer = as_arrays(layer)(np.ones((7, 7, FEATURES), dtype=np.float32))[..., 0]
        axes[1, column].imshow(answer, cmap="gray")
        axes[1, column].set_title("answer of random weights to a constant", fontsize=8)
    for axis in axes.flat:
        axis.axis("off")
    figure.savefig(path, dpi=90)


class Small(nn.Module):
    """Two random convolutions and a head: enough to show the pattern of a head before training."""

    def __init__(self, head: str, remedy: str, *, scale: int) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.body = nn.Sequential(
            nn.Conv2d(1, FEATURES, 3, padding=1), nn.ReLU(), nn.Conv2d(FEATURES, FEATURES, 3, padding=1), nn.ReLU()
        )
        for layer in self.body[::2]:
            nn.init.kaiming_normal_(layer.weight)
        torch.manual_seed(4)
        self.head = UPSAMPLERS[head](channels_in=FEATURES, channels_out=1, scale=scale)
        conv = self.head.conv
        if remedy == "ICNR":
            self.head.icnr_()
        elif remedy == "even gains" and head == "transposed":
            equalize_transposed_(conv.weight, scale=scale)
        elif remedy == "even gains":
            equalize_sub_pixel_(conv.weight, conv.bias, scale=scale)
        nn.init.zeros_(conv.bias)
        with torch.no_grad():  # the same brightness and contrast for all
            lr = torch.from_numpy(smooth_probe(64, seed=5).transpose(2, 0, 1)[None].copy())
            answer = self(lr)[..., 16:-16, 16:-16]
            conv.weight.mul_(0.12 / answer.std())
            conv.bias.fill_(0.5 - float(answer.mean() * 0.12 / answer.std()))

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(lr))


CASES = [
    ("transposed", ""),
    ("sub-pixel", ""),
    ("resize-nearest", ""),
    ("transposed", "ICNR"),
    ("sub-pixel", "ICNR"),
    ("transposed", "even gains"),
    ("sub-pixel", "even gains"),
]


def draw_remedies(image_path: Path, spectra_path: Path, *, scale: int = 2) -> None:
    images = Figure(figsize=(12.6, 3.9), layout="constrained")
    spectra = Figure(figsize=(12.6, 2.2), layout="constrained")
    above, below = images.subplots(2, len(CASES))
    lr = smooth_probe(64, seed=5)
    print(f"\n{'head':>16} {'remedy':>11} {'score':>9} {'amplitude':>10} {'phases of grey differ by':>25}")
    for (head, remedy), top, bottom, axis in zip(CASES, above, below, spectra.subplots(1, len(CASES)), strict=True):
        run = as_arrays(Small(head, remedy, scale=scale))
        found = network_checkerboard(run, scale=scale, channels=1)
        answer = run(lr)[..., 0]
        texture, spread = found.texture, 255 * found.spread
        print(
            f"{head:>16} {remedy:>11} {texture.score:>6.2f} dB {255 * texture.amplitude:>10.3f} {spread:>18.3f} levels"
        )
        top.imshow(answer[32:96, 32:96], cmap="gray", vmin=0, vmax=1)
        top.set_title(f"{head}\n{remedy or 'random'}: {texture.score:.1f} dB", fontsize=8)
        bottom.imshow(0.5 + 4 * sub_pixel_residual(answer, scale=scale)[32:96, 32:96], cmap="gray", vmin=0, vmax=1)
        power = np.fft.fftshift(spectrum(answer[8:-8, 8:-8], scale=scale))
        axis.imshow(10 * np.log10(power + 1e-12), cmap="magma", vmin=-110, vmax=-30, extent=(-0.5, 0.5, 0.5, -0.5))
        axis.set_title(f"{head}\n{remedy or 'random'}", fontsize=8)
        axis.tick_params(labelsize=6)
        top.axis("off")
        bottom.axis("off")
    images.savefig(image_path, dpi=75)
    spectra.savefig(spectra_path, dpi=90)


def draw_dcgan(path: Path) -> None:
    """Draw images of untrained generators, contrast stretched, and their difference from the mean over a period."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    kinds = [
        ("transposed", "random"),
        ("sub-pixel", "random"),
        ("transposed", "nearest"),
        ("sub-pixel", "nearest"),
        ("resize-nearest", "random"),
    ]
    above, below = figure.subplots(2, len(kinds))
    for (head, initialization), top, bottom in zip(kinds, above, below, strict=True):
        torch.manual_seed(0)
        generator = DCGANGenerator(widths=(256, 128, 64, 32), head=head, initialization=initialization).eval()
        with torch.no_grad():
            image = generator(torch.randn(1, 100))[0].permute(1, 2, 0).numpy()
        image = np.clip(0.5 + 0.15 * (image - image.mean(axis=(0, 1))) / image.std(axis=(0, 1)), 0, 1)
        top.imshow(image)
        top.set_title(f"{head}, {initialization}: {checkerboard(image, scale=2).score:.1f} dB", fontsize=8)
        bottom.imshow(np.clip(0.5 + 2 * sub_pixel_residual(image, scale=2), 0, 1))
        top.axis("off")
        bottom.axis("off")
    figure.savefig(path, dpi=60)


def draw_fcn(path: Path) -> None:
    """Draw one class score of untrained decoders on a smooth image."""
    figure = Figure(figsize=(10, 2.4), layout="constrained")
    kinds = [
        ("transposed", "random"),
        ("transposed", "area"),
        ("sub-pixel", "random"),
        ("sub-pixel", "area"),
        ("unpooling", "random"),
    ]
    image = torch.from_numpy(smooth_probe(96, channels=3).transpose(2, 0, 1)[None].copy())
    for (head, initialization), axis in zip(kinds, figure.subplots(1, len(kinds)), strict=True):
        torch.manual_seed(0)
        if head == "unpooling":
            network: nn.Module = SegNet().eval()
        else:
            network = FCN(head=head, initialization=initialization, skips=False).eval()
        with torch.no_grad():
            score = network(image)[0, 0].numpy()
        low, high = np.percentile(score, (1, 99))
        shown = np.clip((score - low) / (high - low), 0, 1)
        axis.imshow(shown[16:80, 16:80], cmap="gray")
        axis.set_title(f"{head}, {initialization}: {checkerboard(shown, scale=2).score:.1f} dB", fontsize=8)
        axis.axis("off")
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    print_kernels()
    draw_overlaps(options.out / "checkerboard_overlap.png")
    draw_remedies(options.out / "checkerboard_start.png", options.out / "checkerboard_spectra.png")
    draw_dcgan(options.out / "checkerboard_dcgan.png")
    draw_fcn(options.out / "checkerboard_fcn.png")


if __name__ == "__main__":
    main()
