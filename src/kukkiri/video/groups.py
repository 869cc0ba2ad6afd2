"""Groups of planes that are upscaled together, rectangle by rectangle: the interface, and interpolated planes."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from kukkiri.inference.flat_regions import SkipStatistics
from kukkiri.video.chroma import PlaneResizer, chroma_resizer, plane_resizer
from kukkiri.video.geometry import Geometry
from kukkiri.video.reuse import Rectangle
from kukkiri.video.rounding import round_into

__all__ = ["Check", "PlaneGroup", "ResizedPlane", "repeat_last"]

Plane = NDArray[Any]
Check = Callable[[], None]
"""Called now and then while a frame is computed; what it raises ends the work."""


class PlaneGroup(Protocol):
    """Planes of a frame that are made from the same planes."""

    @property
    def reads(self) -> tuple[int, ...]:
        """Planes of the frame that the result depends on."""

    @property
    def writes(self) -> tuple[int, ...]:
        """Planes of the result."""

    @property
    def reach(self) -> int | None:
        """Pixels of the frame around a place that its result depends on; ``None``: all of it."""

    @property
    def bands(self) -> bool:
        """Rectangles must be as wide as the frame."""

    @property
    def margin(self) -> int:
        """Pixels of the frame that are read around a rectangle, for the price of it."""

    def run(
        self, planes: Sequence[Plane], rectangle: Rectangle, targets: Sequence[Plane], *, check: Check
    ) -> SkipStatistics | None:
        """Compute a rectangle of the frame.

        Args:
            planes: all planes of the frame.
            rectangle: that is computed.
            targets: for each plane of ``writes`` the part that the rectangle becomes; written.
            check: see :data:`Check`.
        """


class ResizedPlane:
    """One plane by an interpolation kernel: chroma, alpha, and every plane when there is no network."""

    margin = 0

    def __init__(self, plane: int, geometry: Geometry, *, kernel: str) -> None:
        """Prepare the weights.

        Args:
            plane: its number.
            geometry: of the frames.
            kernel: a key of ``kukkiri.resampling.KERNELS``.
        """
        self.reads = self.writes = (plane,)
        self.bands = False
        self._plane, self._geometry = plane, geometry
        layout = geometry.layout
        self._samples = layout.rgb
        size = layout.find_plane_size(plane, geometry.size)
        output_size = layout.find_plane_size(plane, geometry.output_size)
        self._resizer: PlaneResizer = (
            chroma_resizer(size, output_size, scale=geometry.scale, layout=layout, kernel=kernel)
            if layout.is_chroma(plane)
            else plane_resizer(size, output_size, scale=geometry.scale, kernel=kernel)
        )
        across, down = layout.subsampling if layout.is_chroma(plane) else (1, 1)
        reach = self._resizer.reach
        self.reach = max(down * (reach[0] + 1), across * (reach[1] + 1))

    def run(
        self, planes: Sequence[Plane], rectangle: Rectangle, targets: Sequence[Plane], *, check: Check
    ) -> SkipStatistics | None:
        """Compute a rectangle, see :class:`PlaneGroup`."""
        check()
        box = self._geometry.find_box(rectangle, self._plane)
        round_into(targets[0], self._resizer.resize(planes[self._plane], box), top=self._samples.top)
        return None


def repeat_last(target: Plane, size: tuple[int, int]) -> None:
    """Fill the rows and columns beyond (height, width) with the last ones."""
    height, width = size
    if target.shape[1] > width:
        target[:height, width:] = target[:height, width - 1 : width]
    if target.shape[0] > height:
        target[height:] = target[height - 1 : height]
