"""MAML's sinusoid regression: five points of a sine are enough with a meta-learned initialization.

    python examples/sinusoid.py

A task is y = A sin(x - p) with A in [0.1, 5] and p in [0, pi]; five points to adapt to, x in [-5, 5]. Prints the
mean squared error after 0, 1 and 10 steps from three initializations of one network: random, trained on all sines at
once, and meta-learned. Smaller than the paper's (70,000 iterations of 25 tasks).
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, func, nn

from kukkiri.training.meta import InnerLoop, adapt_parameters, meta_step

SHOTS = 5
INNER_RATE = 0.01


@dataclass(frozen=True)
class Sinusoid:
    """Support and query points of one sine, (K, 1) each."""

    support_x: Tensor
    support_y: Tensor
    query_x: Tensor
    query_y: Tensor

    @classmethod
    def sample(cls, generator: torch.Generator, *, queries: int = 10) -> "Sinusoid":
        amplitude = 0.1 + 4.9 * torch.rand(1, generator=generator)
        phase = torch.pi * torch.rand(1, generator=generator)
        x = 10 * torch.rand(SHOTS + queries, 1, generator=generator) - 5
        y = amplitude * torch.sin(x - phase)
        return cls(x[:SHOTS], y[:SHOTS], x[SHOTS:], y[SHOTS:])

    def support(self, model: Callable[..., Tensor], /) -> Tensor:
        return nn.functional.mse_loss(model(self.support_x), self.support_y)

    def query(self, model: Callable[..., Tensor], /) -> Tensor:
        return nn.functional.mse_loss(model(self.query_x), self.query_y)


def make_network(seed: int) -> nn.Sequential:
    """Make the paper's network: two hidden layers of 40."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))


def meta_learn(
    *, iterations: int, batch: int, order: int = 2, rate: float = 1e-3, inner_rate: float = INNER_RATE, seed: int = 0
) -> nn.Sequential:
    """Train with one inner step, as in the paper."""
    model, generator = make_network(seed), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    inner = InnerLoop(steps=1, learning_rate=inner_rate, order=order)
    for _ in range(iterations):
        tasks = [Sinusoid.sample(generator) for _ in range(batch)]
        meta_step(model, tasks, optimizer=optimizer, inner=inner)
    return model


def train_on_all(*, iterations: int, batch: int, rate: float = 1e-3, seed: int = 0) -> nn.Sequential:
    """Train on the same tasks without an inner loop."""
    model, generator = make_network(seed), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(iterations):
        optimizer.zero_grad()
        torch.stack([Sinusoid.sample(generator).query(model) for _ in range(batch)]).mean().backward()
        optimizer.step()
    return model


def measure_errors(model: nn.Module, *, tasks: int = 200, inner_rate: float = INNER_RATE) -> list[float]:
    """Measure the mean squared error on new sines after 0, 1 and 10 steps on five points of each."""
    generator = torch.Generator().manual_seed(1)
    sampled = [Sinusoid.sample(generator, queries=100) for _ in range(tasks)]
    return [sum(_error(model, task, steps, inner_rate) for task in sampled) / tasks for steps in (0, 1, 10)]


def _error(model: nn.Module, task: Sinusoid, steps: int, inner_rate: float) -> float:
    parameters = dict(model.named_parameters())
    if steps:
        parameters = adapt_parameters(model, task, inner=InnerLoop(steps=steps, learning_rate=inner_rate))
    with torch.no_grad():
        return float(task.query(lambda x: func.functional_call(model, parameters, (x,))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=10, help="tasks in an iteration")
    arguments = parser.parse_args()
    size = {"iterations": arguments.iterations, "batch": arguments.batch}
    initializations = {
        "random": lambda: make_network(0),
        "trained on all sines": lambda: train_on_all(**size),
        "MAML, first order": lambda: meta_learn(order=1, **size),
        "MAML, second order": lambda: meta_learn(order=2, **size),
    }
    print(f"{'initialization':<22} {'0 steps':>8} {'1 step':>8} {'10 steps':>8} {'seconds':>8}")
    for name, make in initializations.items():
        began = time.perf_counter()
        model = make()
        seconds = time.perf_counter() - began
        print(
            f"{name:<22} " + " ".join(f"{error:8.2f}" for error in measure_errors(model)) + f" {seconds:8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
