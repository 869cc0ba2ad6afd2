"""What every network tells about itself, so that engines, the tiler and the checkpoints need no special cases."""

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

__all__ = ["Network"]


class Network(nn.Module):
    """A super-resolution network: lr (N, C, H, W) to sr (N, C, scale*H, scale*W), not clamped.

    A subclass sets the attributes below, on the class where they never vary and in the constructor where
    they do. Constructors take keywords only, and JSON values only, so that a checkpoint can carry them.
    """

    scale: int
    """Output pixels for one input pixel along a side."""
    colour: Literal["y", "rgb"] = "rgb"
    """One luma channel or three."""
    value_range: float = 1.0
    """White in the official forward's units: 1.0, or 255.0."""
    receptive_field: int | None
    """LR pixels to each side that reach one output pixel; ``None`` when every pixel does."""
    multiple: int = 1
    """Height and width of the input must be a multiple of this."""
    pre_upsampled: bool = False
    """The input is already upscaled by bicubic interpolation; the output has its size."""
    adds_input: bool = False
    """The network adds to its own input pixels, so that a shift of the input shifts the output by itself."""
    conditions: tuple[str, ...] = ()
    """What the forward needs beside the image, such as a blur kernel; such a network is used from Python."""

    @property
    def channels(self) -> int:
        """Channels of input and output."""
        return 1 if self.colour == "y" else 3

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, Any]:
        """Infer the constructor's keywords from the shapes of a state dict.

        Raises:
            ModelError: the shapes are not those of this network.
        """
        raise NotImplementedError(f"{cls.__name__} does not infer its arguments")
