"""Checks of an upscaler's options that need no model."""

from typing import get_args

from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.inference.families import Domain
from kukkiri.inference.half_precision import Precision
from kukkiri.inference.options import UpscalerOptions
from kukkiri.inference.separate_planes import AlphaMode

__all__ = ["check_options"]

_CHOICES = {"alpha": get_args(AlphaMode), "precision": get_args(Precision), "weights": get_args(Domain)}


def check_options(options: UpscalerOptions) -> None:
    """Check the options that do not depend on the model.

    Args:
        options: all of them.

    Raises:
        ConfigError: a negative tile, thread count or memory, no worker, an unknown choice, or options that exclude one
            another.
    """
    tile, threads, memory = options["tile"], options["threads"], options["memory"]
    if options["chop"] and tile not in (None, "auto"):
        raise ConfigError("chop and tile both cut the image, each in its way. Use one of them.")
    if options["chop"] and options["skip_flat"]:
        raise ConfigError("chop is for published numbers, which skip_flat changes a little. Use one of them.")
    if (isinstance(tile, int) and tile < 0) or (threads or 0) < 0 or (memory or 0) < 0:
        raise ConfigError(f"tile, threads and memory must not be negative, got {tile}, {threads}, {memory}.")
    if options["workers"] < 1:
        raise ConfigError(f"workers must be at least 1, got {options['workers']}.")
    given = {"alpha": options["alpha"], "precision": options["precision"], "weights": options["weights"]}
    for name, choice in given.items():
        if choice not in _CHOICES[name]:
            raise ConfigError(f"unknown {name} {choice!r}{did_you_mean(str(choice), _CHOICES[name])}")
