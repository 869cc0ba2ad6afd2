"""Weights of the query losses after each inner step in the meta-loss of `kukkiri.training.meta.maml`.

Antoniou et al., "How to train your MAML", ICLR 2019, arXiv:1810.09502 (MAML++);
Soh et al., "Meta-Transfer Learning for Zero-Shot Super-Resolution", CVPR 2020, arXiv:2002.12213 (MZSR).
"""

__all__ = ["constant_weights", "last_step_weights", "multi_step_weights"]


def multi_step_weights(
    steps: int, *, iteration: int, decay_iterations: float = 10_000 / 3, floor: float = 0.03
) -> tuple[float, ...]:
    """Return the weights of MAML++: equal at first, then all but the last fall linearly to ``floor / steps``.

    They add up to 1. MZSR's code averages over the steps where we add, which divides the loss by ``steps``:
    a factor that Adam cancels. With the defaults and 5 steps they are constant from iteration 3234 on.

    Args:
        steps: of the inner loop.
        iteration: of the outer loop, from 0.
        decay_iterations: iterations after which all but the last would be 0; the default is that of MZSR's code.
        floor: in [0, 1], the fraction of their initial value that all but the last keep.
    """
    others = max(1 - iteration / decay_iterations, floor) / steps
    return (others,) * (steps - 1) + (1 - (steps - 1) * others,)


def constant_weights(steps: int) -> tuple[float, ...]:
    """Return equal weights; MZSR's released models were trained with them, since its code never counts iterations."""
    return (1 / steps,) * steps


def last_step_weights(steps: int) -> tuple[float, ...]:
    """Return 1 for the last step and 0 for the others: MAML as published."""
    return (0.0,) * (steps - 1) + (1.0,)
