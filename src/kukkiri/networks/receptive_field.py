"""How far into the LR image the upscaling end of a network reaches."""

from collections.abc import Iterable

__all__ = ["tail_reach"]


def tail_reach(radius: int, stages: Iterable[int], *, stage_radius: int = 1) -> int:
    """LR pixels to each side that a tail of upscaling stages reads for one output pixel.

    Args:
        radius: pixels to each side that the convolutions after the last stage read, at full size.
        stages: factors of the stages, first to last; each is a convolution and then a pixel shuffle.
        stage_radius: pixels to each side that the convolution of a stage reads.
    """
    for factor in reversed(list(stages)):
        # the outermost of the ``factor`` phases of a pixel crosses into one pixel more
        radius = -(-radius // factor) + stage_radius
    return radius
