"""``kukkiri compare``: several models on the same images or on a clip, as one HTML page."""

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from kukkiri.cli.blind import print_preferences, write_blind
from kukkiri.cli.evaluate import Metrics, split_metrics
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
from kukkiri.files import check_folder
from kukkiri.inference import Ensemble
from kukkiri.reports import build_gallery, short_labels, write_comparison

__all__ = ["compare"]

BLIND = Group("Blind comparison", sort_key=5)


def compare(
    models: Annotated[tuple[str, ...], Parameter(name="MODEL")] = (),
    /,
    *,
    scale: Annotated[int | None, Parameter(alias="-s")] = None,
    ensemble: Ensemble = False,
    threads: int | None = None,
    device: str = "cpu",
    arguments: ArgumentOptions = DEFAULT_ARGUMENTS,
    sets: TestSetOptions = DEFAULT_SETS,
    lr: Annotated[Path | None, Parameter(group=TEST_IMAGES)] = None,
    frames: Annotated[int | None, Parameter(group=TEST_IMAGES)] = None,
    protocol: ProtocolOptions = DEFAULT_PROTOCOL,
    perception: Annotated[bool, Parameter(negative="--no-perception", group=SCORES)] = True,
    metrics: Metrics = (),
    cost: Annotated[bool, Parameter(negative="--no-cost", group=SCORES)] = True,
    output: Annotated[Path, Parameter(alias="-o", group=OUTPUT)] = Path("report"),
    images: Annotated[int, Parameter(group=OUTPUT)] = 6,
    title: Annotated[str | None, Parameter(group=OUTPUT)] = None,
    overwrite: Annotated[bool, Parameter(group=OUTPUT)] = False,
    json: Annotated[bool, Parameter(group=OUTPUT)] = False,
    blind: Annotated[bool, Parameter(group=BLIND)] = False,
    blind_results: Annotated[tuple[Path, ...], Parameter(group=BLIND)] = (),
    cache: CacheOptions = DEFAULT_CACHE,
) -> None:
    """Compare models on HR images: one self-contained page with tables, charts, crops and a before/after slider; on an
    HR clip, a page with a film under the slider.

    Args:
        models: two or more; the first is the baseline of all gains: bicubic, ids such as espcn-x3, or files.
        scale: HR pixels for one LR pixel along a side; required but for --blind-results.
        ensemble: mean over 2, 4 or 8 flips and rotations (geometric self-ensemble); 8 without a number.
        threads: CPU threads of the engine; all when not given.
        device: where torch weights run: cpu, cuda, cuda:N, mps, or auto (a GPU when torch sees one). Other models run
            on the CPU, and the cost is measured there.
        lr: folder of LR images, or LR clip, to use instead of making them.
        frames: of a clip, from its beginning; all when not given.
        perception: compute NIQE, too, which takes a second for each image and model.
        metrics: keys of ``METRICS``, beside psnr, ssim, lr-psnr and niqe.
        cost: count parameters and multiply-adds, and measure time and memory, too.
        output: folder for index.html, or an .html file.
        images: number of images to show, at least 1.
        title: of the page.
        overwrite: replace an existing page.
        json: print one JSON object to stdout and nothing else.
        blind: write a page without scores instead, on which a person chooses between two crops in random order; for
            two to four models.
        blind_results: print what the answers say that such a page exported, of one person or more.
    """
    if blind_results:
        print_preferences(blind_results, json=json)
        return
    if not models or scale is None:
        missing = "--scale" if models else "MODEL"
        raise UsageError(f'Command "compare" parameter {missing} requires an argument.')
    page = output if output.suffix.lower() in (".html", ".htm") else output / "index.html"
    if page.exists() and not overwrite:
        raise ConfigError(f"{page}: exists already. Choose another name, or allow it with --overwrite.")
    check_folder(page.parent)
    if images < 1:
        raise ConfigError(f"--images must be at least 1, got {images}.")
    model_args = arguments.read(models)
    clips = sets.clips()
    if clips and blind:
        raise UsageError("--blind is for images, and --data names clips. Drop it.")
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
    if blind:
        write_blind(
            models,
            page,
            sets=test_sets,
            scale=scale,
            images=images,
            title=title,
            overwrite=overwrite,
            lr=lr,
            json=json,
            cache=cache.folder(),
            degradation=protocol.degradation,
            ensemble=ensemble,
            threads=threads,
            model_args=model_args,
            device=device,
        )
        return
    with ScoreDisplay() as display:
        evaluations = evaluate_many(
            models,
            data=test_sets,
            scales=[scale],
            protocol=protocol.protocol,
            degradation=protocol.degradation,
            lr=lr,
            metrics=[*(["niqe"] if perception else []), "lr-psnr", *split_metrics(metrics)],
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
