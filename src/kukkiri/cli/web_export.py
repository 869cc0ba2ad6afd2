"""``kukkiri web export``: a static site that upscales in the visitor's browser."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from kukkiri.cli.printing import print_json, print_result

__all__ = ["web_export"]


def web_export(
    folder: Annotated[Path, Parameter(name="FOLDER")],
    /,
    *,
    preset: tuple[Literal["fast", "balanced", "best"], ...] = ("fast", "balanced", "best"),
    json: bool = False,
) -> None:
    """Write a site that upscales images in the visitor's browser. Nothing is uploaded; any static host serves it.

    Args:
        folder: a new or empty folder, or an earlier export, which is replaced.
        preset: presets that the site offers, each with its networks at x2, x3 and x4 and those for photographs; best
            runs the networks of balanced.
        json: print one JSON object to stdout and nothing else: the folder, its files and bytes, and the networks.
    """
    from kukkiri.web.export import export_site

    site = export_site(folder, presets=preset)
    if json:
        print_json(
            {"folder": str(site.folder), "files": site.files, "bytes": site.bytes, "networks": dict(site.networks)}
        )
        return
    networks = sum(site.networks.values())
    print_result(
        f"{site.folder}: {site.files} files, {site.bytes / 1e6:.1f} MB, of which {len(site.networks)} networks "
        f"{networks / 1e6:.1f} MB. To try it: python -m http.server --directory {site.folder}"
    )
