"""The page of a blind comparison: two crops of one place in random order, one choice, and what the choices say."""

import hashlib
import itertools
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from kukkiri.errors import ConfigError
from kukkiri.evaluation.scores import Evaluation
from kukkiri.reports.blind_crops import BlindCrop
from kukkiri.reports.data_uris import data_uri
from kukkiri.reports.labels import short_labels
from kukkiri.reports.page import build_page, read_asset, write_page

__all__ = ["write_blind_page"]

_FOOTER = (
    "<p>Crops of HR pixels at the places where the models differ most in luma, lossless. The page makes no request; "
    "export the answers and read those of several persons with <code>kukkiri compare --blind-results</code>.</p>"
)


def write_blind_page(
    path: Path,
    evaluations: Sequence[Evaluation],
    crops: Sequence[BlindCrop],
    *,
    title: str | None = None,
    overwrite: bool = False,
) -> int:
    """Write one self-contained HTML page on which two models at a time are compared blindly.

    Args:
        path: the ``.html`` file.
        evaluations: of the models; their scores are not on the page.
        crops: see :func:`kukkiri.reports.build_blind_crops`, of the same evaluations.
        title: plain text.
        overwrite: replace an existing file.

    Returns:
        The number of pairs to judge; two models whose crops are equal are not among them.

    Raises:
        ConfigError: all crops are equal, or the file exists or cannot be written.
    """
    first, labels = evaluations[0], short_labels([evaluation.model for evaluation in evaluations])
    pairs = list(itertools.combinations(range(len(labels)), 2))
    trials = [
        {"crop": number, "pair": pair}
        for number, crop in enumerate(crops)
        for pair in pairs
        if crop.images[pair[0]] != crop.images[pair[1]]
    ]
    if not trials:
        raise ConfigError(f"{' and '.join(labels)} give the same images, so that there is nothing to choose.")
    data: dict[str, Any] = {
        "models": labels,
        "scale": first.scale,
        "degradation": first.degradation,
        "pairs": pairs,
        "trials": trials,
        "crops": [
            {"image": "/".join(crop.key), "place": [*crop.place, crop.side], "images": [*map(data_uri, crop.images)]}
            for crop in crops
        ],
    }
    data["id"] = hashlib.sha256(json.dumps(data).encode()).hexdigest()[:12]
    text = json.dumps(data).replace("<", "\\u003c")  # so that no name ends the script
    setup = f"{', '.join(first.sets)}, ×{first.scale}, LR by {first.degradation}; {len(trials)} pairs"
    html = build_page(
        title=title or "Which one looks better?",
        setup=escape(setup),
        body=Template(read_asset("blind.html")).substitute(count=len(trials), data=text),
        footer=_FOOTER,
        slider=False,
        own="blind",
    )
    write_page(path, html, overwrite=overwrite)
    return len(trials)
