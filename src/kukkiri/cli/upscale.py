"""``kukkiri upscale``: images and clips in, larger ones out."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from kukkiri.cli.clips import ClipRunner
from kukkiri.cli.cluster_options import DEFAULT_CLUSTER, ClusterOptions, list_options
from kukkiri.cli.degradation_options import DEFAULT_DEGRADATION, DegradationOptions
from kukkiri.cli.dry_run import list_previews
from kukkiri.cli.json_lines import describe_result
from kukkiri.cli.metadata_options import DEFAULT_METADATA, MetadataOptions
from kukkiri.cli.model_arguments import DEFAULT_ARGUMENTS, ArgumentOptions
from kukkiri.cli.parameters import OptionalInputs
from kukkiri.cli.printing import name_own_options, print_json
from kukkiri.cli.size_options import DEFAULT_SIZE, SizeOptions
from kukkiri.cli.standard_streams import open_streams
from kukkiri.cli.upscale_display import Display, make_display
from kukkiri.cli.upscale_options import (
    DEFAULT_FILES,
    DEFAULT_MESSAGES,
    DEFAULT_MODEL,
    DEFAULT_SPEED,
    MODEL,
    FileOptions,
    MessageOptions,
    ModelOptions,
    SpeedOptions,
)
from kukkiri.cli.video_options import DEFAULT_VIDEO, VideoOptions, note_misplaced_options
from kukkiri.errors import ImageError
from kukkiri.files import CLIP_OUTPUT_SUFFIXES
from kukkiri.inference import FileJob, FileResult, FolderRun, Upscaler
from kukkiri.inference.file_jobs import SAME

__all__ = ["upscale"]


def upscale(
    inputs: OptionalInputs = (),
    /,
    *,
    size: SizeOptions = DEFAULT_SIZE,
    model: ModelOptions = DEFAULT_MODEL,
    arguments: Annotated[ArgumentOptions, Parameter(name="*", group=MODEL)] = DEFAULT_ARGUMENTS,
    blur: DegradationOptions = DEFAULT_DEGRADATION,
    files: FileOptions = DEFAULT_FILES,
    metadata: MetadataOptions = DEFAULT_METADATA,
    speed: SpeedOptions = DEFAULT_SPEED,
    video: VideoOptions = DEFAULT_VIDEO,
    cluster: ClusterOptions = DEFAULT_CLUSTER,
    messages: MessageOptions = DEFAULT_MESSAGES,
) -> int:
    """Upscale images and clips. Colour profile, EXIF, transparency and 16 bit are kept; of a clip sound, subtitles,
    chapters and every time stamp. Originals are never touched.

    Args:
        inputs: images, animations, multi-page TIFFs, comics and clips (kukkiri doctor lists the formats and
            containers), folders of them, or globs, also s3://BUCKET/FOLDER; - for standard input.
    """
    model.check(inputs)
    files.check()
    messages.check()
    video.check()
    cluster.check(inputs, files)
    chosen = model.model or model.preset
    make = partial(
        Upscaler,
        chosen,
        scale=size.scale,
        ensemble=model.ensemble,
        chop=model.chop,
        bounded=model.bounded,
        vivid=model.vivid,
        denoise=model.denoise,
        tile=speed.tile,
        device=speed.device,
        precision=speed.precision,
        skip_flat=speed.skip_flat,
        weights=model.weights,
        wrap=size.wrap,
        alpha=metadata.alpha,
        model_args=arguments.read([chosen]).get(chosen),
        degradation=blur.read(),
        **size.keywords(),
    )
    executor = cluster.make_executor(speed)
    clips = ClipRunner(
        make,
        video,
        threads=speed.threads,
        overwrite=files.overwrite,
        resume=files.resume or cluster.only_failed,
        keeping=metadata.keeping(),
    )
    options = list_options(
        size=size, model=model, arguments=arguments, files=files, metadata=metadata, speed=speed, video=video
    )
    with (
        open_streams(inputs, files.output) as streams,
        cluster.open(chosen, options, files, inputs=streams.inputs, output=streams.output) as part,
    ):
        messages.check_streams(writes=streams.writes)

        def name(job: FileJob) -> FileJob:
            return part.files.name_job(streams.name(job))

        display = make_display(
            quiet=messages.quiet, names=not (messages.json or streams.writes), json_lines=messages.json_lines
        )
        with display:
            run = FolderRun(
                make,
                part.files.inputs,
                output=part.files.output,
                suffix=files.chosen_suffix,
                name=files.name,
                model_name=Path(model.model).stem if model.model else model.preset,
                page=files.page,
                recursive=files.recursive,
                overwrite=files.overwrite,
                resume=files.resume or cluster.only_failed,
                quality=files.quality,
                threads=speed.threads,
                one_at_a_time=speed.tile is not None,
                keeping=metadata.keeping(),
                clips=clips,
                listed=part.listed,
                choose=part.choose,
                recorder=part.recorder,
                stage=part.stage,
                executor=part.send_through(executor),
                after=partial(
                    _write_report,
                    model=chosen,
                    model_args=arguments.read([chosen]).get(chosen),
                    page=files.page,
                    overwrite=files.overwrite,
                    blur=blur,
                    scale=size.scale,
                )
                if messages.report
                else None,
                progress=lambda progress: display.progress(replace(progress, job=name(progress.job))),
            )
            run.notes += note_misplaced_options(
                images=len([job for job in run.jobs if job.problem is None]) - len(run.clip_jobs),
                clips=len(run.clip_jobs),
                for_images=_options_for_images(size=size, model=model, files=files, metadata=metadata),
                for_clips=_options_for_clips(files=files, video=video),
            )
            if files.dry_run:
                return list_previews(
                    run, clips=clips, as_json=messages.json, overwrite=files.overwrite, resume=files.resume
                )
            results = _show_run(
                run, display, finish=lambda result: part.files.finish(streams.finish(result)), model=chosen
            )
    if messages.json:
        print_json({"scale": _scale_of(run), "model": run.upscaler.name, **_list_files(results)})
    return 1 if any(result.error for result in results) else 0


def _show_run(
    run: FolderRun, display: Display, *, finish: Callable[[FileResult], FileResult], model: str
) -> list[FileResult]:
    """Do the work of a run, and show it."""
    display.start(images=len(run.jobs), model=model, scale=_scale_of(run))
    for note in run.notes:
        display.note(note)
    results = []
    with closing(run.__iter__()) as outcomes:  # so that an interruption here ends the threads
        for outcome in outcomes:
            results.append(finish(replace(outcome, error=name_own_options(outcome.error))))
            display.finish(results[-1])
    display.end(results)
    return results


def _options_for_images(
    *, size: SizeOptions, model: ModelOptions, files: FileOptions, metadata: MetadataOptions
) -> dict[str, bool]:
    """The options that mean nothing for clips, and whether they were given."""
    suffix = files.chosen_suffix
    return {
        "--chop": model.chop,
        "--wrap": size.wrap,
        "--print": size.print_size is not None,
        "--quality": files.quality is not None,
        "--page": files.page is not None,
        "--alpha": metadata.alpha != DEFAULT_METADATA.alpha,
        "--metadata": metadata.metadata != DEFAULT_METADATA.metadata,
        "--max-pixels": metadata.max_pixels != DEFAULT_METADATA.max_pixels,
        f"--format {suffix}": suffix is not None and suffix != SAME and suffix.lower() not in CLIP_OUTPUT_SUFFIXES,
    }


def _options_for_clips(*, files: FileOptions, video: VideoOptions) -> dict[str, bool]:
    """The options that mean nothing for images, and whether they were given."""
    suffix = files.chosen_suffix
    return {
        **dict.fromkeys(video.given(), True),
        f"--format {suffix}": suffix is not None and suffix.lower() in CLIP_OUTPUT_SUFFIXES,
    }


def _scale_of(run: FolderRun) -> float | None:
    """Scale of all results; ``None`` when a size was asked for."""
    return run.upscaler.scale if run.upscaler.target is None else None


def _write_report(
    result: FileResult,
    *,
    model: str,
    model_args: Mapping[str, Any] | None,
    page: int | None,
    overwrite: bool,
    blur: DegradationOptions,
    scale: float | None,
) -> None:
    # only a report needs the charts
    from kukkiri.reports import NamedModel, write_clip_report, write_degradation_report, write_fidelity_report

    source, target = result.job.source, result.job.target
    path = target.with_name(f"{target.stem}-report.html")
    overwrite = overwrite or result.job.replaces
    if result.clip is not None:
        write_clip_report(path, source=source, result=target, model=model, notes=result.notes, overwrite=overwrite)
        return
    if blur.kernel is not None:
        with suppress(ImageError):  # too small to have a spectrum: the other report tells what there is
            write_degradation_report(
                path,
                source=source,
                scale=int(result.degradation["scale"] if result.degradation else scale or 2),
                degradation=result.degradation,
                subsample=blur.subsample or "direct",
                page=page,
                notes=result.notes,
                named=NamedModel(model, model_args),
                overwrite=overwrite,
            )
            return
    write_fidelity_report(
        path, source=source, result=target, model=model, page=page, notes=result.notes, overwrite=overwrite
    )


def _list_files(results: Sequence[FileResult]) -> dict[str, Any]:
    return {
        "files": [describe_result(result) for result in results if not result.error],
        "failed": [{"input": str(result.job.source), "error": result.error} for result in results if result.error],
    }
