"""libvips, loaded on first use, with its untrusted loaders blocked."""

import contextlib
import functools
import re
from typing import Any

from kukkiri.errors import BackendError, make_printable

__all__ = ["clear_errors", "failure_types", "find_reason", "vips"]


@functools.cache
def vips() -> Any:
    """Load the pyvips module.

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
    _drop_chatter(pyvips)
    return pyvips


def _drop_chatter(pyvips: Any) -> None:
    """Take libvips' information away from pyvips' log handler, and leave it the warnings and errors.

    libvips tells of every thread pool, so that each image calls the handler; a Ctrl-C that comes at that moment is
    raised inside a C callback, which prints it and goes on as if nothing had been.
    """
    with contextlib.suppress(AttributeError):  # the names are private: without them all stays as it was
        levels = pyvips.GLogLevelFlags
        kept = levels.LEVEL_WARNING | levels.LEVEL_CRITICAL | levels.LEVEL_ERROR
        callback, replaced = pyvips._log_handler_cb, pyvips._log_handler_id
        pyvips._remove_handler(b"VIPS", replaced)
        kept |= levels.FLAG_FATAL | levels.FLAG_RECURSION
        pyvips._log_handler_id = pyvips.glib_lib.g_log_set_handler(b"VIPS", kept, callback, pyvips.ffi.NULL)


def failure_types() -> tuple[type[Exception], ...]:
    """Exceptions of pyvips when libvips fails; the second when the message quotes bytes of a damaged file."""
    return vips().Error, UnicodeDecodeError


def find_reason(error: Exception) -> str:
    """The first informative line of libvips' message, without the name of the function that reported it."""
    message = getattr(error, "detail", error)
    if isinstance(error, UnicodeDecodeError):
        message = error.object.decode("utf-8", errors="replace")
    lines = [line.strip() for line in str(message).splitlines()]
    informative = [line for line in lines if line and not line.startswith("source: ")] or ["no reason given"]
    return make_printable(re.sub(r"^\w+: ", "", informative[0]))


def clear_errors() -> None:
    """Clear libvips' error buffer: successful calls leave messages behind, which the next error would quote."""
    vips().vips_lib.vips_error_clear()
