"""Checks that weights and gradients are finite."""

import math
from collections.abc import Mapping

from torch import nn

from kukkiri.errors import TrainingError

__all__ = ["REMEDY", "check_weights", "describe_gradients"]

REMEDY = "Lower the learning rate, raise warmup, or set clip = 1.0."


def describe_gradients(modules: Mapping[str, nn.Module]) -> str:
    """Describe the largest gradient, or the first that is not finite, by the name of its parameter."""
    largest, name = -1.0, ""
    for module in modules.values():
        for key, parameter in module.named_parameters():
            if parameter.grad is not None:
                value = float(parameter.grad.detach().abs().max())
                if not math.isfinite(value):
                    return f"the largest gradient is {value}, of {key}"
                if value > largest:
                    largest, name = value, key
    return f"the largest gradient is {largest:.3g}, of {name}" if name else "there is no gradient"


def check_weights(modules: Mapping[str, nn.Module], *, step: int) -> None:
    """Check that all weights are finite, before they are written.

    Raises:
        TrainingError: one is not; the message names it, the step and the largest gradient.
    """
    for module in modules.values():
        for key, value in module.state_dict().items():
            if value.is_floating_point() and not bool(value.isfinite().all()):
                raise TrainingError(
                    f"training diverged at step {step}: {key} is not finite any more; {describe_gradients(modules)}. "
                    f"These weights are not written, and an earlier checkpoint is kept. {REMEDY}"
                )
