"""``kukkiri upscale --dry-run``: what would be done, and nothing is written."""

from typing import Any

from kukkiri.cli.clips import ClipRunner
from kukkiri.cli.pace import clock
from kukkiri.cli.printing import name_own_options, print_json, print_progress, print_result
from kukkiri.errors import KukkiriError
from kukkiri.inference import FileJob, FolderRun
from kukkiri.inference.previews import Preview, Previewer

__all__ = ["list_previews"]


def list_previews(run: FolderRun, *, clips: ClipRunner, as_json: bool, overwrite: bool, resume: bool) -> int:
    """List the sources, targets, sizes, times and memory of a run.

    Args:
        run: that is not begun.
        clips: of the run.
        as_json: one JSON object instead of lines.
        overwrite: existing results would be replaced.
        resume: existing results would be skipped.

    Returns:
        The exit code that the run would have, as far as this is known.
    """
    previewer = Previewer(run.upscaler, pixel_limit=run.settings.keeping.pixel_limit)
    of_clips = run.clip_jobs
    previews = [_preview_clip(job, clips, previewer) if job in of_clips else previewer.preview(job) for job in run.jobs]
    rows = []
    for preview in previews:
        exists = not preview.error and preview.job.target.exists()
        error = name_own_options(preview.error)
        if exists and not (overwrite or resume):
            error = f"{preview.job.target}: exists already. Choose another name, or allow it with --overwrite."
        rows.append(_describe(preview, error=error, skipped=exists and resume))
    work = [row for row in rows if not row["error"] and not row["skipped"]]
    images, films = ([row for row in work if (row["frames"] is not None) == is_clip] for is_clip in (False, True))
    seconds = sum(row["seconds"] for row in images) / max(1, run.at_once) + sum(row["seconds"] for row in films)
    memory = max((row["memory"] for row in images), default=0) * min(len(images), run.at_once)
    memory = max([memory, *(row["memory"] for row in films)])
    if as_json:
        print_json({"files": rows, "seconds": round(seconds, 1), "memory": memory, "notes": run.notes})
    else:
        _print_rows(rows)
        for note in run.notes:
            print_progress(f"kukkiri: {note}")
        print_progress(
            f"kukkiri: dry run, nothing is written: {len(work)} of {len(rows)} to do, about {clock(seconds)} and "
            f"{memory / 1e9:.1f} GB"
        )
    return 1 if any(row["error"] for row in rows) else 0


def _preview_clip(job: FileJob, clips: ClipRunner, previewer: Previewer) -> Preview:
    try:
        return clips.preview(job, previewer)
    except KukkiriError as error:
        return Preview(job, error=str(error))


def _describe(preview: Preview, *, error: str, skipped: bool) -> dict[str, Any]:
    def sides(size: tuple[int, int] | None) -> list[int] | None:
        return None if size is None else [size[1], size[0]]

    return {
        "input": str(preview.job.source),
        "output": str(preview.job.target),
        "input_size": sides(preview.input_size),
        "size": sides(preview.output_size),
        "seconds": round(preview.seconds, 4),
        "memory": preview.memory,
        "frames": preview.frames,
        "skipped": skipped,
        "error": error or None,
    }


def _print_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["error"]:
            print_progress(f"kukkiri: {row['error']}")
            continue
        (width, height), (new_width, new_height) = row["input_size"], row["size"]
        frames = "" if row["frames"] is None else f"{row['frames']} frames  "
        cost = f"{frames}{clock(row['seconds'])}  {row['memory'] / 1e9:.2f} GB"
        state = "exists already" if row["skipped"] else cost
        print_result(f"{row['input']} -> {row['output']}  {width}x{height} -> {new_width}x{new_height}  {state}")
