"""Evaluations on clips as JSON, CSV, Markdown and plain lines."""

import csv
import io
import json
from collections.abc import Callable, Sequence

from kukkiri.evaluation.clips import CLIP_PROTOCOL, ClipEvaluation

__all__ = ["CLIP_FORMATS"]


def _to_json(evaluations: Sequence[ClipEvaluation]) -> str:
    """One evaluation as an object, several as ``{"evaluations": [...]}``."""
    found = [evaluation.to_json() for evaluation in evaluations]
    value = found[0] if len(found) == 1 else {"evaluations": found}
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _to_csv(evaluations: Sequence[ClipEvaluation]) -> str:
    """A line for each frame."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "scale", "degradation", "clip", "seconds", "psnr", "ssim", "flicker"])
    for evaluation in evaluations:
        setting = [evaluation.model, evaluation.scale, evaluation.degradation, evaluation.clip]
        for frame in evaluation.frames:
            flicker = "" if frame.flicker is None else repr(frame.flicker)
            writer.writerow([*setting, repr(frame.seconds), repr(frame.psnr), repr(frame.ssim), flicker])
    return text.getvalue()


def _to_markdown(evaluations: Sequence[ClipEvaluation]) -> str:
    head = ("clip", "model", "scale", "PSNR (dB)", "lowest", "SSIM", "flicker", "CPU ms a frame")
    rows = [
        (
            evaluation.clip,
            evaluation.model,
            f"x{evaluation.scale}",
            f"{evaluation.psnr:.3f}",
            f"{evaluation.worst.psnr:.3f}",
            f"{evaluation.ssim:.5f}",
            _flicker(evaluation),
            f"{1000 * evaluation.cpu_seconds:.1f}",
        )
        for evaluation in evaluations
    ]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]
    return f"Protocol {CLIP_PROTOCOL}, LR {evaluations[0].degradation}.\n\n" + "\n".join(lines) + "\n"


def _to_text(evaluations: Sequence[ClipEvaluation]) -> str:
    lines = [_describe(evaluation) for evaluation in evaluations]
    first = {evaluation.clip: evaluation for evaluation in reversed(evaluations)}
    for evaluation in evaluations:
        base = first[evaluation.clip]
        if evaluation is not base:
            gain = evaluation.psnr - base.psnr
            lines.append(f"{evaluation.clip}: {evaluation.model} minus {base.model}  {gain:+.4f} dB")
    return "\n".join(lines) + "\n"


def _describe(evaluation: ClipEvaluation) -> str:
    worst = evaluation.worst
    return (
        f"{evaluation.model} x{evaluation.scale}, {CLIP_PROTOCOL}, {evaluation.degradation}\n"
        f"{evaluation.clip}  {evaluation.psnr:.4f} dB (lowest {worst.psnr:.2f} at {worst.seconds:.2f} s)  "
        f"{evaluation.ssim:.6f}  flicker {_flicker(evaluation)}  "
        f"{1000 * evaluation.cpu_seconds:.1f} CPU ms a frame  {len(evaluation.frames)} frames"
    )


def _flicker(evaluation: ClipEvaluation) -> str:
    return "-" if evaluation.flicker is None else f"{evaluation.flicker:.2f}"


CLIP_FORMATS: dict[str, Callable[[Sequence[ClipEvaluation]], str]] = {
    "text": _to_text,
    "json": _to_json,
    "csv": _to_csv,
    "markdown": _to_markdown,
}
"""Every form by its name."""
