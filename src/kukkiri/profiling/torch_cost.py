"""Parameters and multiply-adds of torch weights; needs torch, and is imported on demand."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from kukkiri.checkpoints import load_for_scale
from kukkiri.info import JSON

__all__ = ["TorchCount"]


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
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            self._module(torch.full((1, channels, side, side), 0.5 * self._module.value_range))
        return int(counter.get_total_flops()) // 2  # two operations in each multiply-add
