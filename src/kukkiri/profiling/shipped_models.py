"""Speed of every shipped model on this machine, for ``kukkiri doctor --benchmark``."""

import re
from collections.abc import Callable, Iterator
from typing import TypedDict

from kukkiri import pretrained
from kukkiri.inference import PRESETS, Upscaler
from kukkiri.profiling.stages import measure_peak, measure_stages

__all__ = ["MachineSpeed", "ModelSpeed", "measure_shipped_models", "speed_lines"]

_PHOTO = (3000, 4000)
_TRIAL = 1.0  # megapixels of the timed results
_RUNS = 2


class ModelSpeed(TypedDict):
    """Speed of one model."""

    ms_per_megapixel: float
    """From PNG file to PNG file, for one megapixel of output."""
    network_ms_per_megapixel: float
    """The network's part of it."""
    seconds_12_megapixels: float
    """Extrapolated from one megapixel."""
    share_of_peak: float | None
    """The network's multiply-adds per second over those of the machine; ``None`` when they are unknown."""
    memory_12_megapixels: int
    """Bytes, estimated."""


class MachineSpeed(TypedDict):
    """Speed of a machine, as ``kukkiri doctor --benchmark --json`` prints it."""

    multiply_adds_per_second: int
    """Of a float32 matrix product."""
    models: dict[str, ModelSpeed]


def measure_shipped_models(*, progress: Callable[[str], None] | None = None) -> MachineSpeed:
    """Time every shipped model on a synthetic image of one megapixel, from PNG file to PNG file.

    Args:
        progress: called with the name of each model before it is timed.
    """
    peak, _ = measure_peak(runs=1)
    measured: dict[str, ModelSpeed] = {}
    for label, model, scale in _models():
        if progress is not None:
            progress(label)
        stages = measure_stages(model, scale=scale, megapixels=_TRIAL, runs=_RUNS)
        share = stages.share(peak, network_only=True)
        lr = (_PHOTO[0] // scale, _PHOTO[1] // scale)
        measured[label] = {
            "ms_per_megapixel": round(1000 * stages.total / stages.megapixels, 1),
            "network_ms_per_megapixel": round(1000 * stages.seconds["network"] / stages.megapixels, 1),
            "seconds_12_megapixels": round(12 * stages.total / stages.megapixels, 2),
            "share_of_peak": None if share is None else round(share, 3),
            "memory_12_megapixels": Upscaler(model, scale=scale).plan(lr).memory,
        }
    return {"multiply_adds_per_second": round(peak), "models": measured}


def speed_lines(result: MachineSpeed) -> list[str]:
    """The result of :func:`measure_shipped_models` as the lines of a table."""
    peak = result["multiply_adds_per_second"] / 1e9
    lines = [f"speed: {peak:.0f} * 10^9 multiply-adds in a second (float32 matrix product)"]
    lines.append(f"  {'model':<24}{'ms/megapixel':>13}{'network':>9}{'of peak':>9}{'12 MP':>9}{'memory':>9}")
    for name, speed in result["models"].items():
        share = "-" if speed["share_of_peak"] is None else f"{100 * speed['share_of_peak']:.0f} %"
        lines.append(
            f"  {name:<24}{speed['ms_per_megapixel']:>13.0f}{speed['network_ms_per_megapixel']:>9.0f}{share:>9}"
            f"{speed['seconds_12_megapixels']:>7.1f} s{speed['memory_12_megapixels'] / 1e9:>6.1f} GB"
        )
    return lines


def _models() -> Iterator[tuple[str, str, int]]:
    """Iterate over (label, name, scale): every shipped model with its preset; every ensemble at its first scale."""
    plain = {preset.family: name for name, preset in PRESETS.items() if not preset.ensemble}
    scales: dict[str, list[int]] = {}
    for model in pretrained.list_models():
        found = re.fullmatch(r"(.+)-x(\d+)", model)
        if found is None:
            continue
        family, scale = found[1], int(found[2])
        scales.setdefault(family, []).append(scale)
        yield model + (f" ({plain[family]})" if family in plain else ""), model, scale
    for name, preset in PRESETS.items():
        if preset.ensemble and preset.family in scales:
            scale = min(scales[preset.family])
            yield f"{name}, x{scale}", name, scale
