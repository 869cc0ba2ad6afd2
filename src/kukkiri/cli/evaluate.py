"""``kukkiri evaluate``: models on test sets."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from kukkiri.cli.printing import TerminalBar, print_progress
from kukkiri.errors import ConfigError, require
from kukkiri.evaluation import (
    AdaptingModel,
    ImageScored,
    TestSet,
    data_folders,
    default_cache_folder,
    download_benchmark,
    evaluate_many,
    find_benchmark,
    find_sets,
    look_for_benchmark,
)
from kukkiri.evaluation.tables import FORMATS
from kukkiri.files import write_atomically

__all__ = ["evaluate_command"]

Flag = Parameter(negative=())
Several = Parameter(negative=(), consume_multiple=False)


def evaluate_command(
    *,
    model: Annotated[list[str] | None, Several] = None,
    scale: Annotated[list[int], Several],
    data: Annotated[list[Path] | None, Several] = None,
    benchmark: Annotated[list[str] | None, Several] = None,
    lr: Path | None = None,
    protocol: str = "y-matlab",
    degradation: str | None = None,
    adapt: Annotated[bool, Flag] = False,
    method: Annotated[list[str] | None, Several] = None,
    initialization: Annotated[list[str] | None, Several] = None,
    steps: Annotated[list[int] | None, Several] = None,
    projections: int | None = None,
    precision: Literal["float32", "bfloat16"] | None = None,
    seed: int = 0,
    metrics: str = "psnr,ssim",
    cost: Annotated[bool, Flag] = False,
    ensemble: Annotated[bool, Flag] = False,
    threads: int | None = None,
    format: Literal["text", "json", "csv", "markdown"] | None = None,  # noqa: A002
    json: Annotated[bool, Flag] = False,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    overwrite: Annotated[bool, Flag] = False,
    cache: Path | None = None,
    no_cache: Annotated[bool, Flag] = False,
    download: Annotated[bool, Flag] = False,
    text: Annotated[bool, Flag] = False,
    script: Annotated[list[str] | None, Several] = None,
) -> None:
    """Score models on folders of HR images; LR is made on the way. Options in the singular may be repeated.

    Args:
        model: id such as espcn-x3, family such as espcn, preset, .onnx or .safetensors file, or bicubic, bilinear,
            nearest, lanczos. Several are compared with the first.
        scale: HR pixels for one LR pixel along a side.
        data: folder of HR images, or of folders of them; with --benchmark, where to look for those.
        benchmark: set5, set14, b100, urban100, manga109 or div2k, found in --data or in the folders that the
            environment variable KUKKIRI_DATA names, and checked.
        lr: folder of LR images to use instead of making them.
        protocol: y-matlab (8-bit RGB in and out, the papers since 2017), y-legacy (the published bicubic rows),
            y-mzsr, or rgb.
        degradation: how LR is made from HR: bicubic when not given, or as kukkiri degrade takes it.
        adapt: also score networks that first learn from each LR image, told the degradation; see kukkiri adapt.
        method: with --adapt: zssr, or the network of a shipped initialization such as mzsr; the choice of kukkiri adapt when
            not given.
        initialization: with --adapt: an initialization by its id or file.
        steps: with --adapt: of learning.
        projections: with --adapt: back-projections on the results.
        precision: with --adapt: of zssr while it learns; see kukkiri adapt.
        seed: with --adapt: of what is drawn.
        metrics: further measures, with commas between: ms-ssim, niqe, lr-psnr, colour-drift, checkerboard.
        cost: also count parameters and multiply-adds, and measure time and memory for a megapixel.
        ensemble: mean over the eight flips and turns.
        threads: of the engine; all when not given.
        format: text, json, csv (a line for each image) or markdown.
        json: the same as --format json.
        output: write to a file instead of stdout.
        overwrite: replace it if it is there.
        cache: folder of scores that were computed before; in the user's caches when not given.
        no_cache: compute everything, remember nothing.
        download: fetch a --benchmark that is missing into the first --data, where it has a public address.
        text: instead of comparing images, read rendered text with Tesseract and count wrong characters; the models
            hr and lr are the images before and after they are made smaller.
        script: with --text: latin, cyrillic, greek, japanese or korean; all when not given.
    """
    if json and format not in (None, "json"):
        raise ConfigError(f"--json and --format {format} contradict each other. Use one of them.")
    form = "json" if json else format or "text"
    if text:
        if len(scale) != 1 or form not in ("text", "json") or data or benchmark or lr or output or cost:
            raise ConfigError(
                "--text renders its own images at one --scale and prints text or JSON. "
                "Drop --data, --benchmark, --lr, --cost and --output."
            )
        from kukkiri.cli.evaluate_text import evaluate_text  # only who reads text needs its packages

        evaluate_text(
            models=model or (),
            scale=scale[0],
            degradation=degradation or "bicubic",
            scripts=script or (),
            ensemble=ensemble,
            threads=threads,
            json=form == "json",
        )
        return
    if script:
        raise ConfigError("--script chooses what --text renders. Add --text.")
    models: list[str | AdaptingModel] = list(model or [])
    if adapt:
        if lr is not None:
            raise ConfigError("--adapt has to know how LR was made. Give --degradation instead of --lr.")
        models += _adapting(
            method or [],
            initialization or [],
            steps=steps or [],
            seed=seed,
            projections=projections,
            precision=precision,
            degradation=degradation or "bicubic",
            scales=scale,
            threads=threads,
        )
    elif method or initialization or steps or projections is not None or precision:
        raise ConfigError(
            "--method, --initialization, --steps, --projections and --precision say how a network adapts. Add --adapt."
        )
    if not models:
        raise ConfigError("what is to be scored? Give --model, or --adapt.")
    if no_cache and cache is not None:
        raise ConfigError("--cache and --no-cache contradict each other. Use one of them.")
    if output is not None and output.exists() and not overwrite:
        raise ConfigError(f"{output} exists. Use --overwrite to replace it.")
    with _Display() as display:
        evaluations = evaluate_many(
            models,
            data=_sets(data or [], benchmark or [], download=download),
            scales=scale,
            protocol=protocol,
            degradation=degradation,
            lr=lr,
            metrics=[name.strip() for name in metrics.split(",") if name.strip()],
            ensemble=ensemble,
            threads=threads,
            cost=cost,
            cache=None if no_cache else cache or default_cache_folder(),
            report=display,
        )
    _write(FORMATS[form](evaluations), output, overwrite=overwrite)


def _adapting(
    methods: list[str], initializations: list[str], *, degradation: str, scales: list[int], **arguments: Any
) -> list[Any]:
    require("torch", for_what="adaptation")
    from kukkiri.adaptation.contenders import adapting_models, choose_learners  # torch

    if not methods and not initializations:
        methods, initializations = choose_learners(degradation, scale=scales[0])
        print_progress(f"kukkiri: {(initializations or ['no initialization for this scale and subsampling: zssr'])[0]}")
    return list(adapting_models(methods, initializations, **arguments))


def _write(text: str, output: Path | None, *, overwrite: bool) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, text.encode(), overwrite=overwrite)
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written ({error}). Choose another place.") from error


def _sets(data: list[Path], names: list[str], *, download: bool) -> list[TestSet]:
    if not names:
        if download:
            raise ConfigError("--download fetches what --benchmark names, and it names nothing. Add --benchmark NAME.")
        if not data:
            raise ConfigError("what is to be scored? Give --data DIR, or --benchmark NAME.")
        return [one for folder in data for one in find_sets(folder)]
    folders = data_folders(data)
    if not download:
        return [find_benchmark(name, folders) for name in names]
    there = [one for one in folders if one.is_dir()]
    return [
        look_for_benchmark(name, there) or download_benchmark(name, folders[0], report=_Fetched(name)) for name in names
    ]


class _Fetched:
    """A line for every 16 MB that came."""

    def __init__(self, name: str) -> None:
        self._name, self._told = name, 0

    def __call__(self, here: int, total: int | None) -> None:
        if here - self._told >= 16e6 or here == total:
            self._told = here
            print_progress(f"{self._name}: {here / 1e6:.0f} MB" + (f" of {total / 1e6:.0f}" if total else ""))


class _Display(TerminalBar):
    """A bar on a terminal, a line for each image elsewhere; on stderr."""

    def __init__(self) -> None:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("")

    def __call__(self, one: ImageScored) -> None:
        score = f"{one.score.psnr:.4f} dB {one.score.ssim:.6f}"
        text = f"{one.model} x{one.scale} {one.set}/{one.image}: {score}"
        if self._bar is not None:
            self._bar.update(self._task, completed=one.done, total=one.total, description=text)
        else:
            print_progress(f"[{one.done}/{one.total}] {text}{' (from the cache)' if one.remembered else ''}")
