"""One body, several heads: ESPCN's body with every upsampler, the same images, seed and number of steps.

    python examples/heads.py --data DIR --steps 1000 --out runs/heads

DIR is a folder of images; every tenth is kept for validation. Writes one JSON object per head to
curves.json (loss, PSNR and checkerboard over training, time per step and per image) and the trained
weights to NAME.safetensors. A head whose weights exist is not trained again.
examples/upsampling_heads.py draws the images of docs/results/upsampling-heads.md from them.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from kukkiri.files import list_images
from kukkiri.images import read_image, rgb_to_y
from kukkiri.metrics import psnr
from kukkiri.metrics.checkerboard import checkerboard, texture_probe
from kukkiri.networks.espcn import ESPCN
from kukkiri.resampling import resize
from kukkiri.upsampling import UPSAMPLERS, equalize_transposed_, space_from_sub_pixel

SCALE = 3
GREY = 0.45  # tanh works around zero, luma around this
HEADS = {
    "transposed": "transposed",
    "resize-nearest": "resize-nearest",
    "sub-pixel": "sub-pixel",
    "sub-pixel-icnr": "sub-pixel",
    "transposed-icnr": "transposed",
    "transposed-even": "transposed",
    "zero-insert": "zero-insert",
    "sub-pixel-space": "sub-pixel-space",
}
"""Name of the run and its layer; -icnr: ICNR initialization; -even: projected to even gains at every step."""


class OneBody(nn.Module):
    """ESPCN's two tanh layers, then a head, on luma; Xavier initialization with gain 5/3 (tanh)."""

    def __init__(self, head: str, *, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.body = ESPCN(scale=SCALE).first_part
        for layer in self.body:
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight, gain=5 / 3)
                nn.init.zeros_(layer.bias)
        torch.manual_seed(seed + 1)
        self.head = UPSAMPLERS[HEADS[head]](channels_in=32, channels_out=1, scale=SCALE)
        nn.init.zeros_(self.head.conv.bias)
        if head.endswith("icnr"):
            self.head.icnr_()
        if head == "sub-pixel-space":  # the initial weights of the sub-pixel head
            torch.manual_seed(seed + 1)
            other = UPSAMPLERS["sub-pixel"](channels_in=32, channels_out=1, scale=SCALE)
            with torch.no_grad():
                self.head.conv.weight.copy_(space_from_sub_pixel(other.conv.weight, scale=SCALE))
        self.even = head.endswith("even")
        self.project()

    def project(self) -> None:
        if self.even:
            equalize_transposed_(self.head.conv.weight, scale=SCALE)

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(lr - GREY)) + GREY


def read_luma(path: Path) -> np.ndarray:
    """Read the luma of an image, cut to multiples of the scale, (H, W) float32."""
    colour = read_image(path).colour
    luma = rgb_to_y(colour) if colour.shape[2] == 3 else colour[..., 0]
    height, width = (side // SCALE * SCALE for side in luma.shape)
    return np.ascontiguousarray(luma[:height, :width])


def make_pairs(paths: list[Path], *, crop: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Cut the middle ``crop`` HR pixels of each image and make LR of them: (lr, hr), (1, h, w) each."""
    pairs = []
    for path in paths:
        hr = read_luma(path)
        top, left = (max(0, (side - crop) // 2 // SCALE * SCALE) for side in hr.shape)
        hr = hr[top : top + crop, left : left + crop]
        lr = resize(hr, scale=1 / SCALE)
        pairs.append((torch.from_numpy(lr)[None].float(), torch.from_numpy(hr.copy())[None]))
    return pairs


def sample_batches(pairs, *, batch: int, side: int, seed: int):
    """Sample batches of random patches without end."""
    random = np.random.default_rng(seed)
    while True:
        lr, hr = [], []
        for _ in range(batch):
            image_lr, image_hr = pairs[random.integers(len(pairs))]
            y = random.integers(image_lr.shape[1] - side + 1)
            x = random.integers(image_lr.shape[2] - side + 1)
            lr.append(image_lr[:, y : y + side, x : x + side])
            y, x, hr_side = y * SCALE, x * SCALE, side * SCALE
            hr.append(image_hr[:, y : y + hr_side, x : x + hr_side])
        yield torch.stack(lr), torch.stack(hr)


def measure(network: nn.Module, pairs) -> dict[str, float]:
    """Measure the mean PSNR on luma (a border of ``SCALE`` cut) and the checkerboard on the texture probe."""
    with torch.no_grad():
        scores = [
            psnr(hr[0].numpy(), network(lr[None])[0, 0].clamp(0, 1).numpy(), border=SCALE, data_range=1.0)
            for lr, hr in pairs
        ]
        probe = torch.from_numpy(texture_probe(96, scale=SCALE)[None, ..., 0])[None]
        found = checkerboard(network(probe)[0, 0, 12:-12, 12:-12].numpy(), scale=SCALE)
    return {"psnr": float(np.mean(scores)), "score": found.score, "levels": 255 * found.amplitude}


def train(name: str, training, validation, *, steps: int, every: int, stop: int) -> tuple[nn.Module, dict]:
    network = OneBody(name)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    stream = sample_batches(training, batch=16, side=24, seed=0)
    curve = [{"step": 0, **measure(network, validation)}]
    spent = 0.0
    for step in range(1, stop + 1):
        lr, hr = next(stream)
        start = time.process_time()
        loss = functional.l1_loss(network(lr), hr)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network.project()
        spent += time.process_time() - start
        schedule.step()
        if step % every == 0 or step == stop:
            curve.append({"step": step, "loss": float(loss.detach()), **measure(network, validation)})
    return network, {"curve": curve, "cpu_ms_per_step": 1000 * spent / stop}


def time_image(network: nn.Module, *, size: tuple[int, int] = (160, 120)) -> float:
    """Measure the CPU milliseconds of an image, the fastest of five."""
    lr = torch.rand(1, 1, *size)
    best = float("inf")
    with torch.no_grad():
        for _ in range(5):
            start = time.process_time()
            network(lr)
            best = min(best, time.process_time() - start)
    return 1000 * best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--stop", type=int, help="step of the schedule to end after")
    parser.add_argument("--images", type=int, default=200, help="number of images to read, at most")
    parser.add_argument("--every", type=int, default=50, help="steps between two measurements")
    parser.add_argument("--out", type=Path, default=Path("runs/heads"))
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=list(HEADS))
    options = parser.parse_args()
    paths = list_images(options.data)
    paths = paths[: options.images]
    validation = make_pairs(paths[::10], crop=192)
    training = make_pairs([path for index, path in enumerate(paths) if index % 10], crop=384)
    options.out.mkdir(parents=True, exist_ok=True)
    curves_file = options.out / "curves.json"
    results = json.loads(curves_file.read_text()) if curves_file.exists() else {}
    bicubic = [
        psnr(hr[0].numpy(), np.clip(resize(lr[0].numpy(), scale=SCALE), 0, 1), border=SCALE, data_range=1.0)
        for lr, hr in validation
    ]
    results["bicubic"] = {"psnr": float(np.mean(bicubic)), "images": len(validation)}
    for name in options.heads:
        weights = options.out / f"{name}.safetensors"
        network = OneBody(name)
        if weights.exists() and name in results:
            network.load_state_dict(load_file(weights))
        else:
            stop = min(options.stop or options.steps, options.steps)
            network, results[name] = train(
                name, training, validation, steps=options.steps, every=options.every, stop=stop
            )
            save_file(network.state_dict(), weights)
        results[name]["cpu_ms_per_image"] = time_image(network)
        curves_file.write_text(json.dumps(results, indent=1))
        print(
            json.dumps({"head": name, "ms": results[name]["cpu_ms_per_image"], **results[name]["curve"][-1]}),
            flush=True,
        )


if __name__ == "__main__":
    main()
