"""The process that :func:`kukkiri.profiling.cost.measure_cost` starts: time and memory of one model."""

import contextlib
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from kukkiri.inference import Upscaler

__all__ = ["main"]

_SIDE = 1000  # of the output: one megapixel
_RUNS = 7


def main() -> None:
    """Read the request from the command line and print the measurement, both JSON."""
    request = json.loads(sys.argv[1])
    upscaler = Upscaler(
        request["model"],
        scale=request["scale"],
        ensemble=request["ensemble"],
        threads=request["threads"],
        model_args=request["model_args"],
    )
    print(json.dumps(_measure(upscaler, budget=request["budget"])))  # noqa: T201


def _measure(upscaler: Upscaler, *, budget: float) -> dict[str, float | int | None]:
    whole, sixteenth = (_noise(round(side / upscaler.scale)) for side in (_SIDE, _SIDE // 4))
    before = _Memory()
    upscaler(sixteenth)  # first use: initialization is not timed
    expected = 16 * _seconds(upscaler, sixteenth)
    lr = whole if 2 * expected <= budget else sixteenth
    upscaler(lr)
    times: list[float] = []
    while len(times) < 3 or (len(times) < _RUNS and sum(times) < 1):
        times.append(_seconds(upscaler, lr))
        if sum(times) > budget:
            break
    megapixels = lr.shape[0] * lr.shape[1] * upscaler.scale**2 / 1e6
    peak = before.growth()
    return {
        "seconds": statistics.median(times) / megapixels,
        "peak_memory": None if peak is None else round(peak / megapixels),
    }


def _noise(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, size=(side, side, 3), dtype=np.uint8)


def _seconds(upscaler: Upscaler, lr: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
    begun = time.perf_counter()
    upscaler(lr)
    return time.perf_counter() - begun


class _Memory:
    """The largest resident set after construction, less the resident set at construction.

    Linux has a peak of each process that can be reset; that of ``getrusage`` would include the parent process.
    macOS has only the latter, which is reset there for a new process.
    """

    def __init__(self) -> None:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._start = _status("VmRSS") if sys.platform == "linux" else _peak_of_process()

    def growth(self) -> int | None:
        peak = _status("VmHWM") if sys.platform == "linux" else _peak_of_process()
        return None if peak is None or self._start is None else max(0, peak - self._start)


def _status(key: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:")), None)


def _peak_of_process() -> int | None:
    if sys.platform != "darwin":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
