"""Cost of a model: parameters, multiply-adds, time and memory, all for one megapixel of output."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from kukkiri.errors import BackendError, require
from kukkiri.inference import Engine, Ensemble, Upscaler
from kukkiri.info import JSON
from kukkiri.profiling.graph import constant_lr, read_graph
from kukkiri.resampling import weight_table

if TYPE_CHECKING:
    from kukkiri.profiling.torch_cost import TorchCount

__all__ = ["Cost", "count_cost", "measure_cost"]

_MEGAPIXEL = 10**6
_SIDES = (16, 24, 32)  # times the network's multiple


@dataclass(frozen=True)
class Cost:
    """Cost of a model on this machine; docs/how-to/evaluate.md defines each number."""

    parameters: int | None
    """Learned numbers; 0 for an interpolation; ``None`` when unknown."""
    multiply_adds: int | None
    """Of the network, for one megapixel (10^6 pixels) of output; ``None`` when unknown."""
    seconds: float
    """Median wall time from an 8-bit RGB array to an 8-bit RGB array of one megapixel."""
    peak_memory: int | None
    """Bytes beyond the loaded model while one megapixel is computed; ``None`` where the system does not report it."""


def measure_cost(
    model: str,
    *,
    scale: int,
    ensemble: Ensemble = False,
    threads: int | None = None,
    budget: float = 20.0,
    model_args: Mapping[str, JSON] | None = None,
) -> Cost:
    """Count the operations of a model, then time it in a process of its own, where nothing else uses memory.

    Args:
        model: id, preset, file or interpolation.
        scale: its scale.
        ensemble: geometric self-ensemble: as many times the multiply-adds.
        threads: of the engine.
        budget: seconds for timing; when one megapixel would take longer, a sixteenth of it is measured, and time and
            memory are multiplied.
        model_args: what a file of others does not tell, see :class:`kukkiri.Upscaler`.

    Raises:
        ModelError: unknown model.
        BackendError: the process failed, for example because it ran out of memory.
    """
    parameters, multiply_adds = count_cost(model, scale=scale, ensemble=ensemble, model_args=model_args)
    request: dict[str, JSON] = {"model": model, "scale": scale, "ensemble": ensemble, "threads": threads}
    request |= {"budget": budget, "model_args": dict(model_args or {})}
    command = [sys.executable, "-m", "kukkiri.profiling.cost_probe", json.dumps(request)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise BackendError(f"{model}: timing it in a process of its own failed: {reason[:300]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Cost(parameters, multiply_adds, found["seconds"], found["peak_memory"])


def count_cost(
    model: str, *, scale: int, ensemble: Ensemble = False, model_args: Mapping[str, JSON] | None = None
) -> tuple[int | None, int | None]:
    """Count parameters, and multiply-adds for one megapixel of output; ``None`` where they are unknown.

    Args:
        model: id, preset, file or interpolation.
        scale: its scale.
        ensemble: geometric self-ensemble: as many times the multiply-adds.
        model_args: see :func:`measure_cost`.

    Raises:
        ModelError: unknown model.
    """
    upscaler = Upscaler(model, scale=scale, ensemble=ensemble, model_args=model_args)
    parameters, multiply_adds = _count(model, upscaler, scale=scale, model_args=model_args or {})
    if multiply_adds is not None:
        multiply_adds *= upscaler.runs
    return parameters, multiply_adds


def _count(
    model: str, upscaler: Upscaler, *, scale: int, model_args: Mapping[str, JSON] | None = None
) -> tuple[int | None, int | None]:
    """Parameters and multiply-adds for one megapixel."""
    if upscaler.kernel is not None:
        taps = weight_table(4 * scale, 16 * scale, scale=scale, kernel=upscaler.kernel).weights.shape[1]
        return 0, round(3 * taps * (1 + 1 / scale) * _MEGAPIXEL)  # one axis after the other, three colours
    if not upscaler.engines:
        return 0, 0
    engine = upscaler.engines[0]
    path = getattr(engine, "path", None)
    if path is not None and Path(path).suffix == ".onnx":
        graph = read_graph(Path(path))
        return graph.parameters, _per_megapixel(
            engine, lambda channels, side: graph.multiply_adds(constant_lr(channels, side))
        )
    if not Path(model).is_file():
        return None, None
    counter = _torch_count(Path(model), scale=scale, model_args=model_args or {})
    return counter.parameters, _per_megapixel(engine, counter.multiply_adds)


def _torch_count(path: Path, *, scale: int, model_args: Mapping[str, JSON]) -> "TorchCount":
    require("torch", for_what=f"counting {path.name}")
    from kukkiri.profiling.torch_cost import TorchCount  # torch, only for a user's torch file

    return TorchCount(path, scale=scale, model_args=model_args)


def _per_megapixel(engine: Engine, count: Callable[[int, int], int | None]) -> int | None:
    """Extrapolate to one megapixel of output from three small sizes: a + b p + c p^2 in the input's pixels p."""
    sides = [side * engine.info.multiple for side in _SIDES]
    counted = [count(engine.info.channels, side) for side in sides]
    numbers = [number for number in counted if number is not None]
    if len(numbers) < len(sides):
        return None
    p = [Fraction(side**2) for side in sides]
    wanted = Fraction(_MEGAPIXEL, 1 if engine.info.pre_upsampled else engine.info.scale**2)
    total = Fraction(0)
    for here in range(3):  # Lagrange's polynomial, exact
        term = Fraction(numbers[here])
        for other in {0, 1, 2} - {here}:
            term *= (wanted - p[other]) / (p[here] - p[other])
        total += term
    return round(total)
