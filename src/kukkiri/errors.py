"""Every error that a user can cause.

::

    KukkiriError
    ├── ImageError     a picture cannot be read, written, or has the wrong shape
    ├── ModelError     a model is unknown, damaged, or does not fit what was asked of it
    ├── ConfigError    a recipe, an option or a combination of options makes no sense
    ├── BackendError   an engine or an optional dependency is missing or failed
    └── VideoError     a video cannot be read or written

A message says what happened, what was found, what was expected, and what to do. Mistakes of a
programmer (wrong types, impossible arguments) are ``ValueError`` and ``TypeError``.
"""

__all__ = ["BackendError", "ConfigError", "ImageError", "KukkiriError", "ModelError", "VideoError"]


class KukkiriError(Exception):
    """The root: catch it to catch everything that a user's input can cause."""


class ImageError(KukkiriError):
    """A picture cannot be read or written, or its size or type does not fit."""


class ModelError(KukkiriError):
    """A model is unknown, damaged, or does not fit what was asked of it."""


class ConfigError(KukkiriError):
    """A recipe, an option, or a combination of options makes no sense."""


class BackendError(KukkiriError):
    """An engine or an optional dependency is missing, or failed while it ran."""


class VideoError(KukkiriError):
    """A video cannot be read or written."""
