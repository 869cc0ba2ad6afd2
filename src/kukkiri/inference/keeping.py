"""Everything but the pixels that goes from a source into its result: metadata, provenance, the time of the file."""

import dataclasses
import json
import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kukkiri.errors import ImageError, make_printable
from kukkiri.files import write_atomically
from kukkiri.images import PIXEL_LIMIT, Image
from kukkiri.images.metadata_policy import MetadataPolicy, apply_policy
from kukkiri.images.provenance import add_provenance
from kukkiri.inference.upscaler import Upscaler

__all__ = ["Keeping", "name_sidecar"]


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """The choices of a run over files."""

    pixel_limit: int = PIXEL_LIMIT
    """Larger images are refused, see :func:`kukkiri.images.read_image`."""
    metadata: MetadataPolicy = "keep"
    """``keep``, ``strip`` or ``copyright``."""
    provenance: bool = False
    """Say in each result, and in a JSON file beside it, how it was made."""
    time: bool = False
    """Give each result the time of its source."""

    def settle(self, image: Image, upscaler: Upscaler) -> Image:
        """Return an image with the metadata of its result.

        Args:
            image: the source, or a part of it.
            upscaler: that will be used for it.
        """
        metadata = apply_policy(image.metadata, self.metadata)
        if self.provenance:
            metadata = add_provenance(metadata, describe_making(upscaler))
        return dataclasses.replace(image, metadata=metadata)

    def check(self, target: Path, *, overwrite: bool) -> None:
        """Check that the file beside a result may be written, before any work.

        Raises:
            ImageError: it exists.
        """
        sidecar = name_sidecar(target)
        if self.provenance and sidecar.exists() and not overwrite:
            raise ImageError(
                f"{make_printable(sidecar)}: exists already. Choose another name, or allow it with --overwrite."
            )

    def finish(
        self, source: Path, target: Path, upscaler: Upscaler, *, sizes: tuple[tuple[int, int], tuple[int, int]]
    ) -> None:
        """Write the file beside a result, and set the result's time.

        Args:
            source: file that was read.
            target: file that was written.
            upscaler: that made it.
            sizes: (height, width) of the two.

        Raises:
            ImageError: the disk is full or read-only.
        """
        (height, width), (new_height, new_width) = sizes
        try:
            if self.provenance:
                made = {
                    **describe_making(upscaler),
                    "source": {"name": source.name, "width": width, "height": height},
                    "result": {"name": target.name, "width": new_width, "height": new_height},
                }
                text = json.dumps(made, indent=2) + "\n"
                write_atomically(name_sidecar(target), text.encode(), overwrite=True)
            if self.time:
                stated = source.stat()
                os.utime(target, ns=(stated.st_atime_ns, stated.st_mtime_ns))
        except OSError as error:
            raise ImageError(f"{make_printable(target)}: cannot be finished ({error.strerror or error}).") from error


def name_sidecar(target: Path) -> Path:
    """Name the JSON file beside a result, such as ``photo-x2.png.json``."""
    return target.with_name(f"{target.name}.json")


def describe_making(upscaler: Upscaler) -> dict[str, Any]:
    """Describe how a result is made: software, model, its sha256, scale, and the options that were asked for."""
    try:
        number = version("kukkiri")
    except PackageNotFoundError:  # run from a checkout that is not installed
        number = "unknown"
    hashes = [engine.info.sha256 for engine in upscaler.engines if engine.info.sha256]
    made: dict[str, Any] = {
        "software": f"kukkiri {number}",
        "model": " + ".join(engine.info.name for engine in upscaler.engines) or upscaler.name,
        "options": upscaler.describe_options(),
    }
    if upscaler.target is None:
        made["scale"] = upscaler.scale
    return {**made, "sha256": hashes[0] if len(hashes) == 1 else hashes} if hashes else made
