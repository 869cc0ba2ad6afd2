"""The interface of a training loss."""

from typing import Protocol

from torch import Tensor

__all__ = ["Loss"]


class Loss(Protocol):
    """A function, or a module without trainable weights, that maps (sr, hr) to a scalar to minimize.

    It is a mean over all values, so that its scale does not depend on the sizes of the batch and of the patches, and it
    has no state, so that a run resumes to equal bits. Meta-training differentiates it twice inside ``torch.func``
    transforms: no ``.item()``, no in-place operation on an argument, no branch on a value.
    """

    def __call__(self, sr: Tensor, hr: Tensor, /) -> Tensor:
        """Compute the loss.

        Args:
            sr: (N, C, H, W), float32, the network's output in the units of the images, [0, 1], not clamped.
            hr: the same shape, [0, 1]; Y or RGB as the network's colour.

        Returns:
            A tensor with one element, differentiable in ``sr``.
        """
        ...
