"""libvips, loaded when it is first needed, with the loaders it does not trust switched off."""

import functools
import re
from typing import Any

from kukkiri.errors import BackendError

__all__ = ["failures", "forget_errors", "reason", "vips"]


@functools.cache
def vips() -> Any:
    """The pyvips module.

    Raises:
        BackendError: libvips is not installed or does not load.
    """
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise BackendError(
            f"libvips does not load ({error}). Install it with: pip install 'pyvips[binary]'."
        ) from error
    pyvips.block_untrusted_set(True)  # formats that were never fuzzed: PDF, SVG, ImageMagick, microscopy, ...
    pyvips.cache_set_max(0)  # its cache would keep whole files alive, and every file is opened once
    return pyvips


def failures() -> tuple[type[Exception], ...]:
    """What pyvips raises when libvips fails; the second when the message quotes bytes of a damaged file."""
    return vips().Error, UnicodeDecodeError


def reason(error: Exception) -> str:
    """The most telling line of what libvips said, without the name of the function that said it."""
    said = getattr(error, "detail", error)
    if isinstance(error, UnicodeDecodeError):
        said = error.object.decode("utf-8", errors="replace")
    lines = [line.strip() for line in str(said).splitlines()]
    telling = [line for line in lines if line and not line.startswith("source: ")] or ["no reason given"]
    return re.sub(r"^\w+: ", "", telling[0])


def forget_errors() -> None:
    """Empty libvips' list of messages: what went well leaves some behind, which would be blamed on what fails next."""
    vips().vips_lib.vips_error_clear()
