"""Parameters and multiply-adds of torch weights; needs torch, and is imported on demand."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kukkiri.checkpoints import load_for_scale
from kukkiri.info import JSON

__all__ = ["TorchCount", "count_multiply_adds"]


def count_multiply_adds(network: nn.Module, *, channels: int, side: int) -> int:
    """Count the multiply-adds of convolutions and matrix products of a network for one square image.

    Args:
        network: on any device.
        channels: of the input.
        side: height and width of the input in pixels.
    """
    parameter = next(network.parameters())
    image = torch.full((1, channels, side, side), 0.5 * float(getattr(network, "value_range", 1.0)))
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(image.to(parameter))
    return int(counter.get_total_flops()) // 2  # two operations in each multiply-add


class TorchCount:
    """Counter for a file of torch weights."""

    def __init__(self, path: Path, *, scale: int | None = None, model_args: Mapping[str, JSON] | None = None) -> None:
        """Load the network, at a scale that its weights serve, with what the file does not tell."""
        self._module = load_for_scale(path, scale=scale, arguments=model_args).module.eval()

    @property
    def parameters(self) -> int:
        """Number of all parameters, also frozen ones, as in the exported graph."""
        return sum(parameter.numel() for parameter in self._module.parameters())

    def multiply_adds(self, channels: int, side: int) -> int:
        """Count those of convolutions and matrix products, for one grey (channels, side, side) input."""
        return count_multiply_adds(self._module, channels=channels, side=side)
