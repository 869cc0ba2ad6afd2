"""Models for ``kukkiri evaluate --adapt``: they learn from every LR image (torch)."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from kukkiri import pretrained
from kukkiri.adaptation import adapt, find_initialization
from kukkiri.cli.printing import print_progress
from kukkiri.degradations import Degradation
from kukkiri.evaluation import AdaptingModel
from kukkiri.training.precision import Precision

__all__ = ["adapting_models"]


def adapting_models(
    methods: Sequence[str],
    initializations: Sequence[str],
    *,
    steps: Sequence[int],
    seed: int,
    projections: int | None,
    degradation: str,
    scales: Sequence[int],
    threads: int | None,
    precision: Precision | None = None,
) -> list[AdaptingModel]:
    """A model for each method and each initialization, with each number of steps.

    Args:
        methods: of :func:`kukkiri.adaptation.adapt`; when neither these nor ``starts`` are given, what it chooses.
        initializations: ids or files.
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
    chosen: list[tuple[str | None, str | None]] = [(one, None) for one in methods] + [
        (None, one) for one in initializations
    ]
    if not chosen:
        found = find_initialization(Degradation.parse(degradation), scale=scales[0])
        print_progress(f"kukkiri: {found or 'no initialization for this scale and subsampling, so zssr'}")
        chosen = [(None, found) if found else ("zssr", None)]
    return [
        _model(
            method,
            initialization,
            steps=count,
            seed=seed,
            projections=projections,
            precision=None if initialization else precision,
        )
        for method, initialization in chosen
        for count in steps or (None,)
    ]


def _model(
    method: str | None,
    initialization: str | None,
    *,
    steps: int | None,
    seed: int,
    projections: int | None,
    precision: Precision | None,
) -> AdaptingModel:
    name = method or Path(initialization or "").stem
    bytes_of_initialization = ""
    if initialization is not None:
        path = (
            Path(initialization)
            if Path(initialization).is_file()
            else pretrained.locate(initialization, ".safetensors")
        )
        files = [one for one in (path, path.with_suffix(".json")) if one.is_file()]
        bytes_of_initialization = hashlib.sha256(b"".join(one.read_bytes() for one in files)).hexdigest()

    def upscale(lr: NDArray[Any], degradation: Degradation, scale: int) -> NDArray[Any]:
        adapted = adapt(
            lr,
            scale=scale,
            kernel=str(degradation),
            method=method,
            initialization=initialization,
            steps=steps,
            seed=seed,
            projections=projections,
            precision=precision,
            guarded=False,
        )
        return adapted(lr)

    shipped = ",".join(f"{one} {pretrained.card(one).get('sha256')}" for one in pretrained.initializations())
    identity = f"{name} {bytes_of_initialization or shipped} {steps} {seed} {projections} {precision} {torch.get_num_threads()}"
    shown = name if steps is None else f"{name}({steps})"
    return AdaptingModel(shown if projections is None else f"{shown}+{projections}", identity, upscale)
