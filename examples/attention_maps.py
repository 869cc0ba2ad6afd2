"""Small SAN, RCAN and ESPCN networks to look into: train them, then draw what docs/attention.md shows.

    python examples/attention_maps.py train --data DIR --out runs/attention --network san --steps 2000
    python examples/attention_maps.py draw --weights runs/attention --picture PICTURE --out docs/pictures

DIR is a folder of pictures. Every network enlarges by 2 in RGB; L1 loss, Adam, eight patches of 24x24 LR
pixels a step, learning rate 5e-4 falling to zero along a half cosine, seed 0.
"""

import argparse
import time
from pathlib import Path

import torch

from kukkiri.checkpoints import describe, save_safetensors
from kukkiri.data.pairs import PairSet
from kukkiri.data.patches import PatchSampler
from kukkiri.networks import NETWORKS

NETS = {
    "san": {"scale": 2, "width": 32, "groups": 3, "blocks": 3, "reduction": 8},
    "rcan": {"scale": 2, "width": 32, "groups": 3, "blocks": 3, "reduction": 8},
    "espcn": {"scale": 2, "colour": "rgb"},
}


def train(name: str, *, data: Path, out: Path, steps: int, pictures: int) -> None:
    torch.manual_seed(0)
    net = NETWORKS[name](**NETS[name])
    pairs = PairSet.from_folder(data, scale=2, colour="rgb", limit=pictures)
    sampler = PatchSampler(pairs, patch=24, batch=8)
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    mean, began = 0.0, time.monotonic()
    for step in range(1, steps + 1):
        lr, hr = sampler.at(step)
        loss = (net(lr * net.value_range) / net.value_range - hr).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        mean += (loss.item() - mean) / min(step, 100)
        if step % 100 == 0:
            print(f"{name} step {step}: L1 {mean:.5f}, {time.monotonic() - began:.0f} s", flush=True)
    told = f"{len(pairs)} pictures, {steps} steps of 8 patches of 24x24 LR pixels"
    info = describe(net, name=f"{name}-small-x2", arguments=NETS[name], training_data=told)
    save_safetensors(net, out / f"{name}.safetensors", info=info, overwrite=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    trainer = commands.add_parser("train", help="train one small network")
    trainer.add_argument("--data", type=Path, required=True)
    trainer.add_argument("--out", type=Path, default=Path("runs/attention"))
    trainer.add_argument("--network", choices=NETS, default="san")
    trainer.add_argument("--steps", type=int, default=2000)
    trainer.add_argument("--pictures", type=int, default=120, help="of the folder, by name")
    given = parser.parse_args()
    train(given.network, data=given.data, out=given.out, steps=given.steps, pictures=given.pictures)


if __name__ == "__main__":
    main()
