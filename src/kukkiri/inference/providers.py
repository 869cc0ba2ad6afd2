"""ONNX Runtime's execution providers that really run here: each computes a shipped network, beside the CPU."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kukkiri import pretrained
from kukkiri.errors import BackendError
from kukkiri.inference.accelerators import ACCELERATORS, CPU_PROVIDER, GraphDevice
from kukkiri.inference.sessions import has_provider, open_session, read_assignment

__all__ = ["Provider", "try_providers"]

_MODEL, _SIDE = "plain-xs-x2", 128
_AGREES = 1e-3
"""Of the range; a GPU's float32 differs by 1e-6, TF32 or float16 by 1e-3, a wrong result by far more."""


@dataclass(frozen=True)
class Provider:
    """One execution provider of the installed ONNX Runtime."""

    name: str
    """Such as ``CPUExecutionProvider``."""
    runs: bool
    """It computed a network by itself, and the result was right."""
    reason: str = ""
    """The reason why it does not run."""
    device: str = ""
    """The device that it is, for ``--device``; empty for one that kukkiri does not use."""
    opening: float = 0.0
    """Seconds until a session is there; the CPU's are the first, and hold what is loaded once."""
    seconds: float = 0.0
    """Seconds of the second run of the network, of 128x128 pixels: the first may compile."""
    difference: float = 0.0
    """Largest difference from the CPU's result, of the range."""
    layers: tuple[int, int] | None = None
    """Convolutions that it computes, and all; ``None``: this ONNX Runtime does not tell."""


def try_providers() -> list[Provider]:
    """Try every provider that is installed; empty when ONNX Runtime is not.

    This tells a provider that runs from one that is only listed, because its driver or libraries are missing, or
    because it takes no networks. OpenVINO's is tried on its three kinds of device.
    """
    try:
        import onnxruntime
    except ImportError:
        return []
    graph = pretrained.locate(_MODEL, ".onnx")
    lr = np.random.default_rng(0).random((1, 1, _SIDE, _SIDE), dtype=np.float32)
    cpu, expected = _try(GraphDevice("cpu"), graph, lr)
    devices = [GraphDevice(kind, part) for kind in ACCELERATORS for part in _parts(kind)]
    tried = [_try(device, graph, lr, expected)[0] for device in devices if has_provider(device)]
    named = {CPU_PROVIDER, *(device.provider for device in devices)}
    others = [name for name in onnxruntime.get_available_providers() if name not in named]
    unused = [Provider(name, runs=False, reason="not used by kukkiri") for name in others]
    return [*tried, *unused, cpu]


def _parts(kind: str) -> tuple[str, ...]:
    return ("CPU", "GPU", "NPU") if kind == "openvino" else ("",)


def _try(
    device: GraphDevice, graph: Path, lr: np.ndarray[Any, Any], expected: np.ndarray[Any, Any] | None = None
) -> tuple[Provider, np.ndarray[Any, Any] | None]:
    """Open a session on a device, run it twice, and compare the result with that of the CPU."""
    begun = time.perf_counter()
    try:
        session = open_session(graph, device=device, threads=1)
        opened = time.perf_counter()
        feed = {session.get_inputs()[0].name: lr}
        session.run(None, feed)
        ready = time.perf_counter()
        (sr,) = session.run(None, feed)
        done = time.perf_counter()
    except BackendError as error:
        first = str(error).split(". ")[0]  # the others are advice
        return Provider(device.provider, runs=False, reason=first, device=str(device)), None
    except Exception as error:  # ONNX Runtime's errors have no public base class
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return Provider(device.provider, runs=False, reason=lines[0][:200], device=str(device)), None
    layers = read_assignment(session, device.provider) if device.accelerator else None
    difference = 0.0 if expected is None else float(np.abs(sr - expected).max())
    agrees = bool(np.isfinite(sr).all()) and difference <= _AGREES
    return Provider(
        device.provider,
        runs=agrees,
        reason="" if agrees else f"its result differs from the CPU's by {difference:.1g} of the range",
        device=str(device),
        opening=opened - begun,
        seconds=done - ready,
        difference=difference,
        layers=None if layers is None else (layers.there, sum(layers)),
    ), sr
