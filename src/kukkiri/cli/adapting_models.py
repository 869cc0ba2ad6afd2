"""Models for ``kukkiri evaluate --adapt``: they learn from every LR picture (torch)."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from kukkiri import weights
from kukkiri.adaptation import adapt, find_start
from kukkiri.cli.printing import print_progress
from kukkiri.degradations import Degradation
from kukkiri.evaluation import AdaptingModel
from kukkiri.networks.precision import Precision

__all__ = ["adapting_models"]


def adapting_models(
    methods: Sequence[str],
    starts: Sequence[str],
    *,
    steps: Sequence[int],
    seed: int,
    projections: int | None,
    degradation: str,
    scales: Sequence[int],
    threads: int | None,
    precision: Precision | None = None,
) -> list[AdaptingModel]:
    """A model for each method and each start, with each number of steps.

    Args:
        methods: of :func:`kukkiri.adaptation.adapt`; when neither these nor ``starts`` are given, what it chooses.
        starts: ids or files.
        steps: at most; those of the method when empty.
        seed: of what is drawn.
        projections: back-projections on the result; those of the method when None.
        degradation: what LR will be made by.
        scales: of the evaluation.
        threads: of torch; all when None.
        precision: of zssr while it learns.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    chosen: list[tuple[str | None, str | None]] = [(one, None) for one in methods] + [(None, one) for one in starts]
    if not chosen:
        found = find_start(Degradation.parse(degradation), scale=scales[0])
        print_progress(f"kukkiri: {found or 'no start for this scale and sub-sampling, so zssr'}")
        chosen = [(None, found) if found else ("zssr", None)]
    return [
        _model(
            method,
            start,
            steps=count,
            seed=seed,
            projections=projections,
            precision=None if start else precision,
        )
        for method, start in chosen
        for count in steps or (None,)
    ]


def _model(
    method: str | None,
    start: str | None,
    *,
    steps: int | None,
    seed: int,
    projections: int | None,
    precision: Precision | None,
) -> AdaptingModel:
    name = method or Path(start or "").stem
    bytes_of_start = ""
    if start is not None:
        path = Path(start) if Path(start).is_file() else weights.locate(start, ".safetensors")
        files = [one for one in (path, path.with_suffix(".json")) if one.is_file()]
        bytes_of_start = hashlib.sha256(b"".join(one.read_bytes() for one in files)).hexdigest()

    def enlarge(lr: NDArray[Any], degradation: Degradation, scale: int) -> NDArray[Any]:
        adapted = adapt(
            lr,
            scale=scale,
            kernel=str(degradation),
            method=method,
            start=start,
            steps=steps,
            seed=seed,
            projections=projections,
            precision=precision,
            guarded=False,
        )
        return adapted(lr)

    shipped = ",".join(f"{one} {weights.card(one).get('sha256')}" for one in weights.starts())
    identity = f"{name} {bytes_of_start or shipped} {steps} {seed} {projections} {precision} {torch.get_num_threads()}"
    shown = name if steps is None else f"{name}({steps})"
    return AdaptingModel(shown if projections is None else f"{shown}+{projections}", identity, enlarge)
