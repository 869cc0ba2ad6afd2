"""Encoders of formats that libvips does not write here: one function each, some through an optional package."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from kukkiri.errors import require
from kukkiri.images.encoders.float_files import write_openexr, write_pfm, write_radiance
from kukkiri.images.encoders.gif import write_gif
from kukkiri.images.encoders.pillow_files import write_bmp, write_jpeg2000, write_jpeg_xl, write_netpbm, write_tga
from kukkiri.images.metadata import Metadata

__all__ = ["ENCODERS", "Encoder", "check_encoder"]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A format that something other than libvips' own path writes."""

    write: Callable[[NDArray[Any], Metadata, int | None, bool], bytes]
    """Encode (H, W, C) levels, metadata, quality, and whether the source was lossy."""
    module: str | None = None
    """The package that it needs."""


ENCODERS = {
    "BMP": Encoder(write=write_bmp, module="PIL"),
    "GIF": Encoder(write=write_gif),
    "JPEG 2000": Encoder(write=write_jpeg2000, module="PIL"),
    "JPEG XL": Encoder(write=write_jpeg_xl, module="pillow_jxl"),
    "Netpbm": Encoder(write=write_netpbm),
    "OpenEXR": Encoder(write=write_openexr, module="OpenEXR"),
    "PFM": Encoder(write=write_pfm),
    "Radiance HDR": Encoder(write=write_radiance),
    "TGA": Encoder(write=write_tga, module="PIL"),
}
"""By the name of :class:`kukkiri.images.formats.OutputFormat`."""


def check_encoder(form: str, name: str) -> None:
    """Check that a format can be written here.

    Raises:
        BackendError: a package is missing.
    """
    encoder = ENCODERS.get(form)
    if encoder is not None and encoder.module is not None:
        require(encoder.module, for_what=f"{name}: {form}")
