"""Speed of training: updates and counted operations per second, and the time that is not the network's.

    python benchmarks/training.py [--network plain-16x4 ...] [--device cpu cuda] [--precision float32 ...]
        [--steps 20] [--batch N] [--threads 1]

A row runs the training loop itself (``kukkiri.training.train.run``: sampling, step, optimizer, averages, log; no
validation, no checkpoint) for some updates, and times the calls of its step function (forward, loss and backward) and
of its sampler in it; what is left are the optimizer, the averages, the norm of the gradient and the log. On a CPU all
times are CPU times of one process, so that other programs do not count. On a GPU they are wall times; the rate is that
of a loop that nothing interrupts, and the shares are those of a second one that waits for the device around each call.
Patches come from synthetic images in memory.

Operations are those of convolutions and matrix products: 6 for each multiply-add of the forward pass of a network that
is updated (forward, and twice that backward). ``srgan`` is a generator (SRGAN x4) and a discriminator at once, in
a step that is written here: L1 and the adversarial loss for the generator, whose gradient passes through the frozen
discriminator (4 operations for each of its multiply-adds), and cross-entropy of real and estimated patches for the
discriminator (12).
"""

import argparse
import dataclasses
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.data import LRSet, prepare
from kukkiri.errors import BackendError
from kukkiri.images import Image
from kukkiri.networks import SRGANDiscriminator
from kukkiri.profiling.torch_cost import count_multiply_adds
from kukkiri.training import Recipe, read_recipe
from kukkiri.training.kinds import set_up
from kukkiri.training.log import RunLog
from kukkiri.training.precision import autocast, check_precision
from kukkiri.training.processes import World
from kukkiri.training.run_folder import RunFolder
from kukkiri.training.setup import Part, Setup
from kukkiri.training.state import TrainingState
from kukkiri.training.train import run

RECIPES = Path(__file__).parents[1] / "recipes"
PLAIN, SAN = RECIPES / "plain-m-x2-first.toml", RECIPES / "san-s-x2.toml"
SMALL = ("patch=24", "batch=4")
ROWS: dict[str, tuple[Path, list[str]]] = {
    "plain-16x4": (PLAIN, ["arguments={width=16,depth=4}"]),
    "plain-32x10": (PLAIN, ["arguments={width=32,depth=10}"]),
    "plain-48x12": (PLAIN, ["arguments={width=48,depth=12}"]),
    "san-s": (SAN, []),
    "srgan": (
        PLAIN,
        ["network=srgan", "scale=4", "arguments={}", "centre=0.0", "optimizer=adam", "patch=24", "batch=4"],
    ),
}
"""A recipe and what differs from it, by the name of the row; san-s is the recipe of the shipped weights as it is."""
PRECISIONS = {
    "float32": ["precision=float32", "channels_last=false"],
    "float32, channels last": ["precision=float32", "channels_last=true"],
    "bfloat16, channels last": ["precision=bfloat16", "channels_last=true"],
}
OPERATIONS = 6
ADVERSARIAL = 1e-3
WARM_UP = 3  # updates after which memory, libraries and the state of the optimizer are ready


@dataclasses.dataclass(frozen=True)
class Row:
    """Measurements of one kind of training."""

    seconds: float
    """For one update."""
    network: float
    """Share of the time in the step function."""
    sampling: float
    """Share of the time in the sampler."""
    operations: float
    """Of one update."""
    batch: str


class Timer:
    """CPU time of this process for a CPU, wall time until the device has done its work for others."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.spent = dict.fromkeys(("loop", "step", "parts"), 0.0)

    def now(self) -> float:
        if self._device.type == "cpu":
            return time.process_time()
        (torch.cuda if self._device.type == "cuda" else torch.mps).synchronize()
        return time.perf_counter()

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and adds its time."""

        def do(*values: object) -> Any:
            begun = self.now()
            try:
                return work(*values)
            finally:
                self.spent[name] += self.now() - begun

        return do


def main() -> int:
    options = parse()
    torch.set_num_threads(options.threads)
    print(describe_machine(options.threads))
    print("\n| network | batch | device | precision | updates/s | TFLOP/s | network | sampling | optimizer, EMA, log |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "data"
        make_images(Path(temporary) / "images")
        prepare(Path(temporary) / "images", data, lr_sets=[LRSet(2, "bicubic"), LRSet(4, "bicubic")])
        for name in options.network:
            for device in map(torch.device, options.device):
                for precision in options.precision:
                    overrides = [*PRECISIONS[precision], f"data={data}", f"output={temporary}", "validation="]
                    overrides += [f"batch={options.batch}"] if options.batch else []
                    path, changes = ROWS[name]
                    recipe = read_recipe(path, [*changes, *overrides, "steps=1000000", f"log_every={options.steps}"])
                    try:
                        check_precision(recipe.precision, device=device)
                    except BackendError as error:
                        print(f"{name}, {device}, {precision}: {error}", file=sys.stderr)
                        continue
                    print_row(f"{name} | {{}} | {device} | {precision}", measure(recipe, device, steps=options.steps))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    present = ["cpu", *(["cuda"] if torch.cuda.is_available() else []), *(["mps"] if has_mps() else [])]
    parser.add_argument("--network", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--device", nargs="+", default=present, help="all that are there by default")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--steps", type=int, default=20, help="updates of the loop that are timed")
    parser.add_argument("--batch", type=int, default=0, help="patches in an update; 0: the recipe's")
    parser.add_argument("--threads", type=int, default=1, help="of torch on the CPU")
    return parser.parse_args()


def has_mps() -> bool:
    return torch.backends.mps.is_available()


def describe_machine(threads: int) -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    cpu = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{cpu} ({capability}), {threads} thread(s) of {os.cpu_count()} CPUs{gpu}, torch {torch.__version__}"


def make_images(folder: Path, *, count: int = 6, side: int = 480) -> None:
    """Images of random detail at several scales."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        image = np.zeros((side, side, 3))
        for block in (1, 4, 16, 60):
            coarse = rng.normal(0.0, 10 * block**0.5, (side // block, side // block, 3))
            image += np.kron(coarse, np.ones((block, block, 1)))
        Image.from_array(np.clip(128 + image, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")


def measure(recipe: Recipe, device: torch.device, *, steps: int) -> Row:
    """Time the loop, and in it the step function and the sampler."""
    setup = set_up(recipe, device=device, world=World())
    setup.initialize()
    if recipe.network == "srgan":
        setup = make_adversarial(recipe, setup)
    folder = RunFolder(recipe.folder)
    folder.path.mkdir(exist_ok=True)
    scaler = torch.amp.GradScaler(device.type, enabled=False)
    state = TrainingState(setup.modules, setup.optimizers, scaler)
    state.begin_averages(recipe.emas)
    state.save = lambda *values, **named: None  # type: ignore[method-assign]  # a checkpoint is one in a thousand updates
    log = RunLog(folder.log, tensorboard=False, report=None)

    def train(setup: Setup, count: int) -> None:
        run(recipe, setup, state, last=state.step + count, folder=folder, log=log)

    train(setup, WARM_UP)
    timer = Timer(device)
    watched = dataclasses.replace(setup, step=timer.timed("step", setup.step), parts=timer.timed("parts", setup.parts))
    timer.timed("loop", train)(watched, steps)
    spent = timer.spent
    seconds = spent["loop"] / steps
    if device.type != "cpu":  # without the waiting around each call
        alone = Timer(device)
        alone.timed("loop", train)(setup, steps)
        seconds = alone.spent["loop"] / steps
    setup.close()
    operations = recipe.batch * count_operations(recipe, setup)
    shares = (spent["step"] / spent["loop"], spent["parts"] / spent["loop"])
    return Row(seconds, *shares, operations, f"{recipe.batch} x {recipe.patch}²")


def count_operations(recipe: Recipe, setup: Setup) -> float:
    """Operations of training for one patch."""
    network = setup.modules["network"].eval()
    channels = 3 if network.colour == "rgb" else 1
    operations = OPERATIONS * count_multiply_adds(network, channels=channels, side=recipe.patch)
    if "discriminator" in setup.modules:
        discriminator = setup.modules["discriminator"].eval()
        adds = count_multiply_adds(discriminator, channels=3, side=recipe.patch * recipe.scale)
        operations += (4 + 2 * OPERATIONS) * adds
    return operations


def make_adversarial(recipe: Recipe, setup: Setup) -> Setup:
    """Add a discriminator, and replace the step function by one of a GAN."""
    discriminator = SRGANDiscriminator(variant="pooled").to(setup.device)
    if recipe.channels_last:
        discriminator.to(memory_format=torch.channels_last)
    generator = setup.modules["network"]

    def step(state: TrainingState, part: Part) -> dict[str, Tensor]:
        return adversarial_step(recipe, generator, discriminator, part)

    return dataclasses.replace(
        setup,
        modules={"network": generator, "discriminator": discriminator},
        optimizers={**setup.optimizers, "discriminator": torch.optim.Adam(discriminator.parameters())},
        rates=lambda step: {"network": 1e-4, "discriminator": 1e-4},
        step=step,
    )


def adversarial_step(
    recipe: Recipe, generator: nn.Module, discriminator: SRGANDiscriminator, part: Part
) -> dict[str, Tensor]:
    """Add the gradients of both networks, see :attr:`kukkiri.training.setup.Setup.step`."""
    lr, hr = part.data
    if recipe.channels_last:
        lr, hr = (values.contiguous(memory_format=torch.channels_last) for values in (lr, hr))
    entropy = functional.softplus  # of logits: softplus(-x) where real is right, softplus(x) where estimated is
    discriminator.requires_grad_(False)
    with autocast(recipe.precision, device=lr.device):
        sr = generator(lr)
        judged = discriminator.logits(sr)
    loss = functional.l1_loss(sr.float(), hr) + ADVERSARIAL * entropy(-judged.float()).mean()
    (part.share * loss).backward()
    discriminator.requires_grad_(True)
    with autocast(recipe.precision, device=lr.device):
        real, estimated = discriminator.logits(hr), discriminator.logits(sr.detach())
    error = entropy(-real.float()).mean() + entropy(estimated.float()).mean()
    (part.share * error).backward()
    return {"loss": (part.share * loss).detach()}


def print_row(title: str, row: Row) -> None:
    rate, flops = f"{1 / row.seconds:.3g}", f"{row.operations / row.seconds / 1e12:.3g}"
    rest = 1 - row.network - row.sampling
    shares = " | ".join(f"{share:.1%}" for share in (row.network, row.sampling, rest))
    print(f"| {title.format(row.batch)} | {rate} | {flops} | {shares} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
