"""Torch engine: a network that has not been exported; imported on demand, never by the package itself."""

import copy
from collections.abc import Mapping
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kukkiri.devices import resolve_device
from kukkiri.errors import ModelError
from kukkiri.inference.engine import Footprint
from kukkiri.inference.families import choose_scales
from kukkiri.inference.loaded_model import LoadedModel
from kukkiri.info import JSON, ModelInfo

__all__ = ["TorchEngine", "make_engines"]

_PROBE_SIDE = 24


def make_engines(
    loaded: LoadedModel, *, scale: float | None, arguments: Mapping[str, JSON] | None = None, device: str = "cpu"
) -> tuple["TorchEngine", ...]:
    """Make the engines that lead to a scale, to be run one after the other.

    Args:
        loaded: a network; where its weights serve several scales, those that are needed are taken.
        scale: at least 1; ``None``, or weights of one scale: the network as it is.
        arguments: refused, as the network is made already.
        device: see :class:`TorchEngine`.

    Raises:
        BackendError: torch sees no such device.
        ConfigError: it is no name of a device.
        ModelError: a network that is conditioned on what its descriptor does not tell, or arguments.
    """
    if arguments:
        raise ModelError(f"{loaded.info.name}: is loaded already. Give {', '.join(arguments)} to kukkiri.load.")
    if not getattr(loaded, "upscales", True):
        raise ModelError(
            f"{loaded.info.name}: holds an estimator, {type(loaded.module).__name__}, which does not upscale images. "
            "Name the weights of a network that does."
        )
    served = loaded.scales
    if scale is None or served == () or scale <= 1:
        return (_make_engine(loaded, device=device),)
    if served is None and scale != int(scale) and getattr(loaded.module, "fractional_scales", False):
        return (FractionalTorchEngine(loaded.at_scale(ceil(scale)), scale=scale, device=device),)
    chain = [ceil(scale)] if served is None else choose_scales(served, scale)
    engines = {each: _make_engine(loaded.at_scale(each), device=device) for each in sorted(set(chain))}
    return tuple(engines[each] for each in chain)


def _make_engine(loaded: LoadedModel, *, device: str) -> "TorchEngine":
    if not isinstance(loaded.module, nn.Module):
        raise TypeError(f"expected a torch module, got {type(loaded.module).__name__}")
    return TorchEngine(loaded.module, info=loaded.info, device=device)


class TorchEngine:
    """A torch module behind the same seam as an ONNX file: [0, 1] on both sides, float32, without gradients."""

    def __init__(self, module: nn.Module, *, info: ModelInfo, device: str | torch.device = "cpu") -> None:
        """Copy a module, in evaluation mode.

        Args:
            module: maps lr to sr in its official value range (attribute ``value_range``, else 1.0).
            info: its descriptor.
            device: where it runs: ``cpu``, ``cuda``, ``cuda:N``, ``mps``, or ``auto`` (a GPU when torch sees one).

        Raises:
            BackendError: torch sees no such device.
            ConfigError: it is no name of a device.
            ModelError: the network is conditioned on more than the image, and the descriptor does not tell on what.
        """
        if info.condition is None:
            _refuse_conditions(module, info.name, remedy="Use it from Python, through kukkiri.load.")
        self.info = info
        self.device = resolve_device(device) if isinstance(device, str) else device
        self._module = copy.deepcopy(module).float().eval().requires_grad_(False).to(self.device)
        self._range = float(getattr(module, "value_range", 1.0))
        self.footprint = self._measure_footprint()

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map lr to sr, see :class:`kukkiri.inference.engine.Engine`."""
        remedy = "Use kukkiri upscale --kernel, or kukkiri.load from Python."
        _refuse_conditions(self._module, self.info.name, remedy=remedy)
        return self._run(batch)

    def run_conditioned(self, batch: NDArray[np.float32], condition: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map lr and its condition (N, length) to sr."""
        return self._run(batch, condition)

    def _run(self, batch: NDArray[np.float32], *conditions: NDArray[np.float32]) -> NDArray[np.float32]:
        lr, *given = (torch.tensor(values, device=self.device) for values in (batch, *conditions))
        with torch.inference_mode():
            sr: Tensor = self._module(lr * self._range if self._range != 1.0 else lr, *given)
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
            length = [] if self.info.condition is None else [self.info.condition.length]
            conditions = [np.zeros((1, each), dtype=np.float32) for each in length]
            self._run(np.full((1, self.info.channels, side, side), 0.5, dtype=np.float32), *conditions)
        finally:
            for hook in hooks:
                hook.remove()
        return Footprint(linear=max(largest, 1) / side**2)


class FractionalTorchEngine(TorchEngine):
    """A network that upscales by a scale that is no whole number; as an engine it upscales by the next whole one."""

    def __init__(self, loaded: LoadedModel, *, scale: float, device: str = "cpu") -> None:
        """Copy a network.

        Args:
            loaded: the network at the next whole scale.
            scale: at least 1.
            device: see :class:`TorchEngine`.

        Raises:
            BackendError, ConfigError, ModelError: as :class:`TorchEngine`.
        """
        if not isinstance(loaded.module, nn.Module):
            raise TypeError(f"expected a torch module, got {type(loaded.module).__name__}")
        super().__init__(loaded.module, info=loaded.info, device=device)
        self.native_scale = scale

    def run_native(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map lr (N, C, H, W) to sr (N, C, floor(scale*H), floor(scale*W)); see :meth:`TorchEngine.run`."""
        lr = torch.tensor(batch, device=self.device)
        with torch.inference_mode():
            sr: Tensor = self._module(lr * self._range, scale=self.native_scale) / self._range
        result: NDArray[np.float32] = sr.cpu().numpy()
        return result


def _refuse_conditions(module: nn.Module, name: str, *, remedy: str) -> None:
    """Refuse a network that takes more than the image."""
    conditions = getattr(module, "conditions", ())
    if conditions:
        raise ModelError(f"{name}: is conditioned on {', '.join(conditions)}, not only on the image. {remedy}")
