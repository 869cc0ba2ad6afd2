"""Torch engine: a network that has not been exported; imported on demand, never by the package itself."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kukkiri.errors import ModelError
from kukkiri.inference.engine import Footprint
from kukkiri.info import ModelInfo

__all__ = ["TorchEngine"]

_PROBE_SIDE = 24


class TorchEngine:
    """A torch module behind the same seam as an ONNX file: [0, 1] on both sides, float32, without gradients."""

    def __init__(self, module: nn.Module, *, info: ModelInfo, device: str = "cpu") -> None:
        """Copy a module, in evaluation mode.

        Args:
            module: maps lr to sr in its official value range (attribute ``value_range``, else 1.0).
            info: its descriptor.
            device: where it runs.
        """
        conditions = getattr(module, "conditions", ())
        if conditions:
            raise ModelError(
                f"{info.name}: is conditioned on {', '.join(conditions)}, not only on the image. "
                "Use it from Python, through kukkiri.load."
            )
        self.info = info
        self._module = copy.deepcopy(module).float().eval().requires_grad_(False).to(device)
        self._range = float(getattr(module, "value_range", 1.0))
        self._device = device
        self.footprint = self._measure_footprint()

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map lr to sr, see :class:`kukkiri.inference.engine.Engine`."""
        lr = torch.tensor(batch, device=self._device)
        with torch.inference_mode():
            sr: Tensor = self._module(lr * self._range if self._range != 1.0 else lr)
            if self._range != 1.0:
                sr = sr / self._range
        result: NDArray[np.float32] = sr.cpu().numpy()
        return result

    def _measure_footprint(self) -> Footprint:
        """Bytes for a pixel: the largest input plus output of a layer, and one more map for what skips it."""
        side = _PROBE_SIDE * self.info.multiple
        largest = 0

        def observe(_: nn.Module, inputs: tuple[object, ...], output: object) -> None:
            nonlocal largest
            tensors = [value for value in (*inputs, output) if isinstance(value, Tensor)]
            sizes = [tensor.nbytes for tensor in tensors]
            largest = max(largest, sum(sizes) + max(sizes, default=0))

        leaves = [module for module in self._module.modules() if not any(module.children())]
        hooks = [leaf.register_forward_hook(observe) for leaf in leaves]
        try:
            self.run(np.full((1, self.info.channels, side, side), 0.5, dtype=np.float32))
        finally:
            for hook in hooks:
                hook.remove()
        return Footprint(linear=max(largest, 1) / side**2)
