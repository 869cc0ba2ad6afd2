"""Scoring of models on a clip: PSNR and SSIM of the luma of each frame, flicker, and time."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, VideoError
from kukkiri.evaluation.clip_frames import ClipPairs, FramePair, Plane, take_luma
from kukkiri.inference import Ensemble, Upscaler
from kukkiri.info import JSON
from kukkiri.metrics import error_flicker, psnr, ssim

if TYPE_CHECKING:
    import av

__all__ = ["CLIP_PROTOCOL", "ClipEvaluation", "FrameScore", "FrameScored", "evaluate_clip"]

CLIP_PROTOCOL = "y-video"
"""Luma as the decoder gives it, on 0..255, against the luma that is handed to the encoder; scale pixels are cut from
each side. Studio-range luma of 8 bits is the scale of ``y-matlab``."""


@dataclass(frozen=True)
class FrameScore:
    """Scores of one frame."""

    seconds: float
    """Time of the frame in the clip."""
    psnr: float
    """dB."""
    ssim: float
    flicker: float | None
    """Levels of 0..255, see :func:`kukkiri.metrics.error_flicker`; ``None`` for the first frame and where all moves."""


@dataclass(frozen=True)
class FrameScored:
    """Report of progress: a frame was scored."""

    done: int
    total: int | None
    model: str
    score: FrameScore


@dataclass(frozen=True)
class ClipEvaluation:
    """Scores of one model on one clip."""

    model: str
    scale: int
    degradation: str
    clip: str
    """Name of the HR clip."""
    frames: tuple[FrameScore, ...]
    cpu_seconds: float
    """CPU time of one frame from LR planes to SR planes, without decoding and encoding."""

    @property
    def psnr(self) -> float:
        """Mean over the frames, dB."""
        return float(np.mean([frame.psnr for frame in self.frames]))

    @property
    def ssim(self) -> float:
        """Mean over the frames."""
        return float(np.mean([frame.ssim for frame in self.frames]))

    @property
    def worst(self) -> FrameScore:
        """The frame with the lowest PSNR."""
        return min(self.frames, key=lambda frame: frame.psnr)

    @property
    def flicker(self) -> float | None:
        """Mean over the frames for which it is defined; ``None`` when there are none."""
        known = [frame.flicker for frame in self.frames if frame.flicker is not None]
        return float(np.mean(known)) if known else None

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints; infinity becomes ``None``."""
        return {
            "model": self.model,
            "scale": self.scale,
            "protocol": CLIP_PROTOCOL,
            "degradation": self.degradation,
            "clip": self.clip,
            "psnr": _plain(self.psnr),
            "ssim": self.ssim,
            "flicker": self.flicker,
            "psnr_min": _plain(self.worst.psnr),
            "ssim_min": min(frame.ssim for frame in self.frames),
            "cpu_milliseconds": round(1000 * self.cpu_seconds, 3),
            "frames_per_cpu_second": round(1 / self.cpu_seconds, 3) if self.cpu_seconds else None,
            "frames": [{**vars(frame), "psnr": _plain(frame.psnr)} for frame in self.frames],
        }


def evaluate_clip(
    models: Sequence[str],
    clip: Path,
    *,
    scale: int,
    degradation: str | None = None,
    lr: Path | None = None,
    frames: int | None = None,
    ensemble: Ensemble = False,
    model_args: Mapping[str, Mapping[str, JSON]] | None = None,
    device: str | None = None,
    report: Callable[[FrameScored], None] | None = None,
    keep: Callable[[FramePair, "Mapping[str, av.VideoFrame]"], None] | None = None,
) -> list[ClipEvaluation]:
    """Score models on the frames of a clip, each model on the same LR frames.

    Frames go through the code of :func:`kukkiri.upscale_video`, one thread, without reuse.

    Args:
        models: ids, presets, files, or interpolations; without repetition.
        clip: of HR frames.
        scale: HR pixels for one LR pixel along a side, at least 2.
        degradation: makes LR from HR, plane by plane; bicubic when neither it nor ``lr`` is given.
        lr: clip of LR frames to use instead.
        frames: of the clip, from its beginning; all by default.
        ensemble: geometric self-ensemble.
        model_args: what a file of others does not tell, for each model that needs some.
        device: of torch weights.
        report: called after each frame and model.
        keep: called with each pair and the results of all models.

    Raises:
        BackendError: the extra ``video`` is missing.
        ConfigError: no model, one twice, both ``degradation`` and ``lr``, or an impossible number.
        ModelError: an unknown model, or one of another scale.
        VideoError: a clip cannot be read, or HR and LR do not fit.
    """
    parsed = _check(models, scale=scale, degradation=degradation, lr=lr, frames=frames)
    pairs = ClipPairs(clip, scale=scale, degradation=parsed, lr=lr, frames=frames)
    arguments = model_args or {}
    scorers = [
        _Scorer(
            Upscaler(model, scale=scale, ensemble=ensemble, threads=1, model_args=arguments.get(model), device=device),
            model,
            pairs,
        )
        for model in models
    ]
    for number, pair in enumerate(pairs):
        hr, results = take_luma(pair.hr), {}
        for scorer in scorers:
            score, results[scorer.model] = scorer.score(pair, hr)
            if report is not None:
                report(FrameScored(number + 1, pairs.total, scorer.model, score))
        if keep is not None:
            keep(pair, results)
    if not scorers[0].scores:
        raise VideoError(f"{clip}: has no frame that can be decoded. Get the file again.")
    source = str(parsed) if lr is None else f"given: {lr.name}"
    return [
        ClipEvaluation(
            scorer.model, scale, source, clip.name, tuple(scorer.scores), scorer.cpu_seconds / len(scorer.scores)
        )
        for scorer in scorers
    ]


class _Scorer:
    """One model and its scores so far."""

    def __init__(self, upscaler: Upscaler, model: str, pairs: ClipPairs) -> None:
        from kukkiri.video.frame_upscaler import FrameUpscaler  # av

        self.model = model
        self.scores: list[FrameScore] = []
        self.cpu_seconds = 0.0
        self._border = pairs.scale
        self._upscaler = FrameUpscaler(upscaler, pairs.lr_info, reuse=False)
        self._before: tuple[Plane, Plane] | None = None

    def score(self, pair: FramePair, hr: Plane) -> "tuple[FrameScore, av.VideoFrame]":
        """Upscale a frame and compare it with ``hr``, the luma of its HR frame."""
        begun = time.process_time()
        result = self._upscaler.upscale(pair.lr, None).frame
        self.cpu_seconds += time.process_time() - begun
        sr, border = take_luma(result), self._border
        change = None
        if self._before is not None:
            change = error_flicker((self._before[0], hr), (self._before[1], sr), border=border)
        self._before = hr, sr
        self.scores.append(FrameScore(pair.seconds, psnr(hr, sr, border=border), ssim(hr, sr, border=border), change))
        return self.scores[-1], result


def _check(
    models: Sequence[str], *, scale: int, degradation: str | None, lr: Path | None, frames: int | None
) -> Degradation | None:
    if not models:
        raise ConfigError("no model was given. Give at least one.")
    for model in models:
        if models.count(model) > 1:
            raise ConfigError(f"model {model} was given twice. Name each once.")
    if scale < 2:
        raise ConfigError(f"scale must be at least 2, got {scale}.")
    if frames is not None and frames < 1:
        raise ConfigError(f"frames must be at least 1, got {frames}.")
    if lr is not None and degradation is not None:
        raise ConfigError(f"LR is given ({lr}), so it cannot also be made by {degradation!r}. Drop one of them.")
    return None if lr is not None else Degradation.parse(degradation or "bicubic")


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
