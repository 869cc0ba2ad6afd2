"""Receptive fields by arithmetic: which input pixels an output pixel can depend on, from the geometry of the layers.

Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019. Networks declare the
number that comes out; ``tests/networks/test_all.py`` compares it with the gradients.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Layer", "compute_receptive_field", "list_upscaling_layers"]


@dataclass(frozen=True)
class Layer:
    """Geometry of a convolution, or of a transposed convolution, along one side."""

    kernel_size: int
    """Taps."""
    stride: int = 1
    """Pixels between two outputs, or between two inputs of a transposed convolution."""
    padding: int | None = None
    """Pixels added at each end, or cut by a transposed convolution; ``None``: half the kernel."""
    transposed: bool = False
    """The output is ``stride`` times as long as the input."""

    def read_by(self, first: int, last: int) -> tuple[int, int]:
        """First and last input position on which the output positions from ``first`` to ``last`` depend."""
        padding = self.kernel_size // 2 if self.padding is None else self.padding
        if self.transposed:  # input i writes the outputs from stride * i - padding on
            return -((self.kernel_size - 1 - padding - first) // self.stride), (last + padding) // self.stride
        return self.stride * first - padding, self.stride * last - padding + self.kernel_size - 1


def compute_receptive_field(layers: Sequence[Layer]) -> int:
    """The receptive field of a chain of layers that upscales by a whole number.

    Args:
        layers: from the input to the output.

    Returns:
        Input pixels at each side of the pixel in which an output pixel lies; the largest over all output pixels.
    """
    scale = 1.0
    for layer in layers:
        scale *= layer.stride if layer.transposed else 1 / layer.stride
    radius = 0
    for phase in range(round(scale)):
        first = last = phase
        for layer in reversed(layers):
            first, last = layer.read_by(first, last)
        radius = max(radius, -first, last)
    return radius


def list_upscaling_layers(
    factors: Iterable[int], *, upsampling: str = "sub-pixel", kernel_size: int = 3
) -> list[Layer]:
    """The layers of an upscaling in stages.

    Args:
        factors: of the stages, first to last.
        upsampling: a name in ``kukkiri.upsampling.UPSAMPLERS``.
        kernel_size: side of the convolution of a stage; transposed convolutions have their default, 2 * factor.
    """
    layers: list[Layer] = []
    for factor in factors:
        nearest = Layer(factor, stride=factor, padding=0, transposed=True)
        if upsampling in ("transposed", "zero-insert"):
            layers.append(Layer(2 * factor, stride=factor, padding=(factor + 1) // 2, transposed=True))
        elif upsampling == "resize-nearest":
            layers += [nearest, Layer(kernel_size)]
        elif upsampling == "resize-bilinear":
            triangle = Layer(2 * factor - factor % 2, stride=factor, padding=factor // 2, transposed=True)
            layers += [triangle, Layer(kernel_size)]
        else:  # a pixel shuffle spreads one LR position over factor outputs, as nearest upscaling does
            layers += [Layer(kernel_size), nearest]
    return layers
