"""``kukkiri compare``: several models on the same pictures, as one HTML page."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.errors import ConfigError
from kukkiri.evaluation import Evaluation, Progress, default_cache_folder, evaluate_many, find_sets, pair_lr
from kukkiri.evaluation.report import build_gallery, short_labels, write_comparison

__all__ = ["compare"]

Flag = Parameter(negative=())


def compare(
    models: Annotated[list[str], Parameter(name="MODEL", negative=())],
    /,
    *,
    data: Path,
    scale: Annotated[int, Parameter(alias="-s")],
    output: Annotated[Path, Parameter(alias="-o")] = Path("report"),
    protocol: str = "y-matlab",
    degradation: Annotated[str | None, Parameter(alias="-d")] = None,
    lr: Path | None = None,
    perception: bool = True,
    cost: bool = True,
    pictures: int = 6,
    title: str | None = None,
    ensemble: Annotated[bool, Flag] = False,
    threads: int | None = None,
    cache: Path | None = None,
    overwrite: Annotated[bool, Flag] = False,
    json: Annotated[bool, Flag] = False,
) -> None:
    """Compare models on HR pictures: one self-contained page with tables, charts, crops and a before/after slider.

    Args:
        models: two or more, the first is what gains are counted from: bicubic, ids such as espcn-x3, or files.
        data: folder of HR pictures, or of folders of them.
        scale: HR pixels for one LR pixel along a side.
        output: folder for index.html, or an .html file.
        protocol: y-matlab, y-legacy, y-mzsr or rgb; see kukkiri evaluate.
        degradation: how LR is made from HR: bicubic, or as kukkiri degrade takes it.
        lr: folder of LR pictures to use instead of making them.
        perception: measure NIQE too, which takes a second for each picture and model.
        cost: measure parameters, multiply-adds, time and memory too.
        pictures: how many to show.
        title: of the page.
        ensemble: mean over the eight flips and turns.
        threads: of the engine; all when not given.
        cache: folder of scores that were computed before; the user's cache folder when not given.
        overwrite: replace an existing page.
        json: print one JSON object to stdout.
    """
    page = output if output.suffix.lower() in (".html", ".htm") else output / "index.html"
    if page.exists() and not overwrite:
        raise ConfigError(f"{page}: exists already. Choose another name, or allow it with --overwrite.")
    if pictures < 1:
        raise ConfigError(f"--pictures must be at least 1, got {pictures}.")
    sets = find_sets(data)
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
        cache=cache or default_cache_folder(),
        report=_report,
    )
    gallery = build_gallery(
        evaluations,
        sets=sets if lr is None else [pair_lr(one, lr, scale=scale) for one in sets],
        count=pictures,
        ensemble=ensemble,
        threads=threads,
        report=lambda name: print_progress(f"pictures of {name}"),
    )
    write_comparison(evaluations, gallery, page, title=title, overwrite=overwrite)
    if json:
        print_json({"page": str(page), "models": [one.to_json() for one in evaluations]})
        return
    _print(evaluations)
    print_result(str(page))


def _print(evaluations: list[Evaluation]) -> None:
    labels = short_labels([one.model for one in evaluations])
    width = max(map(len, labels))
    for name in evaluations[0].sets:
        for label, one in zip(labels, evaluations, strict=True):
            mean = one.sets[name].mean
            print_progress(f"{name}  {label:<{width}}  {mean.psnr:7.4f} dB  {mean.ssim:.6f}")


def _report(progress: Progress) -> None:
    place = f"[{progress.done}/{progress.total}] {progress.set}/{progress.picture}"
    known = "  (known)" if progress.remembered else ""
    print_progress(f"{place}  {progress.model}: {progress.score.psnr:.4f} dB {progress.score.ssim:.6f}{known}")
