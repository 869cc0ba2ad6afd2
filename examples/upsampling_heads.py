"""Draw the measurements of examples/heads.py, and convert its trained heads, for docs/results/upsampling-heads.md.

    python examples/upsampling_heads.py --runs runs/heads --image PHOTO --out docs/images

Writes heads_curves.png, heads_start.png (before the first step) and heads_end.png, and prints the table, the equality
of the converted head, and the cost of evening out the phases. Needs matplotlib.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from heads import HEADS, SCALE, OneBody, make_pairs, measure, read_luma
from matplotlib.figure import Figure
from safetensors.torch import load_file

from kukkiri.metrics.checkerboard import sub_pixel_residual
from kukkiri.resampling import resize
from kukkiri.upsampling import make_flat_images, repair_, sub_pixel_to_transposed, transposed_to_sub_pixel

DASHED = {"zero-insert": "transposed", "sub-pixel-space": "sub-pixel"}  # the same result by another implementation


def draw_curves(path: Path, results: dict) -> None:
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    axes = figure.subplots(1, 2)
    colours = {name: f"C{index}" for index, name in enumerate(name for name in HEADS if name not in DASHED)}
    for name in (name for name in HEADS if name in results):
        curve = results[name]["curve"]
        style = {"color": colours[DASHED.get(name, name)], "lw": 1.2, "ls": "--" if name in DASHED else "-"}
        steps = [point["step"] for point in curve]
        for axis, key in zip(axes, ("psnr", "score"), strict=True):
            axis.plot(np.maximum(steps, 25), [point[key] for point in curve], label=name, **style)
    axes[0].axhline(results["bicubic"]["psnr"], color="grey", ls=":", label="bicubic")
    axes[0].set_ylim(results["bicubic"]["psnr"] - 3, None)
    axes[0].set_title("PSNR on luma, dB", fontsize=10)
    axes[1].set_title("checkerboard score, dB", fontsize=10)
    for axis in axes:
        axis.set_xscale("log")
        axis.set_xlabel("step (25: before the first)", fontsize=9)
    axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=90)


def draw_images(path: Path, networks: dict[str, torch.nn.Module], hr: np.ndarray) -> None:
    lr = resize(hr, scale=1 / SCALE).astype(np.float32)
    figure = Figure(figsize=(1.55 * (len(networks) + 1), 3.5), layout="constrained")
    above, below = figure.subplots(2, len(networks) + 1)
    above[0].imshow(hr, cmap="gray", vmin=0, vmax=1)
    above[0].set_title("original", fontsize=8)
    for axis in (*above, *below):
        axis.axis("off")
    for (name, network), top, bottom in zip(networks.items(), above[1:], below[1:], strict=True):
        with torch.no_grad():
            sr = network(torch.from_numpy(lr)[None, None])[0, 0].numpy()
        top.imshow(sr, cmap="gray", vmin=0, vmax=1)
        top.set_title(name, fontsize=8)
        bottom.imshow(0.5 + 4 * sub_pixel_residual(sr, scale=SCALE), cmap="gray", vmin=0, vmax=1)
    figure.savefig(path, dpi=68)


def load_trained(name: str, runs: Path) -> OneBody:
    network = OneBody(name)
    network.load_state_dict(load_file(runs / f"{name}.safetensors"))
    return network.eval()


def print_conversions(runs: Path, pairs) -> None:
    """Print the difference of the trained transposed head as sub-pixel, and of the sub-pixel head as transposed."""
    for name, convert in (
        ("transposed", lambda head: transposed_to_sub_pixel(head.conv)),
        ("sub-pixel", lambda head: sub_pixel_to_transposed(head.conv, scale=SCALE)),
    ):
        network = load_trained(name, runs)
        other = convert(network.head)
        with torch.no_grad():
            worst = max(
                float((other(f) - network.head(f)).abs().max()) for f in (network.body(lr[None]) for lr, _ in pairs)
            )
        print(f"{name} head as {type(other).__name__}: largest difference {worst:.1e} over {len(pairs)} images")


def print_repairs(runs: Path, pairs) -> None:
    """Print the cost of evening out the phases, for every constant or only for grey images."""
    flat = make_flat_images(1, size=25)
    for name in ("transposed", "sub-pixel"):
        for kind, constants in (("every constant", None), ("flat images", flat)):
            network = load_trained(name, runs)
            before = measure(network, pairs)
            layer = network.head if constants is None else network
            _, change = repair_(layer, constants=constants, tolerance=0.05 / 255)
            after = measure(network, pairs)
            print(
                f"{name} repaired for {kind}: weights changed by {100 * change:.2f} %, score {before['score']:.2f} -> "
                f"{after['score']:.2f} dB, PSNR {before['psnr']:.4f} -> {after['psnr']:.4f} dB"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/heads"))
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--corner", type=int, nargs=2, default=(240, 260), help="row and column of the crop")
    parser.add_argument("--side", type=int, default=144, help="of the crop")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    results = json.loads((options.runs / "curves.json").read_text())
    print(f"bicubic {results['bicubic']['psnr']:.2f} dB")
    names = [name for name in HEADS if name in results]
    for name in names:
        run = results[name]
        marks = {point["step"]: point for point in run["curve"]}
        scores = "  ".join(
            f"{marks[step]['score']:6.2f}" if step in marks else "     -" for step in (0, 50, 200, 500, 3000)
        )
        last = run["curve"][-1]
        print(
            f"{name:16} step {last['step']:5} PSNR {last['psnr']:.3f}  score at 0, 50, 200, 500, 3000: {scores}  "
            f"{run['cpu_ms_per_step']:.1f} ms/step {run['cpu_ms_per_image']:.1f} ms/image"
        )
    pairs = make_pairs([options.image], crop=384)
    print_conversions(options.runs, pairs)
    print_repairs(options.runs, pairs)
    draw_curves(options.out / "heads_curves.png", results)
    top, left = options.corner
    hr = read_luma(options.image)[top : top + options.side, left : left + options.side]
    draw_images(options.out / "heads_start.png", {name: OneBody(name).eval() for name in names}, hr)
    draw_images(options.out / "heads_end.png", {name: load_trained(name, options.runs) for name in names}, hr)


if __name__ == "__main__":
    main()
