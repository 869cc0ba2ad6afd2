"""The blind comparison of ``kukkiri compare``: its page, and the answers that it exported."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.cli.scoring import ScoreDisplay
from kukkiri.errors import ConfigError
from kukkiri.evaluation import evaluate_many, pair_lr
from kukkiri.evaluation.preferences import read_preferences
from kukkiri.evaluation.sets import TestSet
from kukkiri.reports import build_blind_crops, write_blind_page
from kukkiri.reports.blind_crops import MOST_MODELS

__all__ = ["print_preferences", "write_blind"]


def write_blind(
    models: Sequence[str],
    page: Path,
    *,
    sets: Sequence[TestSet],
    scale: int,
    images: int,
    title: str | None,
    overwrite: bool,
    lr: Path | None,
    json: bool,
    cache: Path | None,
    degradation: str | None,
    **running: Any,
) -> None:
    """Write the page, and print its path and the number of pairs.

    Args:
        models: two to four.
        page: the ``.html`` file.
        sets: of HR images.
        scale: HR pixels for one LR pixel along a side.
        images: to take crops from.
        title: of the page.
        overwrite: replace an existing page.
        lr: folder of LR images to use.
        json: print one JSON object.
        cache: folder of scores.
        degradation: that makes LR.
        **running: ensemble, threads, model_args and device, see :func:`kukkiri.evaluation.evaluate_many`.

    Raises:
        ConfigError: another number of models, before anything is scored; or nothing to choose between.
        KukkiriError: an image or a model cannot be read.
    """
    if not 2 <= len(models) <= MOST_MODELS:
        raise ConfigError(f"--blind takes 2 to {MOST_MODELS} models, got {len(models)}. Name so many.")
    with ScoreDisplay() as display:
        evaluations = evaluate_many(
            models,
            data=sets,
            scales=[scale],
            protocol="y-matlab",
            degradation=degradation,
            lr=lr,
            cache=cache,
            report=display,
            **running,
        )
    crops = build_blind_crops(
        evaluations,
        sets=sets if lr is None else [pair_lr(test_set, lr, scale=scale) for test_set in sets],
        count=images,
        report=lambda name: print_progress(f"crops of {name}"),
        **running,
    )
    count = write_blind_page(page, evaluations, crops, title=title, overwrite=overwrite)
    if json:
        print_json({"page": str(page), "crops": len(crops), "pairs": count})
        return
    print_progress(f"{count} pairs of {len(crops)} crops")
    print_result(str(page))


def print_preferences(paths: Sequence[Path], *, json: bool) -> None:
    """Print what the answers of some exported files say.

    Raises:
        ConfigError: a file cannot be read, or they are of several pages.
    """
    found = read_preferences(paths)
    if json:
        print_json({"preferences": [preference.to_json() for preference in found]})
        return
    for each in found:
        first, second = each.models
        line = f"{first} {each.wins[0]}, {second} {each.wins[1]}, no difference {each.undecided}"
        if each.share is not None and each.interval is not None:
            low, high = each.interval
            line += f"; {first} {each.share:.0%} ({low:.0%} to {high:.0%})"
        print_result(f"{line}; preferred: {each.preferred or 'neither'}")
