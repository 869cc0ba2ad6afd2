"""Time of an upscaled image by stage, from file to file, and the network's share of the machine's peak speed."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Image, quantize, read_image
from kukkiri.inference import Engine, Upscaler
from kukkiri.profiling.cost import count_cost
from kukkiri.resampling import resize

__all__ = ["STAGES", "Stages", "measure_peak", "measure_stages", "synthetic_image"]

STAGES = ("decode", "network", "colour", "encode")
"""Reading a PNG; the engine; what else the upscaler does (colour, tiles, checks); rounding and writing a PNG."""
_SIDE = 2048


@dataclass(frozen=True)
class Stages:
    """Times of one image; the fastest of several runs."""

    output_size: tuple[int, int]
    """(height, width)."""
    seconds: dict[str, float]
    """Wall time of each of :data:`STAGES`."""
    cpu_seconds: dict[str, float]
    """Time of all CPUs in each stage; other programs do not count."""
    multiply_adds: int | None
    """Of the network for the whole image; ``None`` when unknown."""
    memory: int
    """The upscaler's own estimate, in bytes."""

    @property
    def total(self) -> float:
        """Wall time from file to file."""
        return sum(self.seconds.values())

    @property
    def megapixels(self) -> float:
        """10^6 pixels of output."""
        return self.output_size[0] * self.output_size[1] / 1e6

    def share(self, peak: float, *, network_only: bool = False, cpu: bool = False) -> float | None:
        """Fraction of the multiply-adds that the machine could have computed in the same time.

        Args:
            peak: multiply-adds per second, of wall or of CPU time according to ``cpu``.
            network_only: the time of the network, not that from file to file.
            cpu: by CPU time.
        """
        times = self.cpu_seconds if cpu else self.seconds
        spent = times["network"] if network_only else sum(times.values())
        return None if self.multiply_adds is None else self.multiply_adds / (spent * peak)


def measure_peak(*, runs: int = 3) -> tuple[float, float]:
    """Measure the multiply-adds per second of a large float32 matrix product in NumPy, with its default threads.

    Returns:
        Per second of wall time, and per second of CPU time; the best of the runs.
    """
    matrix = np.random.default_rng(0).random((_SIDE, _SIDE), dtype=np.float32)
    result = np.empty_like(matrix)
    times = [_clocked(lambda: np.matmul(matrix, matrix, out=result))[1:] for _ in range(runs + 1)][1:]
    wall, cpu = (min(seconds) for seconds in zip(*times, strict=True))
    return _SIDE**3 / wall, _SIDE**3 / cpu


def measure_stages(
    model: str,
    *,
    scale: int,
    megapixels: float = 12.0,
    runs: int = 3,
    threads: int | None = None,
    image: NDArray[np.uint8] | None = None,
) -> Stages:
    """Upscale a PNG to a PNG and time the stages.

    Args:
        model: preset, id or file of a network.
        scale: its scale.
        megapixels: of the result, 4:3.
        runs: the fastest of this many is returned.
        threads: of the upscaler.
        image: (H, W, 3), 8 bit, of any size, which is repeated or cut; by default :func:`synthetic_image`.

    Raises:
        KukkiriError: the model or the scale does not fit.
    """
    height, width = (max(8, round(side * (megapixels * 1e6 / 12) ** 0.5 / scale)) for side in (3, 4))
    lr = synthetic_image((height, width)) if image is None else _fitted(image, (height, width))
    upscaler = Upscaler(model, scale=scale, threads=threads)
    timed = tuple(_Timed(engine) for engine in upscaler.engines)
    upscaler(lr[:32, :32])  # first use: initialization is not timed
    upscaler.engines = timed
    best: tuple[dict[str, float], dict[str, float]] | None = None
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "lr.png", Path(folder) / "sr.png"
        Image.from_array(lr).save(source)
        for _ in range(runs):
            wall, cpu, size = _time_run(upscaler, timed, source, target)
            if best is None or sum(wall.values()) < sum(best[0].values()):
                best = wall, cpu
    if best is None:
        raise ValueError(f"runs must be at least 1, got {runs}")
    _, count = count_cost(model, scale=scale)
    pixels = size[0] * size[1]
    multiply_adds = None if count is None else round(count * pixels / 1e6)
    return Stages(size, *best, multiply_adds, upscaler.plan((height, width)).memory)


def synthetic_image(size: tuple[int, int], *, seed: int = 0) -> NDArray[np.uint8]:
    """Generate noise with a spectrum like that of photographs, slightly coloured, (height, width, 3)."""
    generator = np.random.default_rng(seed)
    total = np.full((*size, 3), 0.5, dtype=np.float32)
    side, strength = 2, 0.12
    while side < max(size):
        small = (max(2, side * size[0] // max(size)), max(2, side * size[1] // max(size)))
        noise = generator.standard_normal((*small, 1)) + 0.3 * generator.standard_normal((*small, 3))
        total += resize((strength * noise).astype(np.float32), output_size=size)
        side, strength = 2 * side, 0.8 * strength
    return quantize(total, 8).astype(np.uint8, copy=False)


class _Timed:
    """An engine that adds up its time."""

    def __init__(self, engine: Engine) -> None:
        self.info = engine.info
        self.footprint = engine.footprint
        self.wall = self.cpu = 0.0
        self._run = engine.run

    def run(self, batch: Any) -> Any:
        result, wall, cpu = _clocked(lambda: self._run(batch))
        self.wall += wall
        self.cpu += cpu
        return result


def _time_run(
    upscaler: Upscaler, timed: tuple[_Timed, ...], source: Path, target: Path
) -> tuple[dict[str, float], dict[str, float], tuple[int, int]]:
    before = sum(engine.wall for engine in timed), sum(engine.cpu for engine in timed)
    image, *decode = _clocked(lambda: read_image(source))
    upscaled, *middle = _clocked(lambda: upscaler(image))
    _, *encode = _clocked(lambda: upscaled.save(target, overwrite=True))
    network = sum(engine.wall for engine in timed) - before[0], sum(engine.cpu for engine in timed) - before[1]
    clocks = (decode, network, [m - n for m, n in zip(middle, network, strict=True)], encode)
    wall, cpu = ({name: clock[i] for name, clock in zip(STAGES, clocks, strict=True)} for i in (0, 1))
    return wall, cpu, upscaled.size


def _clocked(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Call ``work``; return its result, wall seconds, and seconds of all CPUs."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def _fitted(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Tile mirrored copies and cut them to ``size``."""
    padding = [(0, max(0, wanted - have)) for wanted, have in zip(size, image.shape[:2], strict=True)]
    padded = np.pad(image, (*padding, (0, 0)), mode="symmetric")
    fitted: NDArray[np.uint8] = np.ascontiguousarray(padded[: size[0], : size[1]])
    return fitted
