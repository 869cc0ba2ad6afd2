"""libvips, loaded when it is first needed, with the loaders it does not trust switched off."""

import functools
from typing import Any

from kukkiri.errors import BackendError

__all__ = ["vips"]


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
    return pyvips
