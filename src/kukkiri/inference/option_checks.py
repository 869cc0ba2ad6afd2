"""Checks of an upscaler's options that need no model."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import get_args

from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.inference.families import Domain
from kukkiri.inference.half_precision import Precision
from kukkiri.inference.options import UpscalerOptions
from kukkiri.inference.separate_planes import AlphaMode

__all__ = ["check_options"]

_CHOICES = {"alpha": get_args(AlphaMode), "precision": get_args(Precision), "weights": get_args(Domain)}
_WHOLE = ("threads", "workers", "width", "height", "short_side")
_NUMBERS = ("memory", "megapixels", "dpi", "vivid", "denoise")


def check_options(options: UpscalerOptions) -> None:
    """Check the options that do not depend on the model.

    Args:
        options: all of them.

    Raises:
        ConfigError: a text in place of a number, a negative tile, thread count or memory, no worker, an unknown choice,
            or options that exclude one another.
    """
    given: dict[str, object] = {**options}
    _check_kinds(given)
    tile, threads, memory = options["tile"], options["threads"], options["memory"]
    if options["chop"] and tile not in (None, "auto"):
        raise ConfigError("chop and tile both cut the image, each in its way. Use one of them.")
    if options["chop"] and options["skip_flat"]:
        raise ConfigError("chop is for published numbers, which skip_flat changes a little. Use one of them.")
    if (isinstance(tile, int) and tile < 0) or (threads or 0) < 0 or (memory or 0) < 0:
        raise ConfigError(f"tile, threads and memory must not be negative, got {tile}, {threads}, {memory}.")
    if options["workers"] < 1:
        raise ConfigError(f"workers must be at least 1, got {options['workers']}.")
    for name, choices in _CHOICES.items():
        if given[name] not in choices:
            raise ConfigError(f"unknown {name} {given[name]!r}{did_you_mean(str(given[name]), choices)}")


def _check_kinds(given: Mapping[str, object]) -> None:
    """Refuse texts and fractions where a notebook or a configuration file gives them for numbers."""
    tile = given["tile"]
    if tile not in (None, "auto") and not isinstance(tile, Integral):
        raise ConfigError(f"tile must be a whole number or 'auto', got {tile!r}.")
    for name in _WHOLE:
        if given[name] is not None and not isinstance(given[name], Integral):
            raise ConfigError(f"{name} must be a whole number, got {given[name]!r}.")
    for name in _NUMBERS:
        if given[name] is not None and not isinstance(given[name], Real):
            raise ConfigError(f"{name} must be a number, got {given[name]!r}.")
    for name in ("fit", "print_size"):
        pair = given[name]
        if pair is not None and not (isinstance(pair, tuple) and all(isinstance(side, Real) for side in pair)):
            raise ConfigError(f"{name} must be (width, height), two numbers, got {pair!r}.")
