"""``kukkiri evaluate-text``: character error rates of Tesseract after models."""

import math
from typing import Annotated

from cyclopts import Parameter

from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.errors import ConfigError
from kukkiri.inference import Ensemble
from kukkiri.ocr import SCRIPTS, TextScore, reader_version, render_images, score_text

__all__ = ["evaluate_text"]


def evaluate_text(
    *,
    model: tuple[str, ...],
    scale: Annotated[int, Parameter(alias="-s")],
    degradation: Annotated[str, Parameter(alias="-d")] = "bicubic",
    script: tuple[str, ...] = (),
    count: int = 12,
    seed: int = 0,
    ensemble: Ensemble = False,
    threads: int | None = None,
    device: str = "cpu",
    json: bool = False,
) -> None:
    """Read rendered text with Tesseract after each model, and print the character error rate.

    Tesseract and fonts are not part of kukkiri; docs/how-to/read-text.md says how to install them.

    Args:
        model: as kukkiri evaluate takes them, or hr (the image before it is downscaled) and lr (not upscaled).
        scale: 2, 3, 4, 6 or 12.
        degradation: how LR is made from HR, such as gaussian:2.0+direct, see kukkiri degrade.
        script: latin, cyrillic, greek, japanese, korean; all when not given.
        count: images of each script.
        seed: of the words and the noise.
        ensemble: mean over 2, 4 or 8 flips and rotations (geometric self-ensemble); 8 without a number.
        threads: CPU threads of the engine; all when not given.
        device: where torch weights run: cpu, cuda, cuda:N, mps, or auto (a GPU when torch sees one). Other models run
            on the CPU.
        json: print one JSON object to stdout and nothing else.
    """
    for name in model:
        if model.count(name) > 1:
            raise ConfigError(f"model {name} was given twice. Name each once.")
    reader = reader_version()
    images = render_images(scripts=script or tuple(SCRIPTS), count=count, seed=seed)
    scores = score_text(
        model,
        images,
        scale=scale,
        degradation=degradation,
        seed=seed,
        ensemble=ensemble,
        threads=threads,
        device=device,
        report=_report,
    )
    if json:
        print_json({"reader": reader, "seed": seed, "models": [score.to_json() for score in scores]})
        return
    first = scores[0]
    print_result(f"character error rate in %, x{scale}, {first.degradation}, {len(images)} images, {reader}")
    print_result(f"{'':<16}{'all':>7} {'95 %':>13}" + "".join(f"{name:>10}" for name in first.scripts))
    for score in scores:
        low, high = (100 * end for end in score.interval())
        interval = f"{'-':^13}" if math.isnan(low) else f"{low:6.1f}-{high:<6.1f}"  # of one image there is none
        by_script = "".join(f"{100 * score.rate(name):10.1f}" for name in score.scripts)
        print_result(f"{score.model:<16}{100 * score.rate():7.1f} {interval}{by_script}")


def _report(model: str, score: TextScore) -> None:
    print_progress(f"{model}: {100 * score.rate():.1f} % of characters wrong")
