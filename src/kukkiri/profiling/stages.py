"""Where the time of an upscaled image goes, from file to file, and how near the machine's limit the network is."""

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
    """What one image took; of several runs the quickest."""

    output_size: tuple[int, int]
    """(height, width)."""
    seconds: dict[str, float]
    """Wall time of each of :data:`STAGES`."""
    cpu_seconds: dict[str, float]
    """Time of all CPUs in each stage: what other programs take does not count."""
    multiply_adds: int | None
    """Of the network for the whole image; ``None`` when the graph does not tell."""
    memory: int
    """Bytes that the upscaler plans with."""

    @property
    def total(self) -> float:
        """Wall time from file to file."""
        return sum(self.seconds.values())

    @property
    def megapixels(self) -> float:
        """10^6 pixels of output."""
        return self.output_size[0] * self.output_size[1] / 1e6

    def share(self, peak: float, *, network_only: bool = False, cpu: bool = False) -> float | None:
        """Part of the multiply-adds that the machine could have made in the same time.

        Args:
            peak: multiply-adds in a second, of wall or CPU time as ``cpu`` says.
            network_only: the time of the network, not that from file to file.
            cpu: by CPU time.
        """
        times = self.cpu_seconds if cpu else self.seconds
        spent = times["network"] if network_only else sum(times.values())
        return None if self.multiply_adds is None else self.multiply_adds / (spent * peak)


def measure_peak(*, runs: int = 3) -> tuple[float, float]:
    """Multiply-adds in a second of a large product of float32 matrices in NumPy, with the threads that it takes.

    Returns:
        In a second of wall time, and in a second of CPU time; the best of the runs.
    """
    matrix = np.random.default_rng(0).random((_SIDE, _SIDE), dtype=np.float32)
    result = np.empty_like(matrix)
    times = [_clocked(lambda: np.matmul(matrix, matrix, out=result))[1:] for _ in range(runs + 1)][1:]
    wall, cpu = (min(one) for one in zip(*times, strict=True))
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
        runs: the quickest of so many counts.
        threads: of the upscaler.
        image: (H, W, 3), 8 bit, of any size, which is repeated or cut; by default :func:`synthetic_image`.

    Raises:
        KukkiriError: the model or the scale does not fit.
    """
    height, width = (max(8, round(side * (megapixels * 1e6 / 12) ** 0.5 / scale)) for side in (3, 4))
    lr = synthetic_image((height, width)) if image is None else _fitted(image, (height, width))
    upscaler = Upscaler(model, scale=scale, threads=threads)
    timed = tuple(_Timed(engine) for engine in upscaler.engines)
    upscaler(lr[:32, :32])  # what is made at first use does not count
    upscaler.engines = timed
    best: tuple[dict[str, float], dict[str, float]] | None = None
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "lr.png", Path(folder) / "sr.png"
        Image.from_array(lr).save(source)
        for _ in range(runs):
            wall, cpu, size = _run(upscaler, timed, source, target)
            if best is None or sum(wall.values()) < sum(best[0].values()):
                best = wall, cpu
    if best is None:
        raise ValueError(f"runs must be at least 1, got {runs}")
    _, count = count_cost(model, scale=scale)
    pixels = size[0] * size[1]
    multiply_adds = None if count is None else round(count * pixels / 1e6)
    return Stages(size, *best, multiply_adds, upscaler.plan((height, width)).memory)


def synthetic_image(size: tuple[int, int], *, seed: int = 0) -> NDArray[np.uint8]:
    """Noise of every scale with a spectrum like that of photographs, slightly coloured, (height, width, 3)."""
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
    """An engine that counts its time."""

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


def _run(
    upscaler: Upscaler, timed: tuple[_Timed, ...], source: Path, target: Path
) -> tuple[dict[str, float], dict[str, float], tuple[int, int]]:
    before = sum(one.wall for one in timed), sum(one.cpu for one in timed)
    image, *decode = _clocked(lambda: read_image(source))
    larger, *middle = _clocked(lambda: upscaler(image))
    _, *encode = _clocked(lambda: larger.save(target, overwrite=True))
    network = sum(one.wall for one in timed) - before[0], sum(one.cpu for one in timed) - before[1]
    clocks = (decode, network, [m - n for m, n in zip(middle, network, strict=True)], encode)
    wall, cpu = ({name: clock[i] for name, clock in zip(STAGES, clocks, strict=True)} for i in (0, 1))
    return wall, cpu, larger.size


def _clocked(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, wall seconds, and seconds of all CPUs."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def _fitted(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Mirrored copies side by side, cut to size."""
    padding = [(0, max(0, wanted - have)) for wanted, have in zip(size, image.shape[:2], strict=True)]
    larger = np.pad(image, (*padding, (0, 0)), mode="symmetric")
    fitted: NDArray[np.uint8] = np.ascontiguousarray(larger[: size[0], : size[1]])
    return fitted
