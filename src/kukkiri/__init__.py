"""kukkiri: super-resolution that keeps every digit, runs on an ordinary CPU, and reads well.

Importing the package costs nothing: every public name is loaded when it is first used, and nothing
here needs torch except :func:`load` and :func:`adapt`.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "BackendError": "kukkiri.errors",
    "ConfigError": "kukkiri.errors",
    "ImageError": "kukkiri.errors",
    "KukkiriError": "kukkiri.errors",
    "ModelError": "kukkiri.errors",
    "ModelInfo": "kukkiri.info",
    "Image": "kukkiri.images",
    "Upscaler": "kukkiri.inference",
    "adapt": "kukkiri.adaptation",
    "load": "kukkiri.checkpoints",
    "upscale": "kukkiri.inference",
}

__all__ = sorted([*_HOME, "__version__"])


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'kukkiri' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
