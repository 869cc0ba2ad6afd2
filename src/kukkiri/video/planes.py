"""The planes of a frame as arrays that share its memory, and new frames to write into."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import VideoError, require

if TYPE_CHECKING:
    import av
    from av.video.plane import VideoPlane

__all__ = ["Plane", "new_frame", "view_planes"]

Plane = NDArray[Any]


def view_planes(frame: "av.VideoFrame") -> list[Plane]:
    """View the planes of a frame without a copy.

    Args:
        frame: of a planar format with samples of 8 to 16 bits, in the byte order of this machine.

    Returns:
        For each plane (height, width) of uint8 or uint16; the padding behind each row is left out. Writing to them
        writes the frame. For RGB the order is G, B, R.

    Raises:
        VideoError: the format has several components in one plane, or samples of another size.
    """
    components = frame.format.components
    depth = max(component.bits for component in components)
    if len(components) != len(frame.planes) or not 8 <= depth <= 16:
        raise VideoError(f"frames of the pixel format {frame.format.name} are not planar. Convert them to yuv420p.")
    dtype = np.dtype(np.uint8 if depth == 8 else np.uint16)
    return [_view(plane, dtype) for plane in frame.planes]


def new_frame(width: int, height: int, pixel_format: str) -> "av.VideoFrame":
    """Make a frame whose planes :func:`view_planes` gives for writing; its samples are undefined.

    Raises:
        BackendError: PyAV is not installed.
    """
    require("av", for_what="video")
    import av

    return av.VideoFrame(width, height, pixel_format)


def _view(plane: "VideoPlane", dtype: "np.dtype[Any]") -> Plane:
    samples: Plane = np.frombuffer(memoryview(plane), dtype)
    rows: Plane = samples.reshape(plane.height, plane.line_size // dtype.itemsize)
    return rows[:, : plane.width]
