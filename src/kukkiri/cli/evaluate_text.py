"""``kukkiri evaluate --text``: how well text can be read after a model."""

from collections.abc import Sequence

from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.ocr import SCRIPTS, TextScore, reader_version, render_images, score_text

__all__ = ["evaluate_text"]


def evaluate_text(
    *,
    models: Sequence[str],
    scale: int,
    degradation: str = "bicubic",
    scripts: Sequence[str] = (),
    count: int = 12,
    seed: int = 0,
    ensemble: bool = False,
    threads: int | None = None,
    json: bool = False,
) -> None:
    """Print the character error rate of Tesseract on rendered text after each model.

    Args:
        models: as kukkiri evaluate takes them, or hr (the image before it was made smaller) and lr.
        scale: 2, 3, 4, 6 or 12.
        degradation: how LR is made, as kukkiri degrade takes it.
        scripts: latin, cyrillic, greek, japanese, korean; all when none is given.
        count: images of each script.
        seed: of the words and of the noise.
        ensemble: mean over the eight flips and turns.
        threads: of the engine; all when not given.
        json: print one JSON object to stdout.
    """
    reader = reader_version()
    images = render_images(scripts=scripts or tuple(SCRIPTS), count=count, seed=seed)
    scores = score_text(
        models,
        images,
        scale=scale,
        degradation=degradation,
        seed=seed,
        ensemble=ensemble,
        threads=threads,
        report=_report,
    )
    if json:
        print_json({"reader": reader, "seed": seed, "models": [one.to_json() for one in scores]})
        return
    first = scores[0]
    print_result(f"character error rate in %, x{scale}, {first.degradation}, {len(images)} images, {reader}")
    print_result(f"{'':<16}{'all':>7} {'95 %':>13}" + "".join(f"{name:>10}" for name in first.scripts))
    for one in scores:
        low, high = (100 * end for end in one.interval())
        by_script = "".join(f"{100 * one.rate(name):10.1f}" for name in one.scripts)
        print_result(f"{one.model:<16}{100 * one.rate():7.1f} {low:6.1f}-{high:<6.1f}{by_script}")


def _report(model: str, score: TextScore) -> None:
    print_progress(f"{model}: {100 * score.rate():.1f} % of characters wrong")
