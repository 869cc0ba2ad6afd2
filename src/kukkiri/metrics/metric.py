"""The contract of a metric: one upscaled image with its ground truth goes in, one number comes out.

A new metric is a file with a function and a :class:`Metric`, a line in ``metrics/registry.py``, and a test;
docs/extending/metric.md shows it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from kukkiri.metrics.protocols import Protocol  # protocols.py scores by PSNR and SSIM, whose files import this one

__all__ = ["Metric", "Sample"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sample:
    """One upscaled image with everything that a metric may compare it with."""

    hr: Array
    """The ground truth, uint8: (H, W, 3) RGB; (H, W) luma under ``y-legacy``."""
    lr: Array
    """The network's input: uint8, (h, w, 3) RGB; under ``y-legacy`` float64 luma, (h, w), on 0..255, not rounded."""
    sr: Array
    """The estimate, uint8, the shape of ``hr``."""
    protocol: "Protocol"
    scale: int
    """HR pixels for one LR pixel along a side; also the border that full-reference metrics cut."""
    downsample: Callable[[Array], Array] | None = None
    """The degradation that made ``lr``, from float64 ``sr`` in [0, 1] to the size of ``lr``; ``None``: MATLAB's
    bicubic, or unknown."""

    @cached_property
    def compared(self) -> tuple[Array, Array]:
        """(hr, sr) as the protocol compares them, on 0..255: luma or RGB, the border not yet cut.

        Raises:
            TypeError: an image is not uint8.
        """
        return self.protocol.compared(self.hr, self.sr)


@dataclass(frozen=True)
class Metric:
    """A number for one upscaled image, and how tables show it."""

    title: str
    """Head of a column, with the unit: ``PSNR (dB)``."""
    value: Callable[[Sample], float | None]
    """The metric itself; ``None`` where it is not defined: the image is too small, or has no colours."""
    higher_is_better: bool
    summary: str
    """One line: the definition, and its source."""
    needs: str = ""
    """The requirement of an image, where there is one; without it the value is ``None``."""
    digits: int = 2
    """Decimals in tables."""
    depends_on_files: bool = False
    """The value depends on files of the user's, so that a score is not kept for the next evaluation."""
