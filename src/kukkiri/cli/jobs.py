"""``kukkiri jobs``: the manifests of a run on many machines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from kukkiri.cli.pace import clock
from kukkiri.cli.printing import make_line_printable, print_json, print_result
from kukkiri.cli.stored_files import as_local, open_stored_files
from kukkiri.errors import make_printable
from kukkiri.storage import StoreURL, find_url, open_store

if TYPE_CHECKING:
    from kukkiri.cluster import Summary

__all__ = ["summarize_manifests"]

_LISTED = 10


def summarize_manifests(
    manifests: Annotated[Path, Parameter(name="MANIFESTS")],
    /,
    *,
    sources: str | None = None,
    recursive: Annotated[bool, Parameter(alias="-r")] = False,
    json: bool = False,
) -> int:
    """Merge the manifests of all shards, and say what is done, failed, interrupted, missing and doubled.

    The exit code is 0 when every source is done once and all shards used the same options and model, else 1; the
    shards may still be at work.

    Args:
        manifests: folder that --manifest named, also s3://.
        sources: folder that was upscaled, or a list as --files-from takes it, also s3://; tells what is missing.
        recursive: look into folders below that folder, too.
        json: print one JSON object to stdout and nothing else.
    """
    from kukkiri.cluster.summary import read_headers, summarize

    with open_stored_files([], None, recursive=False, beside=manifests) as stored:
        copies = stored.open_manifests(manifests)
        if copies is not None:
            copies.pull()
        folder = as_local(manifests) if copies is None else copies.folder
        output = next((header.making.options.get("--output") for header in read_headers(folder)), None)
        with _open_sources(sources, recursive=recursive, output=None if output is None else Path(output)) as found:
            summary = summarize(folder, sources=found)
    if json:
        print_json(summary.to_json())
    else:
        for line in _describe(summary):
            print_result(make_line_printable(line))
    return 0 if summary.clean else 1


@contextmanager
def _open_sources(
    text: str | None, *, recursive: bool, output: Path | None
) -> Iterator[Iterator[tuple[Path, Path | None]] | None]:
    if text is None:
        yield None
        return
    if (url := find_url(text)) is not None and not _is_list(url):
        with open_stored_files([text], output or Path(), recursive=recursive) as stored:
            yield iter(stored.listed)
        return
    folder = as_local(Path(text))
    if folder.is_dir():
        from kukkiri.inference.source_files import find_source_files, leave_out_results

        found = leave_out_results(find_source_files([str(folder)], recursive=recursive), output=output)
        yield iter(found.images)
        return
    from kukkiri.cluster import SourceList

    with SourceList(text) as listed:
        yield iter(listed)


def _is_list(url: StoreURL) -> bool:
    """True for an object, and for a column of one."""
    return url.key.rpartition(":")[0].endswith((".csv", ".tsv", ".parquet")) or (
        not url.key.endswith("/") and url.key != "" and open_store(url.scheme).stat(url) is not None
    )


def _describe(summary: "Summary") -> list[str]:
    absent = len(summary.without_manifest)
    lines = [f"shards       {summary.shards - absent} of {summary.shards}"]
    lines.append(f"done         {summary.done}")
    counts = {
        "failed": summary.failed,
        "interrupted": summary.interrupted,
        "missing": summary.missing,
        "gone": summary.gone,
        "doubled": summary.doubled,
    }
    for name, count in counts.items():
        shown = "not known without --sources" if count is None else str(count)
        if name != "gone" or count:
            names = "".join(f"  {make_printable(example)}" for example in summary.examples.get(name, ())[:3])
            lines.append(f"{name:12} {shown}{names}{'  ...' if (count or 0) > 3 else ''}")
    lines += [
        f"  {group.count} failed: {make_printable(group.reason)}  ({make_printable(group.examples[0])})"
        for group in summary.failures
    ]
    if absent:
        listed = ", ".join(map(str, summary.without_manifest[:_LISTED])) + (", ..." if absent > _LISTED else "")
        lines.append(f"not begun    shards {listed}")
    if len(summary.fingerprints) > 1:
        lines.append(f"MIXED        {len(summary.fingerprints)} makings; different: {'; '.join(summary.differences)}")
    lines.append(
        f"time         {clock(summary.elapsed)}, {summary.images_per_second:.2f} images/s, "
        f"CPU {clock(summary.cpu_seconds)}, {summary.bytes / 1e6:.1f} MB of results"
    )
    if summary.shard_elapsed is not None and summary.shards > 1:
        lines.append(
            f"by shard     median {clock(summary.shard_elapsed[0])}, longest {clock(summary.shard_elapsed[1])}"
        )
    lines.append("complete and clean" if summary.clean else _advise(summary))
    return lines


def _advise(summary: "Summary") -> str:
    if len(summary.fingerprints) > 1:
        return "not clean: make all with the same options into another folder"
    if summary.doubled:
        return "not clean: sources are done twice, or share a result; see --json"
    if summary.missing or summary.without_manifest:
        return "not complete: run the shards again with --resume"
    return "not complete: run again with --only-failed" if summary.failed or summary.interrupted else "nothing done"
