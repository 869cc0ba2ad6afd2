"""The interface of a training loss."""

from typing import Any, Protocol

from torch import Tensor

__all__ = ["Loss"]


class Loss(Protocol):
    """A function, or a module without trainable weights, that maps (sr, hr) to a scalar to minimize.

    It is a mean over all values, so that its scale does not depend on the sizes of the batch and of the patches, and it
    has no state, so that a run resumes to equal bits. Meta-training differentiates it twice inside ``torch.func``
    transforms: no ``.item()``, no in-place operation on an argument, no branch on a value. It makes its constants on
    the device and of the dtype of ``sr``.

    Its signature declares the rest. A keyword-only parameter without a default is an input that it **needs** besides
    sr and hr, which whoever trains passes by that name: ``lr``, (N, C, H/scale, W/scale), the network's input image in
    [0, 1]. A keyword-only parameter with a default is an **argument**, which a recipe may set.
    """

    def __call__(self, sr: Tensor, hr: Tensor, /, *args: Any, **kwargs: Any) -> Tensor:
        """Compute the loss.

        Args:
            sr: (N, C, H, W), float32, the network's output in the units of the images, [0, 1], not clamped.
            hr: the same shape, [0, 1]; Y or RGB as the network's colour.
            *args: none; a type checker reads ``*args: Any, **kwargs: Any`` as any further keywords.
            **kwargs: its needs and its arguments.

        Returns:
            A tensor with one element, differentiable in ``sr``.
        """
        ...
