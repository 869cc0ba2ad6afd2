"""``kukkiri compare``: several models on the same images or on a clip, as one HTML page."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from kukkiri.cli.model_arguments import DEFAULT_ARGUMENTS, ArgumentOptions
from kukkiri.cli.parameters import UsageError
from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.cli.scoring import (
    DEFAULT_CACHE,
    DEFAULT_PROTOCOL,
    DEFAULT_SETS,
    OUTPUT,
    SCORES,
    TEST_IMAGES,
    CacheOptions,
    ProtocolOptions,
    ScoreDisplay,
    TestSetOptions,
)
from kukkiri.cli.scoring_clips import compare_clip, refuse_image_options
from kukkiri.errors import ConfigError
from kukkiri.evaluation import Evaluation, evaluate_many, pair_lr
from kukkiri.reports import build_gallery, short_labels, write_comparison

__all__ = ["compare"]


def compare(
    models: Annotated[list[str], Parameter(name="MODEL")],
    /,
    *,
    scale: Annotated[int, Parameter(alias="-s")],
    ensemble: bool = False,
    threads: int | None = None,
    device: str = "cpu",
    arguments: ArgumentOptions = DEFAULT_ARGUMENTS,
    sets: TestSetOptions = DEFAULT_SETS,
    lr: Annotated[Path | None, Parameter(group=TEST_IMAGES)] = None,
    frames: Annotated[int | None, Parameter(group=TEST_IMAGES)] = None,
    protocol: ProtocolOptions = DEFAULT_PROTOCOL,
    perception: Annotated[bool, Parameter(negative="--no-perception", group=SCORES)] = True,
    cost: Annotated[bool, Parameter(negative="--no-cost", group=SCORES)] = True,
    output: Annotated[Path, Parameter(alias="-o", group=OUTPUT)] = Path("report"),
    images: Annotated[int, Parameter(group=OUTPUT)] = 6,
    title: Annotated[str | None, Parameter(group=OUTPUT)] = None,
    overwrite: Annotated[bool, Parameter(group=OUTPUT)] = False,
    json: Annotated[bool, Parameter(group=OUTPUT)] = False,
    cache: CacheOptions = DEFAULT_CACHE,
) -> None:
    """Compare models on HR images: one self-contained page with tables, charts, crops and a before/after slider; on an
    HR clip, a page with a film under the slider.

    Args:
        models: two or more; the first is the baseline of all gains: bicubic, ids such as espcn-x3, or files.
        scale: HR pixels for one LR pixel along a side.
        ensemble: average over the eight flips and rotations (geometric self-ensemble).
        threads: CPU threads of the engine; all when not given.
        device: where torch weights run: cpu, cuda, cuda:N, mps, or auto (a GPU when torch sees one). Other models run
            on the CPU, and the cost is measured there.
        lr: folder of LR images, or LR clip, to use instead of making them.
        frames: of a clip, from its beginning; all when not given.
        perception: compute NIQE, too, which takes a second for each image and model.
        cost: count parameters and multiply-adds, and measure time and memory, too.
        output: folder for index.html, or an .html file.
        images: number of images to show, at least 1.
        title: of the page.
        overwrite: replace an existing page.
        json: print one JSON object to stdout and nothing else.
    """
    page = output if output.suffix.lower() in (".html", ".htm") else output / "index.html"
    if page.exists() and not overwrite:
        raise ConfigError(f"{page}: exists already. Choose another name, or allow it with --overwrite.")
    if images < 1:
        raise ConfigError(f"--images must be at least 1, got {images}.")
    model_args = arguments.read(models)
    clips = sets.clips()
    if clips:
        refuse_image_options({"--protocol": protocol.is_chosen})
        compare_clip(
            models,
            clips,
            page,
            scale=scale,
            degradation=protocol.degradation,
            lr=lr,
            frames=frames,
            ensemble=ensemble,
            model_args=model_args,
            device=device,
            title=title,
            overwrite=overwrite,
            json=json,
        )
        return
    if frames is not None:
        raise UsageError("--frames is for clips, and --data names images. Drop it.")
    test_sets = sets.find()
    with ScoreDisplay() as display:
        evaluations = evaluate_many(
            models,
            data=test_sets,
            scales=[scale],
            protocol=protocol.protocol,
            degradation=protocol.degradation,
            lr=lr,
            metrics=["niqe", "lr-psnr"] if perception else ["lr-psnr"],
            ensemble=ensemble,
            threads=threads,
            model_args=model_args,
            cost=cost,
            cache=cache.folder(),
            device=device,
            report=display,
        )
    gallery = build_gallery(
        evaluations,
        sets=test_sets if lr is None else [pair_lr(test_set, lr, scale=scale) for test_set in test_sets],
        count=images,
        ensemble=ensemble,
        threads=threads,
        model_args=model_args,
        device=device,
        report=lambda name: print_progress(f"images of {name}"),
    )
    write_comparison(page, evaluations, gallery=gallery, title=title, overwrite=overwrite)
    if json:
        print_json({"page": str(page), "models": [evaluation.to_json() for evaluation in evaluations]})
        return
    _print_means(evaluations)
    print_result(str(page))


def _print_means(evaluations: list[Evaluation]) -> None:
    labels = short_labels([evaluation.model for evaluation in evaluations])
    width = max(map(len, labels))
    for name in evaluations[0].sets:
        for label, evaluation in zip(labels, evaluations, strict=True):
            mean = evaluation.sets[name].mean
            print_progress(f"{name}  {label:<{width}}  {mean.psnr:7.4f} dB  {mean.ssim:.6f}")
