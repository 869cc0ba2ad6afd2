"""Parameters and multiply-adds of torch weights. Needs torch; imported on demand."""

from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from kukkiri.checkpoints import load

__all__ = ["TorchCount"]


class TorchCount:
    """Counts a file of torch weights."""

    def __init__(self, path: Path) -> None:
        """Load the network."""
        self._module = load(path).module.eval()

    @property
    def parameters(self) -> int:
        """All of them, frozen ones too, as in the graph that is exported."""
        return sum(one.numel() for one in self._module.parameters())

    def multiply_adds(self, channels: int, side: int) -> int:
        """Of convolutions and matrix products, for one grey (channels, side, side) input."""
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            self._module(torch.full((1, channels, side, side), 0.5 * self._module.value_range))
        return int(counter.get_total_flops()) // 2  # two operations in each multiply-add
