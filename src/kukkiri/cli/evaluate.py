"""``kukkiri evaluate``: a model on a folder of HR pictures."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.evaluation import evaluate
from kukkiri.metrics import Score

__all__ = ["evaluate_command"]


def evaluate_command(
    *,
    model: str,
    data: Path,
    scale: int,
    protocol: str = "y-matlab",
    degradation: str = "bicubic",
    ensemble: bool = False,
    threads: int | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Score a model on a folder of HR pictures, or on each folder in it; LR is made on the way.

    Args:
        model: id such as espcn-x3, preset, .onnx or .safetensors file, or bicubic, bilinear, nearest, lanczos.
        data: folder of HR pictures, or of folders of them.
        scale: HR pixels for one LR pixel along a side.
        protocol: y-matlab (8-bit RGB in and out, the papers since 2017), y-legacy (the published bicubic rows),
            y-mzsr, or rgb.
        degradation: how LR is made from HR: bicubic, or as kukkiri degrade takes it.
        ensemble: mean over the eight flips and turns.
        threads: of the engine; all when not given.
        json: print one JSON object to stdout.
    """
    result = evaluate(
        model,
        data=data,
        scale=scale,
        protocol=protocol,
        degradation=degradation,
        ensemble=ensemble,
        threads=threads,
        report=_report,
    )
    if json:
        print_json(result.to_json())
        return
    print_result(f"{result.model} x{result.scale}, {result.protocol}, {result.degradation}")
    for one in result.sets.values():
        print_result(f"{one.name:<12} {one.mean.psnr:7.4f} dB  {one.mean.ssim:.6f}  ({len(one.images)} pictures)")


def _report(name: str, picture: str, score: Score) -> None:
    print_progress(f"{name}/{picture}: {score.psnr:.4f} dB {score.ssim:.6f}")
