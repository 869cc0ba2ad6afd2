"""The part of ``kukkiri evaluate`` and ``kukkiri compare`` that scores clips."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kukkiri.cli.parameters import UsageError
from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.cli.scoring import ScoreDisplay
from kukkiri.evaluation import ClipEvaluation, evaluate_clip
from kukkiri.inference import Ensemble
from kukkiri.info import JSON
from kukkiri.reports import HR_LABEL, FilmRecorder, short_labels, write_clip_comparison

if TYPE_CHECKING:
    import av

    from kukkiri.evaluation.clip_frames import FramePair

__all__ = ["compare_clip", "refuse_image_options", "score_clips"]


def refuse_image_options(given: Mapping[str, bool]) -> None:
    """Refuse options that mean nothing for clips.

    Args:
        given: names of such options, and whether they were given.

    Raises:
        UsageError: one was.
    """
    names = [name for name, is_given in given.items() if is_given]
    if names:
        verb, what = ("is", "it") if len(names) == 1 else ("are", "them")
        raise UsageError(f"{' and '.join(names)} {verb} for images, and --data names clips. Drop {what}.")


def score_clips(
    models: Sequence[str],
    clips: Sequence[Path],
    *,
    scales: Sequence[int],
    degradation: str | None,
    lr: Path | None,
    frames: int | None,
    ensemble: Ensemble,
    model_args: Mapping[str, Mapping[str, JSON]],
    device: str,
) -> list[ClipEvaluation]:
    """Score models on clips, with progress on stderr.

    Raises:
        KukkiriError: see :func:`kukkiri.evaluation.evaluate_clip`.
    """
    found = []
    with ScoreDisplay() as display:
        for clip in clips:
            for scale in scales:
                found += evaluate_clip(
                    models,
                    clip,
                    scale=scale,
                    degradation=degradation,
                    lr=lr,
                    frames=frames,
                    ensemble=ensemble,
                    model_args=model_args,
                    device=None if device == "cpu" else device,
                    report=display.show_frame,
                )
    return found


def compare_clip(
    models: Sequence[str],
    clips: Sequence[Path],
    page: Path,
    *,
    scale: int,
    degradation: str | None,
    lr: Path | None,
    frames: int | None,
    ensemble: Ensemble,
    model_args: Mapping[str, Mapping[str, JSON]],
    device: str,
    title: str | None,
    overwrite: bool,
    json: bool,
) -> None:
    """Score models on one clip, and write the page with its film.

    Raises:
        UsageError: several clips.
        KukkiriError: see :func:`kukkiri.evaluation.evaluate_clip`.
    """
    if len(clips) != 1:
        raise UsageError(f"a page shows one clip, got {len(clips)}. Compare each on its own, or use kukkiri evaluate.")
    film = _Film(models)
    with ScoreDisplay() as display:
        evaluations = evaluate_clip(
            models,
            clips[0],
            scale=scale,
            degradation=degradation,
            lr=lr,
            frames=frames,
            ensemble=ensemble,
            model_args=model_args,
            device=None if device == "cpu" else device,
            report=display.show_frame,
            keep=film.take,
        )
    write_clip_comparison(page, evaluations, film=film.recorder.finish(), title=title, overwrite=overwrite)
    if json:
        print_json({"page": str(page), "models": [evaluation.to_json() for evaluation in evaluations]})
        return
    width = max(map(len, film.labels))
    for label, evaluation in zip(film.labels, evaluations, strict=True):
        print_progress(f"{evaluation.clip}  {label:<{width}}  {evaluation.psnr:7.4f} dB  {evaluation.ssim:.6f}")
    print_result(str(page))


class _Film:
    """Begins the film with the first frame, whose size it needs."""

    recorder: FilmRecorder

    def __init__(self, models: Sequence[str]) -> None:
        self.labels = short_labels(list(models))
        self._begun = False

    def take(self, pair: "FramePair", results: "Mapping[str, av.VideoFrame]") -> None:
        if not self._begun:
            self.recorder = FilmRecorder([HR_LABEL, *self.labels], size=(pair.hr.height, pair.hr.width))
            self._begun = True
        self.recorder.take(pair.seconds, [pair.hr, *results.values()])
