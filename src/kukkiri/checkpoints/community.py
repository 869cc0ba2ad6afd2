"""Networks that only spandrel knows, behind our interface."""

import logging
import pickle
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from kukkiri.errors import BackendError, ModelError, require
from kukkiri.networks import Network

__all__ = ["load_with_spandrel"]

_LOG = logging.getLogger(__name__)


class _SpandrelNetwork(Network):
    """A network of spandrel with our interface; its receptive field is unknown and counts as global."""

    receptive_field = None

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.scale = int(descriptor.scale)
        self.colour = "y" if descriptor.input_channels == 1 else "rgb"
        self.multiple = int(descriptor.size_requirements.multiple_of or 1)
        self.model = descriptor.model

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W)."""
        sr: Tensor = self.model(lr)
        return sr


def load_with_spandrel(path: str | PathLike[str]) -> Network:
    """Load a network that only spandrel knows.

    Raises:
        BackendError: spandrel is not installed, or does not load.
        ModelError: spandrel does not know the file either, or it is no network from image to image.
    """
    spandrel = _import_spandrel(path)

    try:
        descriptor = spandrel.ModelLoader(device="cpu").load_from_file(Path(path))
    except (spandrel.UnsupportedModelError, pickle.UnpicklingError, RuntimeError, ValueError) as error:
        _LOG.debug("spandrel: %s", error)
        raise ModelError(f"{path}: spandrel cannot load it either.") from error
    if descriptor.input_channels not in (1, 3) or descriptor.output_channels != descriptor.input_channels:
        raise ModelError(
            f"{path}: maps {descriptor.input_channels} channels to {descriptor.output_channels}, "
            "expected 1 to 1 or 3 to 3."
        )
    return _SpandrelNetwork(descriptor).eval()


def _import_spandrel(path: str | PathLike[str]) -> Any:
    try:
        require("spandrel", for_what=f"{path}: an unknown network")
        import spandrel  # type: ignore[import-not-found,unused-ignore]
    except (RuntimeError, OSError, AttributeError) as error:  # torchvision of another build than torch
        _LOG.debug("spandrel: %s", error)
        raise BackendError(
            f"{path}: spandrel is installed, but does not load; its torchvision may be of another build than torch. "
            "Install torch and torchvision from one place."
        ) from error
    return spandrel
