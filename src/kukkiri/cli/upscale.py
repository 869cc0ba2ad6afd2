"""``kukkiri upscale``: images in, upscaled images out."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from kukkiri.cli.parameters import Inputs
from kukkiri.cli.printing import print_json, report_file
from kukkiri.inference import Domain, FileResult, FolderRun, Upscaler

__all__ = ["upscale"]


def upscale(
    inputs: Inputs,
    /,
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    scale: Annotated[float | None, Parameter(alias="-s")] = None,
    model: str | None = None,
    preset: Literal["fast", "balanced", "best"] = "balanced",
    weights: Domain = "auto",
    ensemble: bool = False,
    chop: bool = False,
    tile: int | None = None,
    skip_flat: bool = False,
    threads: int | None = None,
    suffix: str | None = None,
    quality: int | None = None,
    recursive: Annotated[bool, Parameter(alias="-r")] = False,
    overwrite: bool = False,
    resume: bool = False,
    report: bool = False,
    json: bool = False,
) -> int:
    """Upscale images. Colour profile, EXIF, transparency and 16 bit are kept; originals are never touched.

    Args:
        inputs: images, folders of images, or globs.
        output: a file for one image, else a folder; beside the inputs when not given.
        scale: output pixels for one input pixel along a side, any number from 1; the model's own, or 2, when not given.
        model: id such as espcn-x3, an .onnx, .safetensors or .pth file, or bicubic, bilinear, nearest, lanczos; the
            preset's when not given.
        preset: speed against quality; kukkiri models lists the network of each.
        weights: degradation domain that the network was trained for: clean (screenshots, renders, scans), photo (JPEG
            artifacts, noise, slight blur), or auto: photo for files that were compressed with loss, else clean.
        ensemble: average over the eight flips and rotations (geometric self-ensemble): better, 8 times slower.
        chop: upscale four overlapping quadrants, as EDSR, RCAN and SAN did for their published numbers.
        tile: longest side in input pixels that the network is given at once; chosen from the free memory when not
            given, 0 for the whole image.
        skip_flat: interpolate flat regions (less than half a grey level from the network's answer) and run the
            network on the rest only.
        threads: CPU threads of the engine; all when not given, and then several images are computed side by side.
        suffix: file type of the results, such as .jpg; .png (.tif for .tif) when not given.
        quality: 1 to 100, for JPEG, WebP and AVIF.
        recursive: look into folders below, too.
        overwrite: replace existing results.
        resume: skip images whose result exists already.
        report: also write NAME-report.html beside each result: before and after, and how faithful the result is.
        json: print one JSON object to stdout and nothing else.
    """
    make = partial(
        Upscaler,
        model or preset,
        scale=scale,
        ensemble=ensemble,
        chop=chop,
        tile=tile,
        skip_flat=skip_flat,
        weights=weights,
    )

    def write_report(result: FileResult) -> None:
        from kukkiri.reports import write_fidelity_report  # only a report needs the charts

        source, target = result.job.source, result.job.target
        page = target.with_name(f"{target.stem}-report.html")
        write_fidelity_report(
            page,
            source=source,
            result=target,
            model=run.upscaler.name,
            notes=result.notes,
            overwrite=overwrite,
        )

    run = FolderRun(
        make,
        inputs,
        output=output,
        suffix=suffix,
        recursive=recursive,
        overwrite=overwrite,
        resume=resume,
        quality=quality,
        threads=threads,
        one_at_a_time=tile is not None,
        after=write_report if report else None,
    )
    results = []
    for number, result in enumerate(run, 1):
        results.append(result)
        place = f"{number}/{len(run.jobs)}"
        summary = _summarize(result)
        report_file(result.job, place=place, error=result.error, summary=summary, notes=result.notes, quiet=json)
    if json:
        print_json({"scale": run.upscaler.scale, "model": run.upscaler.name, **_list_files(results)})
    return 1 if any(result.error for result in results) else 0


def _summarize(result: FileResult) -> str:
    if result.input_size is None or result.output_size is None:
        return "exists already"
    (height, width), (new_height, new_width) = result.input_size, result.output_size
    weights = f"  weights {result.domain}" if result.domain_chosen else ""
    return f"{width}x{height} -> {new_width}x{new_height}  {result.seconds:.2f} s{weights}"


def _list_files(results: Sequence[FileResult]) -> dict[str, Any]:
    return {
        "files": [
            {
                "input": str(result.job.source),
                "output": str(result.job.target),
                "size": None if result.output_size is None else [result.output_size[1], result.output_size[0]],
                "seconds": round(result.seconds, 4),
                "skipped": result.skipped,
                "weights": result.domain,
                "notes": list(result.notes),
            }
            for result in results
            if not result.error
        ],
        "failed": [{"input": str(result.job.source), "error": result.error} for result in results if result.error],
    }
