"""Events of an upscaling run on stdout, one JSON object a line."""

import json
import sys
import threading
from collections.abc import Sequence
from typing import Any

from kukkiri.cli.pace import Pace
from kukkiri.cli.printing import print_progress, print_result
from kukkiri.inference import ClipOutcome, FileJob, FileProgress, FileResult

__all__ = ["JsonLinesDisplay", "describe_result"]

_TICK = 0.2  # seconds between two events about one image


def describe_result(result: FileResult) -> dict[str, Any]:
    """Describe a result as ``--json`` and ``--json-lines`` do; a clip has further fields."""
    return {
        "input": str(result.job.source),
        "output": str(result.job.target),
        "size": None if result.output_size is None else [result.output_size[1], result.output_size[0]],
        "seconds": round(result.seconds, 4),
        "skipped": result.skipped,
        "weights": result.domain,
        **({} if result.degradation is None else {"degradation": dict(result.degradation)}),
        "notes": list(result.notes),
        **({} if result.clip is None else _describe_clip(result.clip, result.seconds)),
    }


def _describe_clip(clip: ClipOutcome, seconds: float) -> dict[str, Any]:
    return {
        "frames": clip.frames,
        "frames_resumed": clip.resumed,
        "frames_per_second": round((clip.frames - clip.resumed) / seconds, 3) if seconds else None,
        "encoder": clip.encoder,
        "reused": round(clip.reused, 4),
        "bytes": clip.size,
        "damaged": clip.damaged,
    }


class JsonLinesDisplay:
    """Events on stdout, one JSON object a line; errors go to stderr, too."""

    def __init__(self) -> None:
        self._paces: dict[FileJob, Pace] = {}
        self._reported: dict[FileJob, float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "JsonLinesDisplay":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self, *, images: int, model: str, scale: float | None) -> None:
        """``{"event": "start", "images": 3, "model": "balanced", "scale": 2.0}``."""
        self._write({"event": "start", "images": images, "model": model, "scale": scale})

    def note(self, text: str) -> None:
        """``{"event": "note", "text": "..."}``; notes about an image are in its ``done``."""
        self._write({"event": "note", "text": text})

    def progress(self, progress: FileProgress) -> None:
        """A step of an image has begun, or tiles of it are done, at most five times a second."""
        with self._lock:
            pace = self._paces.setdefault(progress.job, Pace())
            step = None if pace.last is None else pace.last.step
            pace.take(progress)
            ended = progress.total and progress.done == progress.total
            if step == progress.step and not ended and pace.seen - self._reported[progress.job] < _TICK:
                return
            self._reported[progress.job] = pace.seen
            speed, left = pace.megapixels_per_second, pace.seconds_left
            event = {
                "event": "progress",
                "input": str(progress.job.source),
                "step": progress.step,
                f"{progress.unit}s": progress.done,
                f"{progress.unit}s_total": progress.total or None,
                "percent": round(100 * pace.share, 1),
                "megapixels_per_second": None if speed is None else round(speed, 3),
                "seconds_left": None if left is None else round(left, 1),
            }
            if progress.unit == "frame":
                fps = pace.frames_per_second
                event["frames_per_second"] = None if fps is None else round(fps, 3)
                event["reused"] = None if progress.reused is None else round(progress.reused, 4)
        self._write(event)

    def finish(self, result: FileResult) -> None:
        """``done`` with the fields of ``--json``, or ``failed`` with the error."""
        if result.error:
            self._write({"event": "failed", "input": str(result.job.source), "error": result.error})
            print_progress(f"kukkiri: {result.error}")
        else:
            self._write({"event": "done", **describe_result(result)})

    def end(self, results: Sequence[FileResult]) -> None:
        """``{"event": "end", "done": 2, "failed": 1}``."""
        failed = sum(bool(result.error) for result in results)
        self._write({"event": "end", "done": len(results) - failed, "failed": failed})

    def _write(self, event: dict[str, Any]) -> None:
        with self._lock:
            print_result(json.dumps(event))
            sys.stdout.flush()
