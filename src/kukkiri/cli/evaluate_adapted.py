"""``kukkiri evaluate-adapted``: scores of networks that learn from each LR image before they upscale it."""

from typing import Annotated, Literal

from cyclopts import Parameter

from kukkiri.cli.evaluate import Metrics, split_metrics
from kukkiri.cli.printing import print_progress
from kukkiri.cli.scoring import (
    DEFAULT_CACHE,
    DEFAULT_PROTOCOL,
    DEFAULT_SETS,
    DEFAULT_TABLE,
    CacheOptions,
    ProtocolOptions,
    ScoreDisplay,
    TableOptions,
    TestSetOptions,
)
from kukkiri.errors import require
from kukkiri.evaluation import evaluate_many

__all__ = ["evaluate_adapted"]


def evaluate_adapted(
    *,
    scale: Annotated[tuple[int, ...], Parameter(alias="-s")],
    method: tuple[str, ...] = (),
    initialization: tuple[str, ...] = (),
    steps: tuple[int, ...] = (),
    projections: int | None = None,
    precision: Literal["float32", "bfloat16"] | None = None,
    seed: int = 0,
    model: tuple[str, ...] = (),
    threads: int | None = None,
    device: str = "cpu",
    sets: TestSetOptions = DEFAULT_SETS,
    protocol: ProtocolOptions = DEFAULT_PROTOCOL,
    metrics: Metrics = (),
    table: TableOptions = DEFAULT_TABLE,
    cache: CacheOptions = DEFAULT_CACHE,
) -> None:
    """Score networks that learn from each LR image, given the degradation that made it; see kukkiri adapt.

    Needs the torch extra.

    Args:
        scale: HR pixels for one LR pixel along a side, from 2.
        method: zssr, or the network of a shipped initialization such as mzsr; when neither a method nor an
            initialization is given, the choice of kukkiri adapt.
        initialization: id or file of meta-learned weights.
        steps: gradient steps on each image, at most; one row for each number; those of the method when not given.
        projections: back-projections on each result; those of the method when not given.
        precision: of zssr while it learns; float32 when not given.
        seed: of random weights and sampled crops.
        model: models that do not learn, scored beside; the first is the one that others are compared with.
        threads: CPU threads; all when not given.
        device: where networks learn, and torch weights run: cpu, cuda, cuda:N, mps, or auto (a GPU when torch sees
            one).
        metrics: keys of ``METRICS``, beside psnr and ssim.
    """
    require("torch", for_what="adaptation")
    from kukkiri.adaptation.contenders import adapting_models, choose_learners  # torch

    table.check()
    methods, initializations = list(method), list(initialization)
    if not methods and not initializations:
        methods, initializations = choose_learners(protocol.degradation or "bicubic", scale=scale[0])
        chosen = initializations or ["zssr: no initialization is shipped for this scale and subsampling"]
        print_progress(f"kukkiri: {chosen[0]}")
    adapting = adapting_models(
        methods,
        initializations,
        steps=steps,
        seed=seed,
        projections=projections,
        precision=precision,
        threads=threads,
        device=device,
    )
    with ScoreDisplay() as display:
        evaluations = evaluate_many(
            [*model, *adapting],
            data=sets.find(),
            scales=scale,
            protocol=protocol.protocol,
            degradation=protocol.degradation,
            metrics=split_metrics(metrics),
            threads=threads,
            cache=cache.folder(),
            device=device,
            report=display,
        )
    table.write(evaluations)
