"""``kukkiri evaluate``: scores of models on test sets."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from kukkiri.cli.model_arguments import DEFAULT_ARGUMENTS, ArgumentOptions
from kukkiri.cli.parameters import UsageError
from kukkiri.cli.scoring import (
    DEFAULT_CACHE,
    DEFAULT_PROTOCOL,
    DEFAULT_SETS,
    DEFAULT_TABLE,
    SCORES,
    TEST_IMAGES,
    CacheOptions,
    ProtocolOptions,
    ScoreDisplay,
    TableOptions,
    TestSetOptions,
)
from kukkiri.cli.scoring_clips import refuse_image_options, score_clips
from kukkiri.evaluation import evaluate_many
from kukkiri.evaluation.scores import ALWAYS
from kukkiri.inference import Ensemble
from kukkiri.metrics import METRICS

__all__ = ["Metrics", "evaluate_command", "split_metrics"]

Metrics = Annotated[
    tuple[str, ...],
    Parameter(group=SCORES, help=f"beside psnr and ssim: {', '.join(name for name in METRICS if name not in ALWAYS)}."),
]


def evaluate_command(
    *,
    model: tuple[str, ...],
    scale: Annotated[tuple[int, ...], Parameter(alias="-s")],
    ensemble: Ensemble = False,
    threads: int | None = None,
    device: str = "cpu",
    arguments: ArgumentOptions = DEFAULT_ARGUMENTS,
    sets: TestSetOptions = DEFAULT_SETS,
    lr: Annotated[Path | None, Parameter(group=TEST_IMAGES)] = None,
    frames: Annotated[int | None, Parameter(group=TEST_IMAGES)] = None,
    protocol: ProtocolOptions = DEFAULT_PROTOCOL,
    metrics: Metrics = (),
    cost: Annotated[bool, Parameter(group=SCORES)] = False,
    table: TableOptions = DEFAULT_TABLE,
    cache: CacheOptions = DEFAULT_CACHE,
) -> None:
    """Score models on folders of HR images, or on HR clips, from which LR is made.

    Args:
        model: id such as espcn-x3, family such as espcn, preset, an .onnx, .safetensors or .pth file, or bicubic,
            bilinear, nearest, lanczos. Several are compared with the first.
        scale: HR pixels for one LR pixel along a side.
        ensemble: mean over 2, 4 or 8 flips and rotations (geometric self-ensemble); 8 without a number.
        threads: CPU threads of the engine; all when not given.
        device: where torch weights run: cpu, cuda, cuda:N, mps, or auto (a GPU when torch sees one). Other models run
            on the CPU, and --cost is measured there.
        lr: folder of LR images, or LR clip, to use instead of making them.
        frames: of each clip, from its beginning; all when not given.
        metrics: keys of ``METRICS``, beside psnr and ssim.
        cost: also count parameters and multiply-adds, and measure time and memory for a megapixel of output.
    """
    table.check()
    clips = sets.clips()
    if clips:
        refuse_image_options({"--metrics": bool(metrics), "--cost": cost, "--protocol": protocol.is_chosen})
        found = score_clips(
            model,
            clips,
            scales=scale,
            degradation=protocol.degradation,
            lr=lr,
            frames=frames,
            ensemble=ensemble,
            model_args=arguments.read(model),
            device=device,
        )
        table.write_clips(found)
        return
    if frames is not None:
        raise UsageError("--frames is for clips, and --data names images. Drop it.")
    with ScoreDisplay() as display:
        evaluations = evaluate_many(
            model,
            data=sets.find(),
            scales=scale,
            protocol=protocol.protocol,
            degradation=protocol.degradation,
            lr=lr,
            metrics=split_metrics(metrics),
            ensemble=ensemble,
            threads=threads,
            model_args=arguments.read(model),
            cost=cost,
            cache=cache.folder(),
            device=device,
            report=display,
        )
    table.write(evaluations)


def split_metrics(names: tuple[str, ...]) -> list[str]:
    """Names from ``--metrics a b`` and ``--metrics a,b``."""
    return [name.strip() for text in names for name in text.split(",") if name.strip()]
