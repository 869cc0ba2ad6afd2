"""Small SAN, RCAN and ESPCN networks to look into: train them, then draw the images of docs/explanation/attention.md.

    python examples/attention_maps.py train --data DIR --out runs/attention --network san --steps 2000
    python examples/attention_maps.py draw --weights runs/attention --image IMAGE --out docs/images

DIR is a folder of images. IMAGE is shown as its part 320x240 at (320, 80), shrunk to half by bicubic
interpolation; the box lies on a facade. Every network upscales by 2 in RGB; L1 loss, Adam, eight patches of 24x24 LR
pixels a step, learning rate 5e-4 falling to zero along a half cosine, seed 0.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from kukkiri.attention import NonLocal, covariance_pool, matrix_sqrt
from kukkiri.checkpoints import describe, load, save_safetensors
from kukkiri.data.pairs import PairSet
from kukkiri.data.patches import PatchSampler
from kukkiri.explain import attention_maps as maps
from kukkiri.explain import attribution, network_io
from kukkiri.explain.figures import make_figure
from kukkiri.images import read_image
from kukkiri.networks import NETWORKS
from kukkiri.resampling import resize

NETS = {
    "san": {"scale": 2, "width": 32, "groups": 3, "blocks": 3, "reduction": 8},
    "rcan": {"scale": 2, "width": 32, "groups": 3, "blocks": 3, "reduction": 8},
    "espcn": {"scale": 2, "colour": "rgb"},
}
PART = (320, 80, 320, 240)  # of the image: left, top, width, height
BOX = (184, 128, 16, 16)  # of the output, which has the size of the part
PIXELS = ((92, 68), (30, 20), (130, 100))  # of the input: facade, sky, another quadrant


def train(name: str, *, data: Path, out: Path, steps: int, images: int) -> None:
    torch.manual_seed(0)
    net = NETWORKS[name](**NETS[name])
    pairs = PairSet.from_folder(data, scale=2, colour="rgb", limit=images)
    sampler = PatchSampler(pairs, patch=24, batch=8)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    mean, began = 0.0, time.monotonic()
    for step in range(1, steps + 1):
        lr, hr = sampler.at(step)
        loss = (net(lr * net.value_range) / net.value_range - hr).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        mean += (loss.item() - mean) / min(step, 100)
        if step % 100 == 0:
            print(f"{name} step {step}: L1 {mean:.5f}, {time.monotonic() - began:.0f} s", flush=True)
    training_data = f"{len(pairs)} images, {steps} steps of 8 patches of 24x24 LR pixels"
    info = describe(net, name=f"{name}-small-x2", arguments=NETS[name], training_data=training_data)
    save_safetensors(net, out / f"{name}.safetensors", info=info, overwrite=True)


def draw(weights: Path, *, image: Path, out: Path) -> None:
    left, top, width, height = PART
    lr = resize(read_image(image).colour[top : top + height, left : left + width], scale=0.5).clip(0, 1)
    out.mkdir(parents=True, exist_ok=True)
    loaded = {name: load(weights / f"{name}.safetensors") for name in NETS}
    for name, model in loaded.items():
        result = attribution.attribute(model.module, lr, box=BOX, margin=None)
        sr = network_io.upscale_array(model.module, lr)
        file = out / f"attention-attribution-{name}.png"
        attribution.draw_attribution(result, lr, sr, file, box=BOX, scale=2)
        kept = np.abs(result.map).sum()
        print(f"{name}: {model.info.training_data}; diffusion index {result.diffusion_index:.2f}, |map| {kept:.4f}")
    for name in ("san", "rcan"):
        maps.draw_channel_weights(
            maps.find_channel_weights(loaded[name].module, lr), out / f"attention-channels-{name}.png"
        )
        for row in maps.find_channel_weights(loaded[name].module, lr):
            print(f"{row.name}: weights {row.weights.min():.3f} to {row.weights.max():.3f}, sd {row.weights.std():.3f}")
    print_root_errors(loaded["san"].module, lr)
    found = maps.find_position_weights(loaded["san"].module, lr, pixel=PIXELS[0])
    maps.draw_position_weights(found, lr, out / "attention-positions.png", pixel=PIXELS[0])
    draw_queries(lr, out / "attention-soft.png")


def print_root_errors(network: torch.nn.Module, lr: np.ndarray) -> None:
    """Print the error of Newton-Schulz iterations against the exact root, on the network's own covariances."""
    inputs: list[torch.Tensor] = []
    handles = [group.soca.register_forward_pre_hook(lambda _, x: inputs.append(x[0])) for group in network.RG]
    network_io.upscale_array(network, lr)
    for handle in handles:
        handle.remove()
    matrices = torch.cat([covariance_pool(x.double()) for x in inputs])
    exact = matrix_sqrt(matrices, method="eigen")
    for iterations in (3, 5, 8, 12):
        errors = (matrix_sqrt(matrices, iterations=iterations) - exact).norm(dim=(1, 2)) / exact.norm(dim=(1, 2))
        print(f"{iterations} iterations: relative error of the root", " ".join(f"{value:.4f}" for value in errors))


def draw_queries(lr: np.ndarray, path: Path) -> None:
    """Draw Gaussian non-local attention over raw patches: one map for each query pixel, no learned weights.

    The features of a pixel are its 7x7 patch without its mean, of length 5, so that the logits lie in -25..25.
    """
    grey = torch.from_numpy(lr.mean(axis=2))[None, None]
    patches = functional.unfold(functional.pad(grey, (3,) * 4, mode="reflect"), 7)
    patches = 5 * functional.normalize(patches - patches.mean(dim=1, keepdim=True), dim=1)
    features = patches.view(1, 49, *lr.shape[:2])
    net = NonLocal(49, pairwise="gaussian")
    figure = make_figure(9.5, 2.7)
    for axes, pixel in zip(figure.subplots(1, len(PIXELS)), PIXELS, strict=True):
        weights = net.attention(features, pixel[::-1])[0].numpy()
        share = (weights / np.sort(weights, axis=None)[-20]).clip(0, 1)  # the pixel itself is far above the rest
        axes.imshow(lr.mean(axis=2), cmap="gray", vmin=0, vmax=1.5)
        axes.imshow(share, cmap="inferno", vmin=0, vmax=1, alpha=share**0.5)
        axes.plot(*pixel, marker="+", color="cyan", markersize=10, markeredgewidth=2)
        near = np.sort(weights, axis=None)[::-1].cumsum().searchsorted(0.9) + 1
        axes.set_title(f"query {pixel[0]},{pixel[1]}: 90 % on {near} pixels", fontsize=9)
        axes.set_axis_off()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    trainer = commands.add_parser("train", help="train one small network")
    trainer.add_argument("--data", type=Path, required=True)
    trainer.add_argument("--out", type=Path, default=Path("runs/attention"))
    trainer.add_argument("--network", choices=NETS, default="san")
    trainer.add_argument("--steps", type=int, default=2000)
    trainer.add_argument("--images", type=int, default=120, help="of the folder, by name")
    drawer = commands.add_parser("draw", help="draw the images of docs/explanation/attention.md")
    drawer.add_argument("--weights", type=Path, default=Path("runs/attention"))
    drawer.add_argument("--image", type=Path, required=True)
    drawer.add_argument("--out", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    if given.command == "draw":
        draw(given.weights, image=given.image, out=given.out)
        return
    train(given.network, data=given.data, out=given.out, steps=given.steps, images=given.images)


if __name__ == "__main__":
    main()
