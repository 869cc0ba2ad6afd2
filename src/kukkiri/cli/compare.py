"""``kukkiri compare``: several models on the same images, as one HTML page."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.errors import ConfigError
from kukkiri.evaluation import (
    Evaluation,
    ImageScored,
    TestSet,
    data_folders,
    default_cache_folder,
    evaluate_many,
    find_benchmark,
    find_sets,
    pair_lr,
)
from kukkiri.reports import build_gallery, short_labels, write_comparison

__all__ = ["compare"]

Flag = Parameter(negative=())
Several = Parameter(negative=(), consume_multiple=False)


def compare(
    models: Annotated[list[str], Parameter(name="MODEL", negative=())],
    /,
    *,
    scale: Annotated[int, Parameter(alias="-s")],
    data: Annotated[list[Path] | None, Several] = None,
    benchmark: Annotated[list[str] | None, Several] = None,
    output: Annotated[Path, Parameter(alias="-o")] = Path("report"),
    protocol: str = "y-matlab",
    degradation: Annotated[str | None, Parameter(alias="-d")] = None,
    lr: Path | None = None,
    perception: bool = True,
    cost: bool = True,
    images: int = 6,
    title: str | None = None,
    ensemble: Annotated[bool, Flag] = False,
    threads: int | None = None,
    cache: Path | None = None,
    no_cache: Annotated[bool, Flag] = False,
    overwrite: Annotated[bool, Flag] = False,
    json: Annotated[bool, Flag] = False,
) -> None:
    """Compare models on HR images: one self-contained page with tables, charts, crops and a before/after slider.

    Args:
        models: two or more, the first is what gains are counted from: bicubic, ids such as espcn-x3, or files.
        scale: HR pixels for one LR pixel along a side.
        data: folder of HR images, or of folders of them; with --benchmark, where to look for those.
        benchmark: set5, set14, b100, urban100, manga109 or div2k, as kukkiri evaluate finds them.
        output: folder for index.html, or an .html file.
        protocol: y-matlab, y-legacy, y-mzsr or rgb; see kukkiri evaluate.
        degradation: how LR is made from HR: bicubic, or as kukkiri degrade takes it.
        lr: folder of LR images to use instead of making them.
        perception: measure NIQE too, which takes a second for each image and model.
        cost: measure parameters, multiply-adds, time and memory too.
        images: how many to show.
        title: of the page.
        ensemble: mean over the eight flips and turns.
        threads: of the engine; all when not given.
        cache: folder of scores that were computed before; the user's cache folder when not given.
        no_cache: compute everything, remember nothing.
        overwrite: replace an existing page.
        json: print one JSON object to stdout.
    """
    page = output if output.suffix.lower() in (".html", ".htm") else output / "index.html"
    if page.exists() and not overwrite:
        raise ConfigError(f"{page}: exists already. Choose another name, or allow it with --overwrite.")
    if no_cache and cache is not None:
        raise ConfigError("--cache and --no-cache contradict each other. Use one of them.")
    if images < 1:
        raise ConfigError(f"--images must be at least 1, got {images}.")
    sets = _sets(data or [], benchmark or [])
    evaluations = evaluate_many(
        models,
        data=sets,
        scales=[scale],
        protocol=protocol,
        degradation=degradation,
        lr=lr,
        metrics=["niqe", "lr-psnr"] if perception else ["lr-psnr"],
        ensemble=ensemble,
        threads=threads,
        cost=cost,
        cache=None if no_cache else cache or default_cache_folder(),
        report=_report,
    )
    gallery = build_gallery(
        evaluations,
        sets=sets if lr is None else [pair_lr(one, lr, scale=scale) for one in sets],
        count=images,
        ensemble=ensemble,
        threads=threads,
        report=lambda name: print_progress(f"images of {name}"),
    )
    write_comparison(evaluations, gallery, page, title=title, overwrite=overwrite)
    if json:
        print_json({"page": str(page), "models": [one.to_json() for one in evaluations]})
        return
    _print(evaluations)
    print_result(str(page))


def _sets(data: list[Path], names: list[str]) -> list[TestSet]:
    if names:
        folders = data_folders(data)
        return [find_benchmark(name, folders) for name in names]
    if not data:
        raise ConfigError("what is to be compared on? Give --data DIR, or --benchmark NAME.")
    return [one for folder in data for one in find_sets(folder)]


def _print(evaluations: list[Evaluation]) -> None:
    labels = short_labels([one.model for one in evaluations])
    width = max(map(len, labels))
    for name in evaluations[0].sets:
        for label, one in zip(labels, evaluations, strict=True):
            mean = one.sets[name].mean
            print_progress(f"{name}  {label:<{width}}  {mean.psnr:7.4f} dB  {mean.ssim:.6f}")


def _report(progress: ImageScored) -> None:
    place = f"[{progress.done}/{progress.total}] {progress.set}/{progress.image}"
    known = "  (known)" if progress.remembered else ""
    print_progress(f"{place}  {progress.model}: {progress.score.psnr:.4f} dB {progress.score.ssim:.6f}{known}")
