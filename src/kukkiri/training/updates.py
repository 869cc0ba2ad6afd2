"""The parts of an update that every kind of training shares: random numbers, sums over processes, clipping."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from kukkiri.training.processes import World
from kukkiri.training.state import TrainingState

__all__ = ["add_terms", "clip_gradients", "seed_step", "sum_gradients"]


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch for an update, so that random numbers, such as dropout's, do not depend on earlier steps."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0]))


def add_terms(total: dict[str, Tensor], terms: Mapping[str, Tensor]) -> None:
    """Add the loss of a part, and its terms, to those of the update."""
    for name, value in terms.items():
        total[name] = total[name] + value if name in total else value


def sum_gradients(state: TrainingState, values: dict[str, Tensor], *, world: World, stop: bool) -> bool:
    """Sum gradients and losses over the processes, in place, in one message.

    Args:
        state: its parameters' gradients are summed; one that a process lacks counts as zero.
        values: scalars that are summed, too.
        world: all processes.
        stop: this process was asked to end.

    Returns:
        True when any process was asked to end, in all of them.

    Raises:
        PeerLostError: another process has ended.
    """
    if world.size == 1:
        return stop
    gradients = []
    for parameter in state.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    flag = torch.tensor([float(stop)], device=gradients[0].device)
    values.update({name: value.clone() for name, value in values.items()})
    world.sum_([*gradients, *values.values(), flag])
    return bool(flag.item())


def clip_gradients(state: TrainingState, largest: float) -> dict[str, Tensor]:
    """Scale the network's gradient down to a norm of ``largest`` (0: no limit), in place.

    Returns:
        ``gradient_norm``, its norm before; nothing where the step does not update the network.
    """
    state.unscale()
    if "network" in state.idle:
        return {}
    parameters = [p for p in state.modules["network"].parameters() if p.grad is not None]
    if largest:
        return {"gradient_norm": nn.utils.clip_grad_norm_(parameters, largest)}
    return {"gradient_norm": nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])}
