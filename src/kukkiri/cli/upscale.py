"""``kukkiri upscale``: images in, upscaled images out."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kukkiri.cli.parameters import Inputs
from kukkiri.cli.printing import print_json, print_progress, report_file
from kukkiri.cli.upscale_options import (
    DEFAULT_FILES,
    DEFAULT_MESSAGES,
    DEFAULT_MODEL,
    DEFAULT_SIZE,
    DEFAULT_SPEED,
    FileOptions,
    MessageOptions,
    ModelOptions,
    SizeOptions,
    SpeedOptions,
)
from kukkiri.inference import FileResult, FolderRun, Upscaler

__all__ = ["upscale"]


def upscale(
    inputs: Inputs,
    /,
    *,
    size: SizeOptions = DEFAULT_SIZE,
    model: ModelOptions = DEFAULT_MODEL,
    files: FileOptions = DEFAULT_FILES,
    speed: SpeedOptions = DEFAULT_SPEED,
    messages: MessageOptions = DEFAULT_MESSAGES,
) -> int:
    """Upscale images. Colour profile, EXIF, transparency and 16 bit are kept; originals are never touched.

    Args:
        inputs: images, folders of images, or globs.
    """
    files.check()
    messages.check()
    make = partial(
        Upscaler,
        model.model or model.preset,
        scale=size.scale,
        ensemble=model.ensemble,
        chop=model.chop,
        tile=speed.tile,
        skip_flat=speed.skip_flat,
        weights=model.weights,
        wrap=size.wrap,
        **size.keywords(),
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
            overwrite=files.overwrite,
        )

    run = FolderRun(
        make,
        inputs,
        output=files.output,
        suffix=files.chosen_suffix,
        name=files.name,
        model_name=Path(model.model).stem if model.model else model.preset,
        recursive=files.recursive,
        overwrite=files.overwrite,
        resume=files.resume,
        quality=files.quality,
        threads=speed.threads,
        one_at_a_time=speed.tile is not None,
        after=write_report if messages.report else None,
    )
    for note in run.notes:
        print_progress(f"kukkiri: {note}")
    results = []
    for number, result in enumerate(run, 1):
        results.append(result)
        place = f"{number}/{len(run.jobs)}"
        summary = _summarize(result)
        report_file(
            result.job, place=place, error=result.error, summary=summary, notes=result.notes, quiet=messages.json
        )
    if messages.json:
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
