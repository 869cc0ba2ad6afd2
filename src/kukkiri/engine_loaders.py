"""Loaders of model files by their suffix, for formats that the torch-free half cannot read itself.

``kukkiri/__init__.py`` stands above every package, so it alone may join the two halves: it registers the loader of
torch weights, and ``kukkiri.Upscaler`` asks here for it. The loader of another engine is registered in the same way::

    kukkiri.engine_loaders.register(".param", loader=load_ncnn)
"""

from collections.abc import Callable
from pathlib import Path

__all__ = ["EngineLoader", "find_loader", "list_suffixes", "register"]

EngineLoader = Callable[[Path], object]
"""From an existing file to an engine, see :class:`kukkiri.inference.Engine`."""

_LOADERS: dict[str, EngineLoader] = {}


def register(*suffixes: str, loader: EngineLoader) -> None:
    """Let ``loader`` read the files with these suffixes, from now on.

    Args:
        suffixes: such as ``.safetensors``; ``""`` for files whose suffix nobody claims.
        loader: see :data:`EngineLoader`.
    """
    _LOADERS.update(dict.fromkeys(suffixes, loader))


def find_loader(suffix: str) -> EngineLoader:
    """Return the loader of a suffix.

    Raises:
        LookupError: nobody claims it, nor every other one.
    """
    return _LOADERS[suffix if suffix in _LOADERS else ""]


def list_suffixes() -> tuple[str, ...]:
    """List the suffixes that are registered."""
    return tuple(suffix for suffix in _LOADERS if suffix)
