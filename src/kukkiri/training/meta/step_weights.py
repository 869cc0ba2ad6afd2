"""How much the query loss after each inner step counts in the meta-loss of `kukkiri.training.meta.maml`.

Antoniou et al., "How to train your MAML", ICLR 2019, arXiv:1810.09502 (MAML++);
Soh et al., "Meta-Transfer Learning for Zero-Shot Super-Resolution", CVPR 2020, arXiv:2002.12213 (MZSR).
"""

__all__ = ["constant_weights", "last_step_weights", "multi_step_weights"]


def multi_step_weights(
    steps: int, *, iteration: int, decay_iterations: float = 10_000 / 3, floor: float = 0.03
) -> tuple[float, ...]:
    """The weights of MAML++: equal at first, then all but the last fall linearly to ``floor / steps``.

    They add up to 1. MZSR's code averages over the steps where we add, which divides the loss by ``steps``:
    a factor that Adam cancels. With the defaults and 5 steps they stand still from iteration 3234 on.

    Args:
        steps: of the inner loop.
        iteration: of the outer loop, from 0.
        decay_iterations: after which the others would reach 0; default: MZSR's code.
        floor: in [0, 1], what stays of the others.
    """
    others = max(1 - iteration / decay_iterations, floor) / steps
    return (others,) * (steps - 1) + (1 - (steps - 1) * others,)


def constant_weights(steps: int) -> tuple[float, ...]:
    """Equal weights: what MZSR's released models were trained with, since its code never counts iterations."""
    return (1 / steps,) * steps


def last_step_weights(steps: int) -> tuple[float, ...]:
    """Only the last step counts: MAML as published."""
    return (0.0,) * (steps - 1) + (1.0,)
