"""Second-order and non-local attention of kukkiri against the straightforward formulation: time and memory by size.

    python benchmarks/attention.py --sizes 24 48 72 96 --repeats 3

The straightforward formulation follows the formulas: the covariance through an explicit M x M centring matrix (as in
SAN's official code), its root by an eigendecomposition that autograd differentiates, and non-local attention
through the matrix of all pairs. Every case runs forward and backward (non-local: forward only) in a process of
its own with one thread. A time is the CPU milliseconds of the fastest run, so that other load has little effect;
memory is the growth of the peak resident size over that before the first run. At a ratio above 1 kukkiri needs less.
--json prints one object.
"""

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from kukkiri.attention import NonLocal, SecondOrderChannelAttention, covariance_pool
from kukkiri.networks import SAN

CASES = ("covariance", "second-order", "san", "non-local")
METHODS = {"kukkiri": True, "straightforward": False}
SMALL_SAN = {"scale": 2, "width": 64, "groups": 2, "blocks": 2, "reduction": 16}


def centring_covariance(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    positions = flat.shape[2]
    centring = (torch.eye(positions) - 1.0 / positions) / positions
    return flat @ centring.expand(len(flat), -1, -1) @ flat.mT


class Straightforward(nn.Module):
    """Second-order channel attention by its formula: centring matrix, eigendecomposition, root."""

    def __init__(self, ours: SecondOrderChannelAttention) -> None:
        super().__init__()
        self.conv_du = ours.conv_du

    def forward(self, x: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(centring_covariance(x))
        root = (vectors * values.clamp(min=1e-12).sqrt().unsqueeze(-2)) @ vectors.mT
        return x * self.conv_du(root.mean(dim=1)[..., None, None])


def make(case: str, size: int, *, ours: bool) -> Callable[[], None]:
    """Return a function that runs a case once."""
    torch.manual_seed(0)
    x = torch.randn(1, 64, size, size, requires_grad=case != "non-local")
    if case == "non-local":
        net: Callable[[Tensor], Tensor] = NonLocal(64, inter_channels=8, bounded=ours).requires_grad_(False)
    elif case == "covariance":
        net = covariance_pool if ours else centring_covariance
    elif case == "second-order":
        attention = SecondOrderChannelAttention(64)
        net = attention if ours else Straightforward(attention)
    else:
        net = SAN(**SMALL_SAN)
        for group in () if ours else net.RG:
            group.soca = Straightforward(group.soca)
        x = 255 * torch.rand(1, 3, size, size)

    def run() -> None:
        y = net(x)
        if y.requires_grad:
            y.square().mean().backward()

    return run


def measure(case: str, size: int, ours: bool, repeats: int) -> tuple[float, float]:
    """Measure the CPU milliseconds, and the growth of memory in megabytes, in this process."""
    torch.set_num_threads(1)
    make(case, 4, ours=ours)()  # modules that are loaded at first use do not count
    run, before = make(case, size, ours=ours), peak_megabytes()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        times.append(1000 * (time.process_time() - began))
    return min(times), max(peak_megabytes() - before, 0.1)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--sizes", nargs="+", type=int, default=[24, 48, 72, 96], help="height and width in pixels")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    rows = []
    for case in given.cases:
        for size in given.sizes:
            row: dict[str, str | int | float] = {"case": case, "size": size}
            for name, ours in METHODS.items():
                with context.Pool(1) as pool:
                    row[f"{name}_ms"], row[f"{name}_mb"] = pool.apply(measure, (case, size, ours, given.repeats))
            row["time_ratio"] = row["straightforward_ms"] / row["kukkiri_ms"]
            row["memory_ratio"] = row["straightforward_mb"] / row["kukkiri_mb"]
            rows.append(row)
            if not given.json:
                columns = [f"{name} {row[f'{name}_ms']:7.1f} ms {row[f'{name}_mb']:6.1f} MB" for name in METHODS]
                ratios = f"ratios {row['time_ratio']:5.1f} time {row['memory_ratio']:5.1f} memory"
                print(f"{case:<12} {size:>3}x{size:<3}", *columns, ratios, sep="   ", flush=True)
    if given.json:
        print(json.dumps({"threads": 1, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
